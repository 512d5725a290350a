"""Sources too large to be read again from their beginning, while they arrive: who waits?"""

import asyncio
import subprocess
from pathlib import Path

import imageio_ffmpeg

from bench.arriving import Times, in_container, watch
from bench.playable import repeated
from bench.report import Goal, Measure, Report
from bench.site import open_site

_RATE_BPS = 40_000_000
_SOURCE_BPS = 24_000_000
_CONTAINERS = ("mkv", "ts", "fragmented.mp4")


async def run(directory: Path, quick: bool) -> Report:
    """Upload a film of many bytes and few pixels in each container, and watch it."""
    minutes = 4 if quick else 7
    minute = await asyncio.to_thread(_make_minute, directory / "minute.mp4")
    film = await asyncio.to_thread(repeated, minute, minutes, directory / "film.mp4")
    found: dict[str, Times] = {}
    async with open_site(directory, {"PACKAGER_LADDER": "fixed"}) as site:
        origin = await site.origin()
        await site.worker()
        for name in _CONTAINERS[:1] if quick else _CONTAINERS:
            clip = await asyncio.to_thread(in_container, film, name)
            found[name] = await watch(origin.url, clip, minutes * 60.0, rate_bps=_RATE_BPS)
    waits = [
        Measure(f"{name}: most behind a viewer", "s", (-times.least_ahead,))
        for name, times in found.items()
    ]
    size = f"{film.stat().st_size / 1e9:.2f} GB"
    return Report(
        f"{minutes} min of 360p25 in {size} uploaded at {_RATE_BPS // 1_000_000} Mbit/s",
        (
            *(Measure(f"{name}: uploaded", "s", (it.uploaded,)) for name, it in found.items()),
            *(Measure(f"{name}: playable", "s", (it.playable,)) for name, it in found.items()),
            *waits,
        ),
        tuple(Goal(wait, 0.0) for wait in waits),
        ("seconds from the first byte sent; above 0 behind, a viewer who starts at once waits",),
    )


def _make_minute(target: Path) -> Path:
    picture = "testsrc2=s=640x360:r=25:d=60,noise=alls=40:allf=t"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", picture]
    command += ["-f", "lavfi", "-i", "sine=d=60", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-b:v", str(_SOURCE_BPS), "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([*command, str(target)], check=True, timeout=300)
    return target
