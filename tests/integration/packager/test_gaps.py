"""Sound that is not there for a while, through the filters that keep it in time."""

import subprocess
from array import array
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import pytest

from packager.core.mix import STEREO, sound_argv
from tests.integration.packager.described import describe, write

RATE = 8000
FORM = ("-ar", str(RATE), "-f", "f32le", "-c:a", "pcm_f32le")
GAP_SECONDS = 300.007
MEMORY_BYTES = 150_000_000
# The first frame of 1024 samples that begins behind a second.
RESUMED_SECONDS = 47 * 1024 / 48_000 + GAP_SECONDS


def run_in(memory_bytes: int, argv: Sequence[str]) -> None:
    """Run ffmpeg with so much memory, and not more."""
    limited = ["sh", "-c", f'ulimit -d {memory_bytes >> 10}; exec "$@"', "sh"]
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", *argv]
    subprocess.run([*limited, *program], check=True, capture_output=True, timeout=60)


async def test_sound_that_goes_on_after_minutes_is_in_time_and_takes_no_memory(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path / "gap.mkv",
        *("-f", "lavfi", "-i", "aevalsrc=0.3*sin(440*2*PI*t):s=48000:d=2"),
        *("-af", f"asetpts=PTS+gte(T\\,1)*{GAP_SECONDS}/TB", "-c:a", "pcm_s16le"),
    )
    source = await describe(path)
    assert source.audio is not None
    mixed = tmp_path / "mixed.mp4"
    # All the silence would be 115 MB.
    run_in(MEMORY_BYTES, sound_argv(str(path), source, source.audio, STEREO, str(mixed)))
    decoded = write(tmp_path / "decoded", "-i", str(mixed), "-ac", "1", *FORM)
    samples = array("f", decoded.read_bytes())
    resumed = next(n for n in range(2 * RATE, len(samples)) if abs(samples[n]) > 0.05)
    assert resumed / RATE == pytest.approx(RESUMED_SECONDS, abs=0.001)
    assert max(map(abs, samples[RATE * 2 : RATE * 300])) < 1e-6
