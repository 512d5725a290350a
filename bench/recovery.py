"""How soon an edge knows what an earlier run left on the disk, and what it takes in memory."""

import asyncio
import time
from pathlib import Path

import aiohttp

from bench.process import Running, free_port, running, streamer_command, wait_until_answering
from bench.report import Goal, Measure, Report
from bench.upstream import open_upstream
from edge.core.fields import Fields
from edge.core.policy import StoredResponse
from edge.core.record import encode_head
from edge.heads import Added, Heads, id_at
from streamer.core.freshness import Freshness

_OBJECTS = 1_000_000
_BATCH = 10_000
_BODY = b"x" * 1000
_BLOCK_BYTES = 8192
_DEADLINE_SECONDS = 120.0
_INDEXED = "edge_disk_objects"


async def run(directory: Path, quick: bool) -> Report:
    """Leave objects as an earlier run would, then start an edge on them."""
    objects = 10_000 if quick else _OBJECTS
    empty, full = directory / "empty", directory / "full"
    await asyncio.to_thread(_leave, full, objects)
    async with open_upstream() as upstream:
        nothing = await _start(upstream.url, empty, 0)
        found = await _start(upstream.url, full, objects)
    each = (found["memory"] - nothing["memory"]) / objects
    measures = {
        "served": Measure("until the first is served from the disk", "s", (found["served"],)),
        "indexed": Measure(f"until all {objects} are indexed", "s", (found["indexed"],)),
        "slowest": Measure("slowest of the answers meanwhile", "s", (found["slowest"],)),
        "each": Measure("memory of an object on the disk", "bytes", (each,)),
    }
    goals = (Goal(measures["indexed"], 10.0),)
    notes = (
        f"{objects} files of {len(_BODY)} bytes; times from the first answer of the process",
        f"the start of the process itself: {found['ready']:.2f} s, empty: {nothing['ready']:.2f} s",
    )
    return Report("Recovery of the disk tier", tuple(measures.values()), goals, notes)


async def _start(origin: str, cache_dir: Path, objects: int) -> dict[str, float]:
    port, admin_port = free_port(), free_port()
    command = streamer_command(
        *("edge", "--origin", origin, "--region", "bench", "--port", str(port)),
        *("--admin-port", str(admin_port), "--cache-dir", str(cache_dir)),
    )
    environment = {"EDGE_DISK_FILES": str(2 * _OBJECTS), "EDGE_DISK_SIZE": "64G"}
    log = cache_dir.with_suffix(".log")
    begun_at = time.monotonic()
    async with running(command, log=log, environment=environment) as process:
        url, admin_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}"
        await wait_until_answering(f"{admin_url}/healthz", process)
        ready_at = time.monotonic()
        async with aiohttp.ClientSession() as session, asyncio.timeout(_DEADLINE_SECONDS):
            found = await _watch(session, url, admin_url, objects)
        return {"ready": ready_at - begun_at, "memory": await _settled_bytes(process), **found}


async def _watch(
    session: aiohttp.ClientSession, url: str, admin_url: str, objects: int
) -> dict[str, float]:
    """Ask for one object after another until all are indexed."""
    begun_at, slowest, served = time.monotonic(), 0.0, 0.0
    number = objects - 1
    while await _gauge(session, admin_url) < objects:
        asked_at = time.monotonic()
        async with session.get(url + _target(number)) as response:
            if await response.read() != _BODY or "hit" not in response.headers["cache-status"]:
                raise RuntimeError("what is on the disk was not found there")
        slowest = max(slowest, time.monotonic() - asked_at)
        served = served or time.monotonic() - begun_at
        number -= 997
    return {"served": served, "slowest": slowest, "indexed": time.monotonic() - begun_at}


async def _gauge(session: aiohttp.ClientSession, admin_url: str) -> float:
    async with session.get(f"{admin_url}/metrics") as response:
        text = await response.text()
    line = next(line for line in text.splitlines() if line.startswith(_INDEXED))
    return float(line.rpartition(" ")[2])


async def _settled_bytes(process: Running) -> float:
    await asyncio.sleep(1.0)
    return process.memory_bytes()


def _leave(directory: Path, objects: int) -> None:
    """Write what an edge would have written."""
    directory.mkdir(parents=True)
    heads = Heads(directory / "heads.sqlite")
    now = time.time()
    fields = Fields((("content-type", "video/mp4"), ("etag", '"1"'), ("x-served-by", "bench")))
    response = StoredResponse(200, "OK", fields, Freshness(now, 86400.0))
    first_id = id_at(now - 3600)
    for start in range(0, objects, _BATCH):
        added = []
        for number in range(start, min(objects, start + _BATCH)):
            object_id, key = first_id + (number << 10), _target(number).encode()
            folder = directory / "objects" / f"{object_id >> 12 & 0xFF:02x}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{object_id:016x}"
            path.write_bytes(encode_head(key, response, _BODY) + _BODY)
            added.append(Added(object_id, key, _BLOCK_BYTES, response))
        heads.apply(added)
    heads.close()


def _target(number: int) -> str:
    return f"/v/{number // 500:06d}/720p/segment-{number:08d}.m4s"
