"""Sources uploaded at 20 Mbit/s: when they can be played, and whether a viewer then waits."""

import asyncio
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiofiles
import aiohttp
import imageio_ffmpeg

from bench.playable import repeated
from bench.report import Goal, Measure, Report
from bench.site import open_site
from sample_media.generate import generate
from streamer.client import ApiClient
from streamer.core.keys import media_path, playlist_name
from streamer.core.playlist import MediaPlaylist
from streamer.core.playlist_reader import parse_playlist

_RATE_BPS = 20_000_000
_PIECE_BYTES = 64 * 1024
_POLL_SECONDS = 0.25
_FINAL_SECONDS = 1200.0
_CONTAINERS: dict[str, Sequence[str]] = {
    "mp4": ("-movflags", "+faststart"),
    "fragmented.mp4": ("-movflags", "+frag_keyframe+empty_moov"),
    "mkv": (),
    "ts": (),
}
# Two processors encode the first faster than it plays, the second more slowly.
_PRESETS: dict[str, Sequence[str]] = {"fast": tuple(_CONTAINERS), "balanced": ("mp4",)}


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds after the first byte: playable, uploaded; and how far ahead of a viewer it stayed."""

    playable: float
    uploaded: float
    least_ahead: float


async def run(directory: Path, quick: bool) -> Report:
    """Upload a film in each streamable container, paced, and watch it from the first moment on."""
    rounds, minutes = (1, 1) if quick else (3, 3)
    minute = await asyncio.to_thread(generate, "demo_60s")
    film = await asyncio.to_thread(repeated, minute, minutes, directory / "film.mp4")
    found: dict[str, list[Times]] = defaultdict(list)
    for preset, containers in _PRESETS.items():
        place = directory / preset
        place.mkdir()
        async with open_site(place, {"PACKAGER_PRESET": preset}) as site:
            origin = await site.origin()
            await site.worker()
            # What takes minutes is measured less often.
            for _ in range(rounds if preset == "fast" else 1):
                for name in containers:
                    clip = await asyncio.to_thread(in_container, film, name)
                    times = await watch(origin.url, clip, minutes * 60.0, rate_bps=_RATE_BPS)
                    found[f"{preset}, {name}"].append(times)
    shares = [
        Measure(
            f"{name}: playable, of the upload's time",
            "",
            tuple(run.playable / run.uploaded for run in runs),
        )
        for name, runs in found.items()
    ]
    waits = [
        Measure(f"{name}: most behind a viewer", "s", tuple(-run.least_ahead for run in runs))
        for name, runs in found.items()
    ]
    return Report(
        f"{minutes} min of 1080p30 uploaded at {_RATE_BPS // 1_000_000} Mbit/s",
        (
            *(
                Measure(f"{name}: playable after", "s", tuple(run.playable for run in runs))
                for name, runs in found.items()
            ),
            *shares,
            *waits,
        ),
        (*(Goal(share, 1.0) for share in shares), *(Goal(wait, 0.0) for wait in waits)),
        ("seconds from the first byte sent; above 0 behind, a viewer who starts at once waits",),
    )


def in_container(film: Path, name: str) -> Path:
    """The film's packets in a container that can be read while it arrives."""
    target = film.with_name(f"film.{name}")
    if not target.exists():
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(film), "-c", "copy"]
        subprocess.run([*command, *_CONTAINERS[name], str(target)], check=True, timeout=300)
    return target


async def watch(origin_url: str, clip: Path, film_seconds: float, *, rate_bps: int) -> Times:
    """Upload a clip at the pace of a line, and watch it from the moment on when it is playable."""
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(origin_url) as session, ApiClient(origin_url) as client:
        size_bytes = (await asyncio.to_thread(clip.stat)).st_size
        video_id = await _create(session, size_bytes)
        begun_at = loop.time()
        upload = asyncio.create_task(_send(session, video_id, clip, size_bytes, rate_bps))
        playable_at, least_ahead = 0.0, float("inf")
        while True:
            now = loop.time()
            video = await client.video(video_id)
            if video["state"] == "failed":
                raise RuntimeError(f"packaging failed: {video['error']}")
            if video["playable"]:
                playable_at = playable_at or now
                ready = await _seconds_published(session, video_id, video)
                seen = min(now - playable_at, film_seconds)
                least_ahead = min(least_ahead, ready - seen)
            if video["state"] == "ready":
                break
            if now - begun_at > _FINAL_SECONDS:
                raise RuntimeError("the video never became ready")
            await asyncio.sleep(_POLL_SECONDS)
        uploaded_at = await upload
        await client.delete(video_id)
    return Times(playable_at - begun_at, uploaded_at - begun_at, least_ahead)


async def _create(session: aiohttp.ClientSession, size_bytes: int) -> str:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size_bytes)}
    async with session.post("/api/v1/uploads", headers=headers) as answer:
        answer.raise_for_status()
        return answer.headers["Location"].rpartition("/")[2]


async def _send(
    session: aiohttp.ClientSession, video_id: str, clip: Path, size_bytes: int, rate_bps: int
) -> float:
    """Send the clip at the pace of the line; returns when its last byte was answered."""
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(size_bytes),
    }
    timeout = aiohttp.ClientTimeout(total=_FINAL_SECONDS)
    path = f"/api/v1/uploads/{video_id}"
    body = _paced(clip, rate_bps)
    async with session.patch(path, data=body, headers=headers, timeout=timeout) as answer:
        answer.raise_for_status()
    return asyncio.get_running_loop().time()


async def _paced(clip: Path, rate_bps: int) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    begun_at, sent = loop.time(), 0
    async with aiofiles.open(clip, "rb") as file:
        while piece := await file.read(_PIECE_BYTES):
            yield piece
            sent += len(piece)
            await asyncio.sleep(max(0.0, begun_at + sent * 8 / rate_bps - loop.time()))


async def _seconds_published(
    session: aiohttp.ClientSession, video_id: str, video: dict[str, object]
) -> float:
    """How much of the lowest rendition a viewer has."""
    lowest = video["renditions"][0]["name"]  # type: ignore[index]
    async with session.get(media_path(video_id, playlist_name(str(lowest)))) as answer:
        if answer.status != 200:
            return 0.0
        playlist = parse_playlist(await answer.text())
    if not isinstance(playlist, MediaPlaylist):
        raise RuntimeError("no media playlist")
    return sum(segment.duration_seconds for segment in playlist.segments)
