"""An edge under mixed load with caches far too small: its memory must not grow.

Hits, misses, ranges, viewers that leave in the middle, evictions from both tiers, and purges.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from statistics import linear_regression, median

import aiohttp

from bench.report import Goal, Measure, Report
from bench.site import Service, open_site
from bench.upstream import Upstream, open_upstream

VIEWERS = 24
_OPTIONS = ("--memory-size", "32M", "--disk-size", "64M")
_OBJECTS = 4000
_OBJECT_BYTES = 20_000
_LARGE_BYTES = 2_000_000
_SAMPLE_SECONDS = 0.5
_PURGE_SECONDS = 0.5
_DEADLINE = aiohttp.ClientTimeout(total=30)


@dataclass(slots=True)
class _Load:
    """The viewers of one run, and how many requests they made."""

    url: str
    session: aiohttp.ClientSession
    requests: int = 0
    _fresh: "count[int]" = field(default_factory=count)

    async def view(self, seed: int) -> None:
        """Be one viewer until cancelled."""
        random = Random(seed)
        actions = (self._whole, self._part, self._abandon, self._new, self._change)
        while True:
            (action,) = random.choices(actions, weights=(60, 15, 10, 10, 5))
            await action(random)
            self.requests += 1

    def _object(self, random: Random) -> str:
        """One of the objects, the first ones far more often than the others."""
        return f"{self.url}/bytes/{_OBJECT_BYTES}/{int(_OBJECTS * random.random() ** 3)}"

    async def _whole(self, random: Random) -> None:
        async with self.session.get(self._object(random)) as response:
            _expect(response, len(await response.read()), _OBJECT_BYTES)

    async def _part(self, random: Random) -> None:
        start = random.randrange(_OBJECT_BYTES // 2)
        fields = {"Range": f"bytes={start}-{start + 999}"}
        async with self.session.get(self._object(random), headers=fields) as response:
            _expect(response, len(await response.read()), 1000)

    async def _abandon(self, random: Random) -> None:
        kind = "slow" if random.random() < 0.1 else "bytes"
        name = random.randrange(200)
        async with self.session.get(f"{self.url}/{kind}/{_LARGE_BYTES}/{name}") as response:
            await response.content.readany()
            response.close()

    async def _new(self, random: Random) -> None:
        size = random.randrange(1, _OBJECT_BYTES)
        url = f"{self.url}/bytes/{size}/new-{next(self._fresh)}"
        async with self.session.get(url) as response:
            _expect(response, len(await response.read()), size)

    async def _change(self, random: Random) -> None:
        async with self.session.post(self._object(random), data=bytes(1000)) as response:
            await response.read()


async def run(directory: Path, quick: bool) -> Report:
    """Sample the memory of one edge while it is under load."""
    seconds = 8 if quick else 150
    samples: list[tuple[float, float]] = []
    async with open_upstream() as upstream, open_site(directory) as site:
        edge = await site.edge(upstream.url, options=_OPTIONS)
        async with _under_load(edge, upstream) as load:
            loop = asyncio.get_running_loop()
            begun_at = loop.time()
            while (now := loop.time() - begun_at) < seconds:
                samples.append((now, edge.process.memory_bytes() / 1e6))
                await asyncio.sleep(_SAMPLE_SECONDS)
    third = len(samples) // 3
    settled = samples[third:]
    early, late = _level(samples[third : 2 * third]), _level(samples[2 * third :])
    slope = linear_regression(*zip(*settled, strict=True)).slope
    growth = Measure("last third / the one before", "x", (late / early,))
    measures = (
        Measure("memory in the first third", "MB", (_level(samples[:third]),)),
        Measure("memory in the second third", "MB", (early,)),
        Measure("memory in the last third", "MB", (late,)),
        Measure("growth after the first third", "MB/min", (slope * 60,)),
        growth,
        Measure("requests", "", (load.requests,)),
    )
    notes = (
        f"{seconds} s, {VIEWERS} viewers: 60 % whole objects, 15 % ranges, 10 % leave early, "
        "10 % new objects, 5 % POST; two purges a second",
        f"edge with {' '.join(_OPTIONS)}; memory without what files back",
    )
    return Report("Soak", measures, (Goal(growth, 1.05),), notes)


def _level(samples: list[tuple[float, float]]) -> float:
    return median(value for _, value in samples)


@asynccontextmanager
async def _under_load(edge: Service, upstream: Upstream) -> AsyncIterator[_Load]:
    """Viewers and purges while the context lasts; it fails with the first that goes wrong."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=_DEADLINE) as session:
        load = _Load(edge.url, session)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(load.view(seed)) for seed in range(VIEWERS)]
            tasks.append(group.create_task(_purge(upstream)))
            try:
                yield load
            finally:
                for task in tasks:
                    task.cancel()


async def _purge(upstream: Upstream) -> None:
    random = Random(0)
    while True:
        await asyncio.sleep(_PURGE_SECONDS)
        name = random.randrange(_OBJECTS)
        upstream.purges.append(f"/bytes/{_OBJECT_BYTES}/{name}")
        if name % 10 == 0:
            upstream.purges.append(f"/bytes/{_OBJECT_BYTES}/{name // 10}*")


def _expect(response: aiohttp.ClientResponse, got: int, wanted: int) -> None:
    if response.status not in (200, 206) or got != wanted:
        raise RuntimeError(f"{response.url} gave {response.status} and {got} of {wanted} bytes")
