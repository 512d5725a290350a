"""A cold object that the origin sends over one second, asked for by many clients at once."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp

from bench.caches import Cache, missing_peers, open_caches
from bench.report import Goal, Measure, Report
from bench.upstream import Upstream, open_upstream

CLIENTS = 50
SIZE = 1_000_000
_DEADLINE = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Fetched:
    """When one client got its first and its last byte, in seconds after it asked."""

    first_byte_seconds: float
    total_seconds: float


async def run(directory: Path, quick: bool) -> Report:
    """Measure every cache in turn, several times, each time with a new object."""
    rounds = 1 if quick else 5
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    async with (
        open_upstream() as upstream,
        open_caches(upstream.url, directory) as caches,
    ):
        for cache in caches:
            await _crowd(cache, upstream, f"/slow/{SIZE}/{cache.name}-warm")
        for number in range(rounds):
            for cache in caches:
                path = f"/slow/{SIZE}/{cache.name}-{number}"
                for (name, unit), value in (await _crowd(cache, upstream, path)).items():
                    found[cache.name, name, unit].append(value)
    measures = {
        (cache, name): Measure(f"{cache}, {name}", unit, tuple(values))
        for (cache, name, unit), values in found.items()
    }
    ratios = [
        measures["edge", name].ratio_to(measures["varnish", name], f"edge / varnish, {name}")
        for name in ("median first byte", "worst first byte")
        if ("varnish", name) in measures
    ]
    goals = (
        Goal(measures["edge", "origin requests"], 1),
        *(Goal(ratio, 1.0) for ratio in ratios),
    )
    notes = (
        f"{CLIENTS} clients at once, {SIZE} bytes over 1 s, a new object each round",
        *(f"not installed: {name}" for name in missing_peers()),
    )
    return Report("Request collapsing", (*measures.values(), *ratios), goals, notes)


async def _crowd(cache: Cache, upstream: Upstream, path: str) -> dict[tuple[str, str], float]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=_DEADLINE) as session:
        fetched = await asyncio.gather(*(_fetch(session, cache.url + path) for _ in range(CLIENTS)))
    first = _column(fetched, "first_byte_seconds")
    return {
        ("origin requests", ""): upstream.requests[path],
        ("median first byte", "ms"): median(first) * 1000,
        ("worst first byte", "ms"): max(first) * 1000,
        ("all done", "s"): max(_column(fetched, "total_seconds")),
    }


def _column(fetched: Sequence[Fetched], name: str) -> list[float]:
    return [getattr(one, name) for one in fetched]


async def _fetch(session: aiohttp.ClientSession, url: str) -> Fetched:
    loop = asyncio.get_running_loop()
    asked_at, received, first_byte_at = loop.time(), 0, 0.0
    async with session.get(url) as response:
        response.raise_for_status()
        async for piece in response.content.iter_any():
            first_byte_at = first_byte_at or loop.time()
            received += len(piece)
    if received != SIZE:
        raise RuntimeError(f"{url} gave {received} of {SIZE} bytes")
    return Fetched(first_byte_at - asked_at, loop.time() - asked_at)
