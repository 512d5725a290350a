"""Pictures that say themselves how they lie are upright, in every chunk."""

import subprocess
from pathlib import Path

import ffmpeg
import pytest

from packager.core.argv import compile_argv
from packager.core.filters import decoded
from packager.core.input import open_source
from packager.core.probe import read_probe
from packager.core.source import VideoTrack
from packager.ffmpeg import Ffmpeg
from packager.settings import PackagerSettings

SETTINGS = PackagerSettings()
SIZE = (64, 32)
SOURCE = f"testsrc2=s={SIZE[0]}x{SIZE[1]}:d=0.2"
# A picture of the size 64x32 that EXIF says to turn clockwise.
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


def run(*arguments: str | Path) -> None:
    subprocess.run([SETTINGS.ffmpeg, "-v", "error", *arguments], check=True, timeout=60)


def turned(path: Path, rotate: int, flip: str) -> Path:
    """H.264 that says how it lies."""
    upright = path.with_stem("upright")
    said = f"h264_metadata=display_orientation=insert:rotate={rotate}:flip={flip}"
    run("-f", "lavfi", "-i", SOURCE, "-c:v", "libx264", "-pix_fmt", "yuv420p", upright)
    run("-i", upright, "-c", "copy", "-bsf:v", said, path)
    return path


async def probe(path: Path) -> VideoTrack:
    probed = await Ffmpeg(SETTINGS.ffmpeg, SETTINGS.ffprobe).probe(str(path))
    video = read_probe(probed, max_duration_seconds=60).video
    assert video is not None
    return video


def shown(path: Path, video: VideoTrack) -> bytes:
    """The first picture, as chunks begin with it."""
    target = path.with_suffix(".raw")
    pictures = decoded(open_source(str(path), **video.decoding), video)
    output = ffmpeg.output(pictures, str(target), f="rawvideo", **{"frames:v": 1})
    subprocess.run([SETTINGS.ffmpeg, *compile_argv([output])], check=True, timeout=60)
    return target.read_bytes()


@pytest.mark.parametrize("flip", ["", "horizontal", "vertical"])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
async def test_they_are_turned_as_ffmpeg_turns_them(rotate: int, flip: str, tmp_path: Path) -> None:
    path = turned(tmp_path / "turned.mp4", rotate, flip or "0")
    video = await probe(path)
    assert bool(video.turn) is bool(rotate or flip)
    assert (video.width, video.height) == (SIZE[::-1] if rotate % 180 else SIZE)
    by_ffmpeg = tmp_path / "by_ffmpeg.raw"
    run("-i", path, "-f", "rawvideo", "-frames:v", "1", by_ffmpeg)
    assert shown(path, video) == by_ffmpeg.read_bytes()


async def test_the_first_picture_speaks_for_those_that_are_silent(tmp_path: Path) -> None:
    path = turned(tmp_path / "turned.mp4", 90, "0")
    video = await probe(path)
    silent = path.with_stem("upright")
    assert shown(silent, video) == shown(path, video)


async def test_they_are_not_passed_through(tmp_path: Path) -> None:
    video = await probe(turned(tmp_path / "turned.ts", 90, "0"))
    assert video.obstacle == "the file wants them turned or changed"


async def test_jpegs_say_it_by_exif(tmp_path: Path) -> None:
    run("-f", "lavfi", "-i", SOURCE, "-frames:v", "1", "-pix_fmt", "yuvj420p", tmp_path / "a.jpg")
    jpeg = (tmp_path / "a.jpg").read_bytes()
    said = b"\xff\xe1" + (len(EXIF) + 2).to_bytes(2, "big") + EXIF
    (tmp_path / "b.jpg").write_bytes(jpeg[:2] + said + jpeg[2:])
    run("-i", tmp_path / "b.jpg", "-c", "copy", tmp_path / "turned.mov")
    video = await probe(tmp_path / "turned.mov")
    assert (video.width, video.height, video.turn) == (*SIZE[::-1], ("clock",))
