"""Everything on one machine, with the sample in it."""

import asyncio
import json
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from sample_media.generate import generate
from streamer.client import ApiClient, VideoResource
from streamer.core.errors import Unavailable
from streamer.player import HeadlessPlayer
from streamer.site import REGION, Site, running_site


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
        site = await stack.enter_async_context(running_site(directory, s3=s3))
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
        "region": REGION,
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
