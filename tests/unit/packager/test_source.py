from fractions import Fraction
from typing import Any

import pytest

from packager.core.source import (
    explain_unreadable,
    read_probe,
    refuse_cut_off,
    refuse_encrypted_moov,
)
from streamer.core.errors import SourceRejected

DAY_SECONDS = 86_400.0


def video_stream(**fields: Any) -> dict[str, Any]:
    return {
        "index": 0,
        "codec_type": "video",
        "codec_name": "h264",
        "width": 1920,
        "height": 1080,
        "r_frame_rate": "30/1",
        "avg_frame_rate": "30/1",
        "start_time": "0.000000",
        "duration": "60.0",
        **fields,
    }


def audio_stream(**fields: Any) -> dict[str, Any]:
    return {
        "index": 1,
        "codec_type": "audio",
        "codec_name": "aac",
        "channels": 2,
        "start_time": "0.000000",
        "duration": "60.0",
        **fields,
    }


def probed(*streams: dict[str, Any], **container: Any) -> dict[str, Any]:
    return {
        "streams": list(streams),
        "format": {"format_name": "mov,mp4", "start_time": "0.0", "duration": "60.0", **container},
    }


def read(*streams: dict[str, Any], **container: Any) -> Any:
    return read_probe(probed(*streams, **container), max_duration_seconds=DAY_SECONDS)


def refused(*streams: dict[str, Any], **container: Any) -> str:
    with pytest.raises(SourceRejected) as refusal:
        read(*streams, **container)
    return refusal.value.code


def test_a_plain_video() -> None:
    source = read(video_stream(), audio_stream())
    assert (source.video.width, source.video.height) == (1920, 1080)
    assert source.duration_seconds == 60
    assert source.indexed
    assert source.video.matrix == "bt709"
    assert source.audio.index == 1


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"side_data_list": [{"rotation": -90}]}, (1080, 1920)),
        ({"side_data_list": [{"rotation": 180}]}, (1920, 1080)),
        ({"side_data_list": [{"rotation": 270}]}, (1080, 1920)),
        ({"width": 720, "height": 576, "sample_aspect_ratio": "64:45"}, (1024, 576)),
        ({"sample_aspect_ratio": "0:1"}, (1920, 1080)),
        (
            {"width": 720, "height": 576, "sample_aspect_ratio": "64:45",
             "side_data_list": [{"rotation": 90}]},
            (576, 1024),
        ),
    ],
)  # fmt: skip
def test_the_size_is_the_displayed_one(fields: dict[str, Any], size: tuple[int, int]) -> None:
    video = read(video_stream(**fields)).video
    assert (video.width, video.height) == size


def test_the_default_video_wins_and_covers_do_not_count() -> None:
    cover = video_stream(index=0, disposition={"attached_pic": 1, "default": 1})
    second = video_stream(index=2)
    default = video_stream(index=3, disposition={"default": 1})
    assert read(cover, second, default).video.index == 3
    assert read(cover, audio_stream()).video is None


def test_the_default_sound_wins() -> None:
    english = audio_stream(tags={"language": "eng"})
    german = audio_stream(index=2, tags={"language": "deu"}, disposition={"default": 1})
    assert read(video_stream(), english, german).audio.language == "deu"


@pytest.mark.parametrize("language", ["und", "e\nng", "../x", "", "english"])
def test_a_language_is_a_code_or_nothing(language: str) -> None:
    assert read(video_stream(), audio_stream(tags={"language": language})).audio.language is None


def test_sound_without_a_known_codec_is_left_out() -> None:
    assert read(video_stream(), audio_stream(codec_name=None)).audio is None


def test_hdr_interlaced_and_matrix() -> None:
    fields = {
        "color_transfer": "smpte2084",
        "color_space": "bt2020nc",
        "field_order": "tt",
    }
    video = read(video_stream(**fields)).video
    assert video.hdr_transfer == "smpte2084"
    assert video.matrix == "bt2020"
    assert video.interlaced
    assert read(video_stream(width=720, height=480)).video.matrix == "bt601"


def test_time_zero_is_the_first_picture() -> None:
    source = read(
        video_stream(start_time="5001.4"), audio_stream(start_time="5000.9"), start_time="5000.9"
    )
    assert source.zero_seconds == Fraction("5001.4")
    assert source.format_start_seconds == Fraction("5000.9")


def test_avi_decoders_are_late_by_the_pictures_they_hold_back() -> None:
    source = read(video_stream(has_b_frames=1), format_name="avi")
    assert source.zero_seconds == 0
    assert source.video.start_seconds == Fraction(1, 30)


def test_the_duration_is_the_longest_stream_s() -> None:
    assert read(video_stream(duration="4"), audio_stream(duration="4.1")).duration_seconds == 4.1
    assert read(video_stream(duration="N/A"), duration="7.5").duration_seconds == 7.5
    assert read(video_stream(duration=None), duration=None).duration_seconds == 0


def test_refusals() -> None:
    subtitles = {"index": 0, "codec_type": "subtitle", "codec_name": "srt"}
    assert refused(subtitles) == "no_video_stream"
    assert refused() == "no_video_stream"
    assert refused(video_stream(codec_tag_string="encv")) == "encrypted"
    assert refused(video_stream(codec_name=None)) == "unsupported_codec"
    assert refused(video_stream(width=0)) == "truncated"
    assert refused(video_stream(width=20_000, height=20_000)) == "too_large"
    assert refused(video_stream(duration="90000")) == "too_long"


@pytest.mark.parametrize(
    ("head", "size", "code"),
    [
        (b"", 0, "not_a_video"),
        (b"\0\0\0\x20ftypisom", 1000, "truncated"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", 1000, "truncated"),
        (b"<!doctype html>", 1000, "not_a_video"),
        (b"ffconcat version 1.0", 38, "not_a_video"),
        (b"#EXTM3U", 100, "not_a_video"),
        (b"PK\x03\x04", 100, "not_a_video"),
    ],
)
def test_why_a_file_is_unreadable(head: bytes, size: int, code: str) -> None:
    assert explain_unreadable(head, size).code == code


def test_protected_movies_are_refused() -> None:
    refuse_encrypted_moov(b"....avc1....sinful")
    with pytest.raises(SourceRejected, match="encrypted"):
        refuse_encrypted_moov(b"....encv....sinf....frma....schm")


def test_a_missing_end_is_refused() -> None:
    refuse_cut_off(1000, 1000)
    with pytest.raises(SourceRejected, match="cut off"):
        refuse_cut_off(1001, 1000)
