"""Everything on one machine: origin, worker and edge as separate processes, with the sample."""

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from sample_media.generate import generate
from streamer.client import ApiClient, VideoResource
from streamer.core.errors import Unavailable
from streamer.player import HeadlessPlayer
from streamer.processes import Child
from streamer.seaweedfs import SeaweedFS

_READY_SECONDS = 60.0
_REGION = "local"


@dataclass(frozen=True, slots=True)
class Site:
    """Where the running parts are reached."""

    origin_url: str
    edge_url: str
    edge_admin_url: str


async def run_demo(
    video: Path | None, *, once: bool, s3: bool, data_dir: Path | None, console: Console
) -> None:
    """Run the demo until it is interrupted, or with `once` until the video was played.

    Args:
        video: What to upload; a sample where it is None.
        once: Play the video through the edge, print one JSON object and return.
        s3: Keep objects in a SeaweedFS server over the S3 API rather than in a directory.
        data_dir: Where videos stay between runs; a temporary directory where it is None.
        console: For people; with `once`, standard output carries only the JSON object.
    """
    async with AsyncExitStack() as stack:
        directory = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upload = await asyncio.to_thread(_what_to_upload, video, console)
        site = await stack.enter_async_context(_run_site(directory, s3=s3))
        client = await stack.enter_async_context(ApiClient(site.origin_url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        if once:
            summary = await _play_once(upload, site, client, session)
            print(json.dumps(summary))  # noqa: T201  # the command's result
        else:
            await _present(upload, site, client, console)


@dataclass(frozen=True, slots=True)
class _Upload:
    """What is uploaded, and whether it was chosen or is the sample."""

    path: Path
    title: str
    is_chosen: bool

    async def to(self, client: ApiClient) -> str:
        """The id of the video that it becomes."""
        return await client.upload(self.path, title=self.title)


def _what_to_upload(video: Path | None, console: Console) -> _Upload:
    if video is not None:
        return _Upload(video, video.stem, is_chosen=True)
    with console.status("making the sample clip"):
        return _Upload(generate("demo"), "Demo", is_chosen=False)


@asynccontextmanager
async def _run_site(directory: Path, *, s3: bool) -> AsyncIterator[Site]:
    origin_port, edge_port, admin_port = _choose_port(8080), _choose_port(8081), _choose_port(9081)
    origin_url = f"http://127.0.0.1:{origin_port}"
    edge_url = f"http://127.0.0.1:{edge_port}"
    environment = {"STREAMER_DATA_DIR": str(directory), "STREAMER_LOG_LEVEL": "warning"}
    async with AsyncExitStack() as stack:
        if s3:
            server = await stack.enter_async_context(SeaweedFS(directory / "seaweedfs"))
            environment |= server.environment()
        serve = ["serve", "--port", str(origin_port), "--no-worker"]
        edge = [
            *("edge", "--origin", origin_url, "--region", _REGION),
            *("--port", str(edge_port), "--admin-port", str(admin_port)),
            *("--cache-dir", str(directory / "edge"), "--disk-size", "2G"),
        ]
        site = Site(origin_url, edge_url, f"http://127.0.0.1:{admin_port}")
        for command in (serve, ["worker"]):
            await stack.enter_async_context(Child(command, environment=environment))
        await _wait_until_ready(f"{site.origin_url}/readyz")
        await stack.enter_async_context(Child(edge, environment=environment))
        await _wait_until_ready(f"{site.edge_admin_url}/readyz")
        yield site


def _choose_port(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("no port is free on 127.0.0.1")


async def _wait_until_ready(url: str) -> None:
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while not await _answers(session, url):
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"{url} was not ready in {_READY_SECONDS:.0f} s")
            await asyncio.sleep(0.05)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _play_once(
    upload: _Upload, site: Site, client: ApiClient, session: aiohttp.ClientSession
) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    video_id = await upload.to(client)
    uploaded_at = loop.time()
    video = await _follow(client, video_id, until="playable")
    url = site.edge_url + video["playback"]["hls"]
    async with session.get(url) as response:
        response.raise_for_status()
    playable_seconds = loop.time() - uploaded_at
    playing = asyncio.create_task(HeadlessPlayer(session).play(url))
    try:
        video = await _follow(client, video_id, until="ready")
        ready_seconds = loop.time() - uploaded_at
        report = await playing
    finally:
        playing.cancel()
    return {
        "video_id": video_id,
        "time_to_playable_seconds": round(playable_seconds, 3),
        "time_to_ready_seconds": round(ready_seconds, 3),
        "duration_seconds": video["duration_seconds"],
        "renditions": [rendition["name"] for rendition in video["renditions"]],
        "region": _REGION,
        "segments": report.segments,
        "edge_hits": report.edge_hits,
        "edge_misses": report.edge_misses,
        "prefetched_used": report.prefetched_used,
        "stalls": report.stalls,
        "bytes": report.bytes,
    }


async def _follow(client: ApiClient, video_id: str, *, until: str) -> VideoResource:
    async for video in client.events(video_id):
        if video["state"] == "failed":
            raise Unavailable(f"the video failed: {video['error']['message']}")
        if video["state"] == "ready" or (until == "playable" and video["playable"]):
            return video
    raise Unavailable("the origin ended the stream of events")


async def _present(upload: _Upload, site: Site, client: ApiClient, console: Console) -> None:
    videos = [] if upload.is_chosen else await client.videos(limit=1)
    video_id = videos[0]["id"] if videos else await upload.to(client)
    console.print(f"library  [link]{site.origin_url}/[/link]")
    console.print(f"player   [link]{site.origin_url}/watch/{video_id}[/link]")
    console.print(f"edge     {site.edge_url}  (metrics {site.edge_admin_url}/metrics)")
    console.print("Ctrl-C ends the demo.")
    await asyncio.Event().wait()
