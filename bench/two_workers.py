"""One long video, packaged by one worker on one core, and by two workers on a core each."""

import asyncio
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

from bench.ladder import package
from bench.playable import repeated
from bench.report import Goal, Measure, Report
from bench.site import Site, open_site
from sample_media.generate import generate
from tests.servers import Postgres

GOAL_SPEED_UP = 1.85
_MINUTES = 10


async def run(directory: Path, quick: bool) -> Report:
    """Package the same video by one and by two workers in turn, on one PostgreSQL and one store."""
    rounds, minutes = (1, 2) if quick else (3, _MINUTES)
    clip = await asyncio.to_thread(_small, minutes, directory)
    found: dict[str, list[float]] = defaultdict(list)
    shares: list[float] = []
    async with Postgres() as postgres:
        for number in range(rounds):
            # Whatever changes on the machine meanwhile favours neither.
            for cores in ((0,), (0, 1)) if number % 2 == 0 else ((0, 1), (0,)):
                place = directory / f"{number}-{len(cores)}"
                place.mkdir()
                # The ladder is the same either way, and chosen before.
                settings = {
                    "STREAMER_DATABASE_URL": await postgres.create_database(),
                    "PACKAGER_LADDER": "fixed",
                }
                async with open_site(place, settings) as site:
                    seconds, others = await _package(site, cores, clip)
                found[f"{len(cores)}"].append(seconds)
                shares.append(others / seconds)
    one = Measure("one worker, one core", "s", tuple(found["1"]))
    two = Measure("two workers, a core each", "s", tuple(found["2"]))
    ratio = two.ratio_to(one, "two workers / one worker")
    speed_up = one.ratio_to(two, "speed-up")
    return Report(
        f"{minutes} minutes of 640x360, two renditions and sound",
        (one, two, speed_up, Measure("origin, of one core", "", tuple(shares))),
        (Goal(ratio, 1 / GOAL_SPEED_UP),),
        (f"goal: {GOAL_SPEED_UP} times as fast; from the upload's last byte to ready",),
    )


async def _package(site: Site, cores: Sequence[int], clip: Path) -> tuple[float, float]:
    origin = await site.origin()
    for core in cores:
        await site.worker(name=f"worker-{core}", core=core)
    before = origin.process.cpu_seconds()
    seconds = await package(origin.url, clip)
    return seconds, origin.process.cpu_seconds() - before


def _small(minutes: int, directory: Path) -> Path:
    """A long video whose encoding is short enough to be repeated."""
    minute = directory / "minute.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(generate("demo_60s"))]
    command += ["-vf", "scale=640:360", "-preset", "veryfast", "-c:a", "copy", str(minute)]
    subprocess.run(command, check=True, timeout=300)
    return repeated(minute, minutes, directory / "long.mp4")
