"""Sounds whose channels are labelled in unusual ways, through the filters that mix them."""

import subprocess
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import pytest

from packager.core.mix import STEREO, SURROUND, Mix, sound_argv
from packager.core.source import SourceInfo
from tests.integration.packager.described import describe, write

RATE = 8000
TONES = (440, 600, 800, 1000)


def hertz_of(path: Path, source: SourceInfo, mix: Mix) -> list[int]:
    """What each channel of a mix sounds like; 0: nothing."""
    assert source.audio is not None
    program, mixed = imageio_ffmpeg.get_ffmpeg_exe(), path.with_name("mixed.mp4")
    argv = [program, *sound_argv(str(path), source, source.audio, mix, str(mixed))]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    decode = [program, "-v", "error", "-i", str(mixed), "-ar", str(RATE), "-f", "s16le", "-"]
    decoded = subprocess.run(decode, check=True, capture_output=True, timeout=60)
    samples = memoryview(decoded.stdout).cast("h")
    channels = [samples[n :: mix.channels][RATE // 2 : RATE * 3 // 2] for n in range(mix.channels)]
    return [
        sum(a < 0 <= b for a, b in pairwise(channel)) if max(channel) > 300 else 0
        for channel in channels
    ]


def tones(labels: str, count: int) -> tuple[str, ...]:
    waves = "|".join(f"0.3*sin({tone}*2*PI*t)" for tone in TONES[:count])
    return ("-f", "lavfi", "-i", f"aevalsrc={waves}:c={labels}:s=48000:d=2", "-c:a", "pcm_s16le")


@pytest.mark.parametrize(
    "labels", ["SL+SR", "BL+BR", "FL+FC", "WL+WR", "TFL+TFR", "FLC+FRC", "BC+LFE", "FL+FL", "FC+FC"]
)
async def test_two_channels_are_heard_whatever_they_are_called(tmp_path: Path, labels: str) -> None:
    path = write(tmp_path / "pair.mov", *tones(labels, 2))
    assert hertz_of(path, await describe(path), STEREO) == pytest.approx([440, 600], abs=1)


async def test_four_channels_behind_are_taken_in_their_order(tmp_path: Path) -> None:
    path = write(tmp_path / "four.mov", *tones("BL+BR+SL+SR", 4))
    heard = hertz_of(path, await describe(path), SURROUND)
    assert heard == pytest.approx([440, 600, 0, 0, 800, 1000], abs=1)
