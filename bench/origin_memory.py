"""Memory of the origin while a 4 GiB file is uploaded, and of a worker while it packages."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import aiohttp

from bench.report import Goal, Measure, Report
from bench.site import open_site
from sample_media.generate import generate
from streamer.client import ApiClient

GOAL_MB = 200.0
_PIECE = os.urandom(256 * 1024)
_TUS = {"Tus-Resumable": "1.0.0"}
_DEADLINE = aiohttp.ClientTimeout(total=1800, sock_read=300)


async def run(directory: Path, quick: bool) -> Report:
    """Upload bytes made on the fly by tus, then package the demo clip."""
    size = 256 * 1024**2 if quick else 4 * 1024**3
    clip = await asyncio.to_thread(generate, "demo")
    async with open_site(directory) as site:
        origin = await site.origin()
        idle = origin.process.peak_memory_bytes()
        seconds = await _upload_generated(origin.url, size)
        uploading = origin.process.peak_memory_bytes()
        worker = await site.worker()
        await _package(origin.url, clip)
        packaging = worker.peak_memory_bytes()
    peak = _megabytes("origin, peak after the upload", uploading)
    return Report(
        f"Memory, upload of {size // 1024**2} MiB",
        (
            _megabytes("origin, started", idle),
            peak,
            _megabytes("worker without ffmpeg, peak after packaging", packaging),
            Measure("upload rate", "MB/s", (size / seconds / 1e6,)),
        ),
        (Goal(peak, GOAL_MB),),
        ("resident set's high-water mark (VmHWM) of each process",),
    )


def _megabytes(name: str, size_bytes: int) -> Measure:
    return Measure(name, "MB", (size_bytes / 1e6,))


async def _upload_generated(origin_url: str, size: int) -> float:
    """Upload `size` bytes without storing them here; returns how long it took."""
    loop = asyncio.get_running_loop()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(_PIECE)):
            yield _PIECE

    async with aiohttp.ClientSession(timeout=_DEADLINE, raise_for_status=True) as session:
        length = {"Upload-Length": str(size)}
        async with session.post(f"{origin_url}/api/v1/uploads", headers=_TUS | length) as created:
            location = urljoin(str(created.url), created.headers["Location"])
        headers = {
            **_TUS,
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size),
        }
        started_at = loop.time()
        async with session.patch(location, headers=headers, data=pieces()) as answer:
            if int(answer.headers["Upload-Offset"]) != size:
                raise RuntimeError("the origin did not take the whole upload")
        return loop.time() - started_at


async def _package(origin_url: str, clip: Path) -> None:
    async with ApiClient(origin_url) as client:
        video_id = await client.upload(clip)
        async for video in client.events(video_id):
            if video["state"] == "failed":
                raise RuntimeError(f"packaging failed: {video['error']}")
