"""CPU per cache hit: our edge beside nginx and Varnish, one core each, hits from memory."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.caches import Cache, missing_peers, new_certificate, open_caches
from bench.process import pinned
from bench.report import Goal, Measure, Report
from bench.upstream import open_upstream
from bench.wrk import BROWSER_HEADERS, Load, load

_LARGE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load, and what our CPU time may be of each peer's.

    `p99_goals` bounds the time of the slowest hundredth in the same way. `runs_for` is how many
    times the usual it runs: a hundredth of the answers must be many more than the connections,
    whose first answers wait until all are accepted.
    """

    name: str
    size_bytes: int
    connections: int
    goals: dict[str, float]
    p99_goals: dict[str, float]
    has_tls: bool = False
    runs_for: int = 1


CASES = (
    Case("1.5 KB", 1500, 64, {"nginx": 0.85, "varnish": 0.6}, {}),
    Case("200 KB", 200_000, 64, {"nginx": 0.85, "varnish": 0.85}, {}),
    Case("4 MB", 4_000_000, 64, {"nginx": 1.0, "varnish": 1.0}, {}),
    Case("200 KB with TLS", 200_000, 64, {"nginx": 0.75}, {}, has_tls=True),
    Case("1.5 KB to 1000 connections", 1500, 1000, {}, {"nginx": 1.0}, runs_for=4),
)


async def run(directory: Path, quick: bool) -> Report:
    """Measure every cache in every case, interleaved."""
    rounds, seconds = (1, 1) if quick else (5, 2)
    server, client = pinned(0), pinned(1)
    costs: dict[tuple[str, str], list[float]] = defaultdict(list)
    slowest: dict[tuple[str, str], list[float]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(open_upstream())
        clear = await stack.enter_async_context(open_caches(upstream.url, directory, prefix=server))
        secret = await stack.enter_async_context(
            open_caches(
                upstream.url, directory, prefix=server, certificate=new_certificate(directory)
            )
        )
        for cache in (*clear, *secret):
            await _warm(cache)
        for _ in range(rounds):
            for case in CASES:
                for cache in secret if case.has_tls else clear:
                    cost, found = await _measure(cache, case, seconds * case.runs_for, client)
                    costs[case.name, cache.name].append(cost)
                    slowest[case.name, cache.name].append(found.p99_seconds * 1000)
        asked = {path: count for path, count in upstream.requests.items() if path != "/bytes/1"}
    cpu = _Compared.of("CPU", "µs/hit", costs)
    late = _Compared.of("p99", "ms", {key: ms for key, ms in slowest.items() if _has_p99(key[0])})
    goals = (
        *cpu.goals((case.name, case.goals) for case in CASES),
        *late.goals((case.name, case.p99_goals) for case in CASES),
    )
    notes = (
        f"{len(BROWSER_HEADERS)} request headers, 64 connections where not said, {seconds} s a run",
        f"server on core 0, wrk on core 1; upstream requests: {asked}",
        *(f"not installed: {name}" for name in missing_peers()),
    )
    return Report("CPU per hit", (*cpu.measures, *late.measures), goals, notes)


@dataclass(frozen=True, slots=True)
class _Compared:
    """One quantity by case and cache, and its ratios to each peer."""

    by_cache: dict[tuple[str, str], Measure]
    ratios: dict[tuple[str, str], Measure]

    @classmethod
    def of(cls, what: str, unit: str, found: dict[tuple[str, str], list[float]]) -> "_Compared":
        by_cache = {
            (case, cache): Measure(f"{cache}, {case}, {what}", unit, tuple(values))
            for (case, cache), values in found.items()
        }
        ratios = {
            (case, cache): by_cache[case, "edge"].ratio_to(
                by_cache[case, cache], f"edge / {cache}, {case}, {what}"
            )
            for case, cache in by_cache
            if cache != "edge"
        }
        return cls(by_cache, ratios)

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (*self.by_cache.values(), *self.ratios.values())

    def goals(self, bounds: Iterable[tuple[str, dict[str, float]]]) -> list[Goal]:
        return [
            Goal(self.ratios[case, peer], bound)
            for case, by_peer in bounds
            for peer, bound in by_peer.items()
            if (case, peer) in self.ratios
        ]


def _has_p99(case_name: str) -> bool:
    return any(case.p99_goals for case in CASES if case.name == case_name)


async def _warm(cache: Cache) -> None:
    async with aiohttp.ClientSession() as session:
        for size in sorted({case.size_bytes for case in CASES}):
            for _ in range(3):
                async with session.get(f"{cache.url}/bytes/{size}", ssl=False) as response:
                    response.raise_for_status()
                    await response.read()
                await asyncio.sleep(0.1)


async def _measure(
    cache: Cache, case: Case, seconds: int, client: tuple[str, ...]
) -> tuple[float, Load]:
    """CPU time of the server per answer, in microseconds, and what the client saw."""
    before = cache.process.cpu_seconds()
    found = await load(
        f"{cache.url}/bytes/{case.size_bytes}",
        connections=case.connections,
        seconds=seconds,
        prefix=client,
    )
    spent = cache.process.cpu_seconds() - before
    # Of large answers, many are under way when the time is over.
    large = case.size_bytes >= _LARGE_BYTES
    answers = found.read_bytes / case.size_bytes if large else found.answers
    return spent / answers * 1e6, found
