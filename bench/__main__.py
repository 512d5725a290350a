"""The command: `python -m bench [NAME …] [--quick] [--json FILE]`."""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console

from bench import (
    arriving,
    bd_vmaf,
    collapse,
    edge_hits,
    hit_ratio,
    idle,
    ladder,
    large_arriving,
    origin_memory,
    per_title,
    playable,
    prefetch,
    recovery,
    soak,
    two_workers,
    workers,
)
from bench.report import Report, show

Benchmark = Callable[[Path, bool], Awaitable[Report]]

BENCHMARKS: dict[str, Benchmark] = {
    "playable": playable.run,
    "arriving": arriving.run,
    "large_arriving": large_arriving.run,
    "ladder": ladder.run,
    "two_workers": two_workers.run,
    "bd_vmaf": bd_vmaf.run,
    "per_title": per_title.run,
    "origin_memory": origin_memory.run,
    "edge_hits": edge_hits.run,
    "collapse": collapse.run,
    "prefetch": prefetch.run,
    "idle": idle.run,
    "soak": soak.run,
    "workers": workers.run,
    "hit_ratio": hit_ratio.run,
    "recovery": recovery.run,
}


async def run_all(names: list[str], *, quick: bool, console: Console) -> dict[str, Report]:
    """Run benchmarks one after another, each in a temporary directory; show each report."""
    reports = {}
    for name in names:
        with (
            tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as directory,
            console.status(f"running {name}"),
        ):
            reports[name] = await BENCHMARKS[name](Path(directory), quick)
        show(reports[name], console)
    return reports


def main() -> None:
    """Run what the command line names, everything when it names nothing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="few runs: a smoke test, no figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    names = options.names or list(BENCHMARKS)
    reports = asyncio.run(run_all(names, quick=options.quick, console=Console()))
    if options.json:
        found = {name: report.as_json() for name, report in reports.items()}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
