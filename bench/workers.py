"""One worker and two: what a hit costs, and so how much more two cores serve than one.

The load needs a core as well, and two workers that share theirs with it are measured together with
it. So both nodes run on one core in turn, all their processes, with wrk on the other: what two
workers serve on two cores of their own follows from the CPU time of a hit. It leaves out what two
busy cores cost each other.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bench.caches import Certificate, new_certificate
from bench.process import (
    Running,
    free_port,
    pinned,
    running,
    streamer_command,
    wait_until_answering,
)
from bench.report import Goal, Measure, Report
from bench.upstream import open_upstream
from bench.wrk import BROWSER_HEADERS, load

COUNTS = (1, 2)
CONNECTIONS = 64
_SPEED_UP = 1.7
_WARM_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load."""

    name: str
    size_bytes: int
    has_tls: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A running node."""

    url: str
    process: Running


CASES = (
    Case("1.5 KB", 1500),
    Case("200 KB", 200_000),
    Case("1.5 KB with TLS", 1500, has_tls=True),
    Case("200 KB with TLS", 200_000, has_tls=True),
)


async def run(directory: Path, quick: bool) -> Report:
    """Measure both counts of workers in every case, interleaved."""
    rounds, seconds = (1, 1) if quick else (5, 3)
    costs: dict[tuple[str, int], list[float]] = defaultdict(list)
    client = pinned(1)
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(open_upstream())
        nodes = {}
        for certificate in (None, new_certificate(directory)):
            for count in COUNTS:
                opened = _open_node(upstream.url, directory, count, certificate)
                nodes[count, certificate is not None] = await stack.enter_async_context(opened)
        for _ in range(rounds):
            for case in CASES:
                for count in COUNTS:
                    cost = await _cost_per_hit(nodes[count, case.has_tls], case, seconds, client)
                    costs[case.name, count].append(cost)
        asked = {path: n for path, n in upstream.requests.items() if path != "/bytes/1"}
    notes = (
        f"{len(BROWSER_HEADERS)} request headers, {CONNECTIONS} connections, {seconds} s a run; "
        "servers on core 0, wrk on core 1",
        f"the goal is CPU per hit with two workers at most 2 / {_SPEED_UP} of that with one",
        f"upstream requests of all four nodes together: {asked}",
    )
    return _report(costs, notes)


def _report(costs: dict[tuple[str, int], list[float]], notes: tuple[str, ...]) -> Report:
    measures, goals = [], []
    for case in CASES:
        one, two = (_measure_of(case, count, costs) for count in COUNTS)
        ratio = two.ratio_to(one, f"two / one, {case.name}, CPU")
        speed_up = tuple(2 / value for value in ratio.values)
        measures += [one, two, ratio]
        measures.append(Measure(f"two / one, {case.name}, capacity of two cores", "x", speed_up))
        goals.append(Goal(ratio, 2 / _SPEED_UP))
    return Report("Workers", tuple(measures), tuple(goals), notes)


def _measure_of(case: Case, count: int, costs: dict[tuple[str, int], list[float]]) -> Measure:
    name = "1 worker" if count == 1 else f"{count} workers"
    return Measure(f"{name}, {case.name}, CPU", "µs/hit", tuple(costs[case.name, count]))


@asynccontextmanager
async def _open_node(
    origin_url: str, directory: Path, count: int, certificate: Certificate | None
) -> AsyncIterator[Node]:
    """A node with everything that is measured in the memory of all its workers."""
    home = directory / f"{count}{'-tls' if certificate else ''}"
    home.mkdir()
    port = free_port()
    tls = ("--tls-cert", certificate.path, "--tls-key", certificate.key) if certificate else ()
    command = streamer_command(
        *("edge", "--origin", f"http://{urlsplit(origin_url).netloc}", "--region", "bench"),
        *("--port", str(port), "--admin-port", str(free_port()), "--workers", str(count)),
        *("--cache-dir", str(home / "cache"), "--memory-size", "256M", "--disk-size", "1G"),
        *map(str, tls),
    )
    async with running([*pinned(0), *command], log=home / "log") as process:
        url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
        await wait_until_answering(f"{url}/bytes/1", process)
        await asyncio.gather(*(_warm(url) for _ in range(_WARM_CONNECTIONS)))
        yield Node(url, process)


async def _warm(url: str) -> None:
    """Ask for everything, twice, over a connection of its own: whichever worker takes it."""
    async with aiohttp.ClientSession() as session:
        for size in sorted({case.size_bytes for case in CASES}) * 2:
            async with session.get(f"{url}/bytes/{size}", ssl=False) as response:
                response.raise_for_status()
                await response.read()


async def _cost_per_hit(node: Node, case: Case, seconds: int, client: tuple[str, ...]) -> float:
    """CPU time of all processes of a node per answer, in microseconds."""
    before = node.process.cpu_seconds()
    url = f"{node.url}/bytes/{case.size_bytes}"
    found = await load(url, connections=CONNECTIONS, seconds=seconds, prefix=client)
    return (node.process.cpu_seconds() - before) / found.answers * 1e6
