"""The hit ratio of the edge's eviction, beside the policies of libcachesim, on generated traces.

Each trace has objects of its own sizes; each policy gets a tier of a hundredth or a tenth of all
their bytes (and a thousandth, where that still holds some objects).
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import libcachesim  # type: ignore[import-untyped]

from bench.report import Goal, Measure, Report
from edge.core.eviction import MAX_USES, S3Fifo, Slot

Trace = Sequence[tuple[int, int]]
"""Object ids with the objects' sizes in bytes, in the order in which they are asked for."""

_SHARES = (0.001, 0.01, 0.1)
_SEED = 20231023
_NOISE = 0.01
_PEERS = {"s3-fifo": libcachesim.S3FIFO, "sieve": libcachesim.Sieve, "lru": libcachesim.LRU}


async def run(_: Path, quick: bool) -> Report:
    """Replay every trace at every size."""
    return await asyncio.to_thread(_replay_all, 20_000 if quick else 500_000)


def _replay_all(requests: int) -> Report:
    measures: list[Measure] = []
    goals: list[Goal] = []
    for name, make in TRACES.items():
        trace = list(make(requests))
        footprint_bytes = sum(dict(trace).values())
        for share in _SHARES:
            ratios = replay(trace, int(footprint_bytes * share))
            found = {
                policy: Measure(f"{name}, {share:.1%}: {policy}", "", (ratio,))
                for policy, ratio in ratios.items()
            }
            measures += found.values()
            best = max(ratio for policy, ratio in ratios.items() if policy != "edge")
            behind = Measure(f"{name}, {share:.1%}: best peer - edge", "", (best - ratios["edge"],))
            goals.append(Goal(behind, _NOISE))
    return Report(
        "hit ratio by trace and size of the tier",
        tuple(measures),
        tuple(goals),
        (f"{requests} requests a trace; libcachesim with its defaults",),
    )


def replay(trace: Trace, capacity_bytes: int) -> dict[str, float]:
    """The hit ratio of every policy in a tier of this size."""
    ratios = {"edge": _replay_edge(trace, capacity_bytes)}
    for name, policy in _PEERS.items():
        ratios[name] = _replay_peer(policy(capacity_bytes), trace)
    return ratios


def _replay_edge(trace: Trace, capacity_bytes: int) -> float:
    tier: S3Fifo[Slot[int]] = S3Fifo(capacity_bytes, len(trace))
    slots: dict[int, Slot[int]] = {}
    hits = 0
    for key, size_bytes in trace:
        slot = slots.get(key)
        if slot is not None:
            hits += 1
            slot.uses += slot.uses < MAX_USES
        elif tier.fits(size_bytes):
            slots[key] = slot = Slot(key, size_bytes)
            for victim in tier.admit(slot, 0.0):
                del slots[victim.key]
    return hits / len(trace)


def _replay_peer(cache: libcachesim.CacheBase, trace: Trace) -> float:
    request = libcachesim.Request()
    hits = 0
    for time, (key, size_bytes) in enumerate(trace):
        request.obj_id, request.obj_size, request.clock_time = key, size_bytes, time
        hits += cache.get(request)
    return hits / len(trace)


def zipf(requests: int, skew: float, objects: int = 100_000) -> Iterator[tuple[int, int]]:
    """Independent requests for objects of 1 KB to 256 KB, popular by Zipf's law."""
    dice = random.Random(_SEED)
    weights = list(accumulate(rank**-skew for rank in range(1, objects + 1)))
    sizes = [int(2 ** dice.uniform(10, 18)) for _ in range(objects)]
    for key in dice.choices(range(objects), cum_weights=weights, k=requests):
        yield key, sizes[key]


def scanned(requests: int) -> Iterator[tuple[int, int]]:
    """The same, and now and then a crawler that asks for a thousand objects once."""
    fresh = 10_000_000
    for number, request in enumerate(zipf(requests * 3 // 4, 0.9)):
        yield request
        if number % 3000 == 0:
            for _ in range(1000):
                fresh += 1
                yield fresh, 32_768


def video(requests: int) -> Iterator[tuple[int, int]]:
    """Viewers of 3000 videos: each begins at the start, goes on in order and leaves some time."""
    dice = random.Random(_SEED)
    weights = list(accumulate(rank**-0.9 for rank in range(1, 3001)))
    lengths = [dice.randint(20, 300) for _ in range(3000)]
    viewers: list[list[int]] = []
    for _ in range(requests):
        if len(viewers) < 200:
            (title,) = dice.choices(range(3000), cum_weights=weights)
            viewers.append([title, dice.randrange(3), 0])
        place = dice.randrange(len(viewers))
        title, rendition, segment = viewers[place]
        yield (title * 3 + rendition) * 1000 + segment, 200_000 * (1 + rendition * 2)
        viewers[place][2] += 1
        if segment + 1 == lengths[title] or dice.random() < 0.02:
            viewers[place] = viewers[-1]
            viewers.pop()


def live(requests: int) -> Iterator[tuple[int, int]]:
    """Viewers of 60 channels, up to ten segments behind the newest, and some who go back."""
    dice = random.Random(_SEED)
    weights = list(accumulate(rank**-1.0 for rank in range(1, 61)))
    channels = dice.choices(range(60), cum_weights=weights, k=requests)
    for number, channel in enumerate(channels):
        newest = 100 + number // 1000
        behind = dice.randrange(100) if dice.random() < 0.1 else min(9, int(dice.expovariate(0.5)))
        yield channel * 100_000 + newest - behind, 500_000


TRACES: dict[str, Callable[[int], Iterator[tuple[int, int]]]] = {
    "zipf 0.6": lambda requests: zipf(requests, 0.6),
    "zipf 0.8": lambda requests: zipf(requests, 0.8),
    "zipf 1.0": lambda requests: zipf(requests, 1.0),
    "zipf 1.2": lambda requests: zipf(requests, 1.2),
    "zipf 0.9 with scans": scanned,
    "video": video,
    "live": live,
}
