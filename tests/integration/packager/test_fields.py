"""Fields of two moments are not seen in one picture, whoever says that they are fields."""

import subprocess
from fractions import Fraction
from itertools import cycle
from pathlib import Path

import pytest

from packager.core.approach import Approach
from packager.core.encode import ChunkJob, chunk_argv
from packager.core.ladder import build_ladder
from packager.core.pictures import poster_argv
from packager.core.plan import frame_grid
from packager.core.source import SourceInfo, VideoTrack
from packager.settings import PackagerSettings
from streamer.core.options import Preset
from tests.integration.packager.described import describe, write

SIZE = WIDTH, HEIGHT = 720, 576
FRAMES = 10
# A bar that runs to the right, 50 times a second.
MOVING = (
    f"color=gray:s={WIDTH}x{HEIGHT}:r=50:d=0.4[back];color=white:s=120x{HEIGHT}:r=50[bar];"
    "[back][bar]overlay=x=40+12*n:shortest=1,format=yuv420p"
)
IN_FIELDS = ("-flags", "+ilme+ildct")
# Whole pictures of lines that change places, of which deinterlacing would make one grey.
LINES = (
    f"color=black:s={WIDTH}x{HEIGHT}:d=0.4,format=yuv420p,geq=lum='16+16*mod(Y+N,2)':cb=128:cr=128,"
    "setfield=tff"
)
# Picture timing (ITU-T H.264 D.2.3): the top field, then the bottom one. Of film that is pulled
# down to video, every other picture shows its first field once more.
TIMING = bytes((6, 1, 1, 0x32, 0x80))
PULLED_DOWN = [bytes((6, 1, 1, shown, 0x80)) for shown in (0x51, 0x42, 0x61, 0x32)]
SOUND = ("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac")
CODINGS = {
    ".dv": ("-c:v", "dvvideo"),
    "-dv.avi": ("-c:v", "dvvideo"),
    ".avi": ("-c:v", "mpeg4", "-q:v", "2", *IN_FIELDS),
    ".mp4": ("-c:v", "mpeg4", "-q:v", "2", *IN_FIELDS),
    ".mkv": ("-c:v", "libx264", "-crf", "10", "-preset", "ultrafast", *IN_FIELDS),
}


def moving(path: Path, coding: tuple[str, ...]) -> Path:
    """The bar in fields, of which the bottom one is first."""
    woven = f"{MOVING},tinterlace=interleave_bottom,setfield=bff"
    return write(path, "-f", "lavfi", "-i", woven, *coding)


async def picture(path: Path) -> tuple[SourceInfo, VideoTrack]:
    source = await describe(path)
    assert source.video is not None
    return source, source.video


def run(argv: list[str]) -> None:
    subprocess.run([PackagerSettings().ffmpeg, *argv], check=True, timeout=60)


async def encode(path: Path, target: Path) -> Path:
    """The first pictures, as chunks are encoded."""
    source, video = await picture(path)
    job = ChunkJob(0, FRAMES, build_ladder(video)[-1:], Preset.FAST)
    grid = frame_grid(video.frame_rate)
    run(chunk_argv(str(path), source, video, grid, job, [str(target)], Approach(None)))
    return target


def combing(path: Path) -> float:
    """How much a line differs from the next, in levels: the mean of all of the last picture."""
    read = ("-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "gray")
    sized = ("-vf", f"scale={WIDTH}:{HEIGHT}:flags=neighbor", "-")
    command = [PackagerSettings().ffmpeg, *read, *sized]
    done = subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE)
    last = done.stdout[-WIDTH * HEIGHT :]
    return sum(abs(a - b) for a, b in zip(last, last[WIDTH:], strict=False)) / len(last)


@pytest.mark.parametrize("suffix", CODINGS)
async def test_they_are_not_seen_in_the_video(suffix: str, tmp_path: Path) -> None:
    path = moving(tmp_path / f"moving{suffix}", CODINGS[suffix])
    assert combing(path) > 3
    assert combing(await encode(path, tmp_path / "track.mp4")) < 0.5


async def test_they_are_not_seen_where_much_sound_comes_first(tmp_path: Path) -> None:
    coding = (*SOUND, *CODINGS[".mp4"], "-bsf:v", "setts=ts=TS+0.5/TB")
    path = moving(tmp_path / "moving.mp4", coding)
    assert combing(await encode(path, tmp_path / "track.mp4")) < 0.5


async def test_whole_pictures_are_not_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path / "whole.avi", "-f", "lavfi", "-i", MOVING, "-c:v", "mpeg4")
    _, video = await picture(path)
    assert not video.interlaced
    assert not video.may_become_interlaced


async def test_film_that_is_pulled_down_keeps_its_lines(tmp_path: Path) -> None:
    timing = ("-x264-params", "fake-interlaced=1:tff=1:pic-struct=1")
    coding = ("-c:v", "libx264", "-crf", "10", "-preset", "ultrafast", *timing)
    path = write(tmp_path / "film.mkv", "-f", "lavfi", "-i", LINES, *coding)
    before, *pictures = path.read_bytes().split(TIMING)
    assert len(pictures) == FRAMES
    pulled_down = [shown + data for shown, data in zip(cycle(PULLED_DOWN), pictures, strict=False)]
    path.write_bytes(before + b"".join(pulled_down))
    assert combing(await encode(path, tmp_path / "track.mp4")) > 10


@pytest.mark.parametrize("suffix", [".dv", ".mkv"])
async def test_they_are_not_seen_on_the_poster(suffix: str, tmp_path: Path) -> None:
    path = moving(tmp_path / f"moving{suffix}", CODINGS[suffix])
    _, video = await picture(path)
    poster = tmp_path / "poster.jpg"
    run(poster_argv(str(path), video, build_ladder(video)[-1], Fraction(0), str(poster)))
    assert combing(poster) < 0.5
