"""Sounds whose channels are labelled in unusual ways, through the filters that mix them."""

import re
import subprocess
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import pytest

from packager.core.fmp4 import FragmentReader, Sample, write_segment
from packager.core.mix import STEREO, SURROUND, Mix, sound_argv
from packager.core.sound import FRAME_TICKS, heard_frames
from packager.core.source import SourceInfo
from tests.integration.packager.described import describe, write

RATE = 8000
TONES = (440, 600, 800, 1000)


def run(argv: Sequence[str]) -> bytes:
    """What ffmpeg writes to its target, which ends `argv`."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-y", *argv], check=True, capture_output=True, timeout=60)
    return Path(argv[-1]).read_bytes()


def heard(path: Path, source: SourceInfo, mix: Mix) -> list[Sequence[float]]:
    """What each channel of a mix sounds like to a player: samples, RATE of them a second."""
    assert source.audio is not None
    mixed = path.with_name("mixed.mp4")
    reader = FragmentReader()
    fragments = reader.feed(run(sound_argv(str(path), source, source.audio, mix, str(mixed))))
    frames = [frame for fragment in fragments for frame in heard_frames(fragment)]
    samples = [Sample(FRAME_TICKS, 0, 0x02000000, frame) for frame in frames]
    assert reader.init is not None
    mixed.write_bytes(reader.init.data + write_segment(0, 0, samples))
    form = ("-ar", str(RATE), "-f", "f32le", "-c:a", "pcm_f32le")
    decoded = run(["-v", "error", "-i", str(mixed), *form, str(path.with_name("decoded"))])
    interleaved = array("f", decoded)
    return [interleaved[n :: mix.channels] for n in range(mix.channels)]


def second(channel: Sequence[float], start_seconds: float) -> Sequence[float]:
    """The samples of the second that begins there."""
    start = round(start_seconds * RATE)
    return channel[start : start + RATE]


def hertz(samples: Sequence[float]) -> int:
    """How often a second of sound swings up through zero; 0: it is silent."""
    return sum(a < 0 <= b for a, b in pairwise(samples)) if max(samples) > 0.01 else 0


def hertz_of(path: Path, source: SourceInfo, mix: Mix) -> list[int]:
    """What each channel of a mix sounds like half a second from its beginning."""
    return [hertz(second(channel, 0.5)) for channel in heard(path, source, mix)]


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


@pytest.mark.parametrize("label", ["FC", "FL", "BC", "LFE"])
async def test_one_channel_is_heard_on_both_sides_as_loud(tmp_path: Path, label: str) -> None:
    path = write(tmp_path / "one.mov", *tones(label, 1))
    left, right = heard(path, await describe(path), STEREO)
    for side in (second(left, 0.5), second(right, 0.5)):
        assert hertz(side) == pytest.approx(440, abs=1)
        assert max(side) == pytest.approx(0.3, rel=0.05)


def broadcast(directory: Path, *layouts: dict[str, float]) -> Path:
    """AC-3 in MPEG-TS, two seconds of each: a tone as loud as is said in each of its channels."""
    joined = b""
    for number, volumes in enumerate(layouts):
        waves = "|".join(f"{volume}*sin(440*2*PI*t)" for volume in volumes.values())
        part = write(
            directory / f"{number}.ts",
            *("-f", "lavfi", "-i", f"aevalsrc={waves}:c={'+'.join(volumes)}:s=48000:d=2"),
            *("-c:a", "ac3", "-b:a", "448k", "-output_ts_offset", str(2 * number)),
        )
        joined += part.read_bytes()
    path = directory / "broadcast.ts"
    path.write_bytes(joined)
    return path


MONO, LEFT_AND_RIGHT = {"FC": 0.3}, {"FL": 0.3, "FR": 0.3}
# What ffmpeg's encoder of AC-3 states is to be taken of the centre.
CENTRE = 0.595
DIALOGUE = {"FL": 0, "FR": 0, "FC": 0.3, "LFE": 0, "SL": 0, "SR": 0}


@pytest.mark.parametrize(
    ("first", "then", "peak"),
    [
        (MONO, LEFT_AND_RIGHT, 0.3),
        (MONO, DIALOGUE, 0.3 * CENTRE),
        (LEFT_AND_RIGHT, MONO, 0.3),
        (LEFT_AND_RIGHT, DIALOGUE, 0.3 * CENTRE),
    ],
)
async def test_what_follows_is_mixed_by_its_own_channels(
    tmp_path: Path, first: dict[str, float], then: dict[str, float], peak: float
) -> None:
    path = broadcast(tmp_path, first, then)
    for side in heard(path, await describe(path), STEREO):
        assert max(second(side, 0.5)) == pytest.approx(0.3, rel=0.05)
        assert max(second(side, 2.7)) == pytest.approx(peak, rel=0.05)


async def test_louder_channels_that_follow_fit_into_two(tmp_path: Path) -> None:
    everywhere = dict.fromkeys(DIALOGUE, 0.9)
    path = broadcast(tmp_path, LEFT_AND_RIGHT, everywhere)
    for side in heard(path, await describe(path), STEREO):
        assert max(second(side, 2.7)) == pytest.approx(1, rel=0.05)


async def test_what_is_as_loud_as_can_be_is_left_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path / "loud.wav",
        *(
            "-f",
            "lavfi",
            "-i",
            "aevalsrc='sin(440*2*PI*t)|0.2*sin(600*2*PI*t)':c=stereo:s=48000:d=2",
        ),
    )
    source = await describe(path)
    assert source.audio is not None
    target = tmp_path / "mixed.mp4"
    argv = sound_argv(str(path), source, source.audio, STEREO, str(target))
    unlimited = [re.sub(r"alimiter=[^[]+", "anull", argument) for argument in argv]
    assert unlimited != argv
    assert run(unlimited) == run(argv)
