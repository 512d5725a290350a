"""A cold object that the origin sends over one second, asked for by many clients at once."""

from collections import defaultdict
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench.caches import Cache, missing_peers, open_caches
from bench.crowd import crowd
from bench.report import Goal, Measure, Report
from bench.upstream import Upstream, open_upstream

CROWDS = (50, 1000)
SIZE = 1_000_000


async def run(directory: Path, quick: bool) -> Report:
    """Measure every cache in turn, several times, each time with a new object."""
    rounds = 1 if quick else 5
    found: dict[tuple[int, str, str, str], list[float]] = defaultdict(list)
    async with (
        open_upstream() as upstream,
        open_caches(upstream.url, directory) as caches,
    ):
        for cache in caches:
            await _crowd(cache, upstream, f"/slow/{SIZE}/{cache.name}-warm", max(CROWDS))
        for number in range(rounds):
            for clients in CROWDS:
                for cache in caches:
                    path = f"/slow/{SIZE}/{cache.name}-{clients}-{number}"
                    crowded = await _crowd(cache, upstream, path, clients)
                    for (what, unit), value in crowded.items():
                        found[clients, cache.name, what, unit].append(value)
    measures = {
        (clients, cache, what): Measure(f"{cache}, {clients} clients, {what}", unit, tuple(values))
        for (clients, cache, what, unit), values in found.items()
    }
    ratios = [
        measures[clients, "edge", what].ratio_to(
            measures[clients, "varnish", what], f"edge / varnish, {clients} clients, {what}"
        )
        for clients in CROWDS
        for what in ("median first byte", "worst first byte")
        if (clients, "varnish", what) in measures
    ]
    goals = (
        *(Goal(measures[clients, "edge", "origin requests"], 1) for clients in CROWDS),
        *(Goal(ratio, 1.0) for ratio in ratios),
        *(Goal(measures[clients, "edge", "all done / origin's time"], 1.05) for clients in CROWDS),
    )
    notes = (
        f"{SIZE} bytes over 1 s, a new object each round; clients in one process of their own, "
        "all connected before the first asks",
        *(f"not installed: {name}" for name in missing_peers()),
    )
    return Report("Request collapsing", (*measures.values(), *ratios), goals, notes)


async def _crowd(
    cache: Cache, upstream: Upstream, path: str, clients: int
) -> dict[tuple[str, str], float]:
    place = urlsplit(cache.url)
    found = await crowd(
        str(place.hostname), place.port or 80, path, clients=clients, size_bytes=SIZE
    )
    first = [one.first_byte_seconds for one in found.clients]
    return {
        ("origin requests", ""): upstream.requests[path],
        ("median first byte", "ms"): median(first) * 1000,
        ("worst first byte", "ms"): max(first) * 1000,
        ("all done", "s"): found.total_seconds,
        ("all done / origin's time", "x"): found.total_seconds / upstream.seconds[path],
    }
