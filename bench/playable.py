"""Time to playable: from an upload's last byte to a first segment fetched through the edge."""

import asyncio
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import imageio_ffmpeg

from bench.process import Running
from bench.report import Goal, Measure, Report
from bench.site import Service, open_site
from bench.viewing import fetch_start
from sample_media.generate import generate
from streamer.client import ApiClient
from streamer.core.keys import MULTIVARIANT_PLAYLIST, media_path

GOAL_SECONDS = 2.0
# How often each clip is uploaded, and its minutes.
_CLIPS = ((5, 1), (5, 30), (3, 120))
_QUICK_CLIPS = ((1, 1), (1, 5))
_IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds after an upload's last byte was sent: its answer, and the first segments."""

    answered_seconds: float
    playable_seconds: float


async def run(directory: Path, quick: bool) -> Report:
    """Upload short and long clips in turn, each time to a packager that has nothing to do."""
    minute = await asyncio.to_thread(generate, "demo_60s")
    plan = _QUICK_CLIPS if quick else _CLIPS
    clips = {
        minutes: await asyncio.to_thread(repeated, minute, minutes, directory / f"{minutes}.mp4")
        for _, minutes in plan
    }
    found: dict[str, list[_Times]] = defaultdict(list)
    async with open_site(directory) as site:
        origin, worker = await site.origin(), await site.worker()
        edge = await site.edge(origin.url)
        await _time_to_playable(origin, edge, worker, minute)  # the first run warms the processes
        for number in range(max(rounds for rounds, _ in plan)):
            for rounds, minutes in plan:
                if number < rounds:
                    times = await _time_to_playable(origin, edge, worker, clips[minutes])
                    found[f"{minutes} min"].append(times)
    playable = tuple(
        Measure(f"{label}, playable", "s", tuple(run.playable_seconds for run in runs))
        for label, runs in found.items()
    )
    answered = tuple(
        Measure(f"{label}, upload answered", "s", tuple(run.answered_seconds for run in runs))
        for label, runs in found.items()
    )
    return Report(
        "Time to playable, 1080p30",
        (*playable, *answered),
        tuple(Goal(measure, GOAL_SECONDS) for measure in playable),
        (
            "from the last byte sent until playlists, init and first segments came by the edge",
            "published by the best commercial service, medians: 2.0 s for less than a minute,"
            " 3.3 s for 1 to 5 minutes, 93 s for an hour",
        ),
    )


def repeated(clip: Path, times: int, target: Path) -> Path:
    """The clip played several times over, its packets copied into one file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", str(times - 1)]
    command += ["-i", str(clip), "-c", "copy", "-movflags", "+faststart", str(target)]
    subprocess.run(command, check=True, timeout=300)
    return target


async def _time_to_playable(origin: Service, edge: Service, worker: Running, clip: Path) -> _Times:
    loop = asyncio.get_running_loop()
    last_byte_at = loop.time()

    def note_last_byte(sent: int, total: int) -> None:
        nonlocal last_byte_at
        if sent == total:
            last_byte_at = loop.time()

    async with ApiClient(origin.url) as client, aiohttp.ClientSession() as viewer:
        video_id = await client.upload(clip, title=clip.stem, on_progress=note_last_byte)
        answered_at = loop.time()
        async for video in client.events(video_id):
            if video["state"] == "failed":
                raise RuntimeError(f"packaging failed: {video['error']}")
            if video["playable"]:
                break
        await fetch_start(viewer, edge.url + media_path(video_id, MULTIVARIANT_PLAYLIST))
        times = _Times(answered_at - last_byte_at, loop.time() - last_byte_at)
        await client.delete(video_id)
    await _wait_until_idle(worker)
    return times


async def _wait_until_idle(worker: Running) -> None:
    """Return when no ffmpeg of the deleted video runs any more."""
    deadline = asyncio.get_running_loop().time() + _IDLE_SECONDS
    while worker.runs_any("ffmpeg"):
        if asyncio.get_running_loop().time() > deadline:
            raise RuntimeError("ffmpeg still runs for a deleted video")
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
