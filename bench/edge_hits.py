"""CPU per cache hit: our edge beside nginx and Varnish, one core each, hits from memory."""

import asyncio
import os
from collections import defaultdict
from pathlib import Path

import aiohttp

from bench.caches import Cache, missing_peers, open_caches
from bench.report import Goal, Measure, Report
from bench.upstream import open_upstream
from bench.wrk import BROWSER_HEADERS, load

SIZES = {"1.5 KB": 1500, "200 KB": 200_000}
CONNECTIONS = 64
_GOALS = {
    ("1.5 KB", "nginx"): 0.85,
    ("1.5 KB", "varnish"): 0.6,
    ("200 KB", "nginx"): 0.85,
    ("200 KB", "varnish"): 0.85,
}


async def run(directory: Path, quick: bool) -> Report:
    """Measure every cache at every size, interleaved."""
    rounds, seconds = (1, 1) if quick else (5, 4)
    server, client = _pinned(0), _pinned(1)
    costs: dict[tuple[str, str], list[float]] = defaultdict(list)
    async with (
        open_upstream() as upstream,
        open_caches(upstream.url, directory, prefix=server) as caches,
    ):
        for cache in caches:
            await _warm(cache)
        for _ in range(rounds):
            for label, size in SIZES.items():
                for cache in caches:
                    cost = await _cost_per_hit(cache, size, seconds, client)
                    costs[label, cache.name].append(cost)
        asked = {path: count for path, count in upstream.requests.items() if path != "/bytes/1"}
    measures = {
        key: Measure(f"{key[1]}, {key[0]}", "µs/hit", tuple(values))
        for key, values in costs.items()
    }
    ratios = {
        (label, name): measures[label, "edge"].ratio_to(
            measures[label, name], f"edge / {name}, {label}"
        )
        for label, name in measures
        if name != "edge"
    }
    goals = tuple(Goal(ratio, _GOALS[key]) for key, ratio in ratios.items())
    notes = (
        f"{CONNECTIONS} connections, {len(BROWSER_HEADERS)} request headers, {seconds} s a run, "
        f"server on core 0, wrk on core 1; upstream requests: {asked}",
        *(f"not installed: {name}" for name in missing_peers()),
    )
    return Report("CPU per hit", (*measures.values(), *ratios.values()), goals, notes)


async def _warm(cache: Cache) -> None:
    async with aiohttp.ClientSession() as session:
        for size in SIZES.values():
            for _ in range(3):
                async with session.get(f"{cache.url}/bytes/{size}") as response:
                    response.raise_for_status()
                    await response.read()
                await asyncio.sleep(0.1)


async def _cost_per_hit(cache: Cache, size: int, seconds: int, client: tuple[str, ...]) -> float:
    """CPU time of the server per answered request, in microseconds."""
    before = cache.process.cpu_seconds()
    answers = await load(
        f"{cache.url}/bytes/{size}", connections=CONNECTIONS, seconds=seconds, prefix=client
    )
    return (cache.process.cpu_seconds() - before) / answers * 1e6


def _pinned(core: int) -> tuple[str, ...]:
    """The command prefix that keeps a process on one core, where the machine has two."""
    cores = sorted(os.sched_getaffinity(0))
    return ("taskset", "-c", str(cores[core])) if len(cores) > 1 else ()
