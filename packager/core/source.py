"""What ffprobe says of an upload, and whether it can become a stream."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from packager.core.frame_rate import output_frame_rate
from streamer.core.errors import SourceRejected

MAX_PIXELS = 8192 * 8192
# PQ and HLG (ITU-R BT.2100).
_HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
_INTERLACED_ORDERS = frozenset({"tt", "bb", "tb", "bt"})
_MATRICES = {
    "bt709": "bt709",
    "bt470bg": "bt601",
    "smpte170m": "bt601",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}
_HD_LINES = 720
_ENCRYPTED_TAGS = frozenset({"encv", "enca", "drmi", "drms"})
# Boxes that describe protected samples (ISO/IEC 23001-7, 14496-12 §8.12).
_PROTECTION_BOXES = (b"encv", b"enca", b"schm", b"tenc")
# Containers whose index finds the key frame before a time; the others are searched.
_INDEXED_FORMATS = frozenset({"mov", "matroska", "avi"})
_MP4_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The picture of a source, as it is displayed: upright, with square pixels.

    `index` counts all streams of the file. `start_seconds` is the time stamp that decoders give
    the first picture.
    `matrix` is the name swscale gives the colour matrix; `hdr_transfer` is set for PQ and HLG.
    """

    index: int
    width: int
    height: int
    frame_rate: Fraction
    start_seconds: Fraction
    matrix: str
    interlaced: bool = False
    hdr_transfer: str | None = None


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound of a source. `language` is an ISO 639 code of two or three letters."""

    index: int
    start_seconds: Fraction
    channels: int
    language: str | None = None


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What can be packaged of a file; at least one of `video` and `audio` is there.

    `zero_seconds` is the container's time that becomes time 0 of the stream: its first picture,
    or sound. `format_start_seconds` is where the container's clock begins: ffmpeg seeks relative
    to it. `indexed` says whether a seek finds the key frame before its target by itself.
    """

    duration_seconds: float
    zero_seconds: Fraction
    format_start_seconds: Fraction
    indexed: bool
    video: VideoTrack | None
    audio: AudioTrack | None


def read_probe(probe: Mapping[str, Any], *, max_duration_seconds: float) -> SourceInfo:
    """The source described by ffprobe's `-show_format -show_streams` JSON.

    Raises:
        SourceRejected: It holds nothing to show or hear, or more than is allowed.
    """
    streams = [stream for stream in probe.get("streams", []) if isinstance(stream, dict)]
    container = probe.get("format", {})
    _refuse_encrypted(streams)
    video = _first(streams, "video")
    audio = _first(streams, "audio")
    if video is None and audio is None:
        raise SourceRejected("The file holds neither pictures nor sound.", code="no_video_stream")
    _refuse_unknown(video if video is not None else audio)
    audio = audio if audio is not None and audio.get("codec_name") else None
    used = [stream for stream in (video, audio) if stream is not None]
    formats = container_formats(probe)
    source = SourceInfo(
        duration_seconds=_duration(container, used),
        zero_seconds=_seconds(used[0].get("start_time")),
        format_start_seconds=_seconds(container.get("start_time")),
        indexed=bool(_INDEXED_FORMATS & formats),
        video=_video_track(video, has_stamps="avi" not in formats) if video is not None else None,
        audio=_audio_track(audio) if audio is not None else None,
    )
    if source.duration_seconds > max_duration_seconds:
        raise SourceRejected(
            f"The video is longer than the {max_duration_seconds / 3600:g} hours allowed here.",
            code="too_long",
        )
    return source


def container_formats(probe: Mapping[str, Any]) -> frozenset[str]:
    """The names ffprobe has for the container, as `mov`."""
    return frozenset(str(probe.get("format", {}).get("format_name", "")).split(","))


def explain_unreadable(head: bytes, size_bytes: int) -> SourceRejected:
    """Why ffprobe could not open a file, from its first bytes and its size."""
    if size_bytes == 0:
        return SourceRejected("The file is empty.", code="not_a_video")
    if head[4:8] in _MP4_FIRST_BOXES:
        return SourceRejected(
            "The file is cut off: the index of this MP4 is missing. Upload the whole file again.",
            code="truncated",
        )
    return SourceRejected("The file is not a video in a format known here.", code="not_a_video")


def refuse_encrypted_moov(moov: bytes) -> None:
    """Refuse an MP4 whose movie box describes protected samples.

    Raises:
        SourceRejected: It does.
    """
    if b"sinf" in moov and any(kind in moov for kind in _PROTECTION_BOXES):
        raise _encrypted()


def refuse_cut_off(stated_bytes: int, size_bytes: int) -> None:
    """Refuse an MP4 whose boxes need more bytes than the file has.

    Raises:
        SourceRejected: They do.
    """
    if stated_bytes > size_bytes:
        raise SourceRejected(
            "The file is cut off: its end is missing. Upload the whole file again.",
            code="truncated",
        )


def _refuse_encrypted(streams: Iterable[Mapping[str, Any]]) -> None:
    for stream in streams:
        if stream.get("codec_tag_string") in _ENCRYPTED_TAGS:
            raise _encrypted()


def _encrypted() -> SourceRejected:
    return SourceRejected("The video is encrypted (DRM) and cannot be converted.", code="encrypted")


def _refuse_unknown(stream: Mapping[str, Any] | None) -> None:
    if stream is not None and not stream.get("codec_name"):
        raise SourceRejected(
            "The video uses a codec that is not known here.", code="unsupported_codec"
        )


def _first(streams: Iterable[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    candidates = [
        stream for stream in streams if stream.get("codec_type") == kind and not _is_picture(stream)
    ]
    return min(candidates, key=_preference, default=None)


def _is_picture(stream: Mapping[str, Any]) -> bool:
    disposition = stream.get("disposition", {})
    return any(
        disposition.get(name) for name in ("attached_pic", "still_image", "timed_thumbnails")
    )


def _preference(stream: Mapping[str, Any]) -> tuple[bool, bool, int]:
    return (
        not stream.get("codec_name"),
        not stream.get("disposition", {}).get("default"),
        int(stream["index"]),
    )


def _video_track(stream: Mapping[str, Any], *, has_stamps: bool) -> VideoTrack:
    transfer = stream.get("color_transfer")
    width, height = _displayed_size(stream)
    if width * height > MAX_PIXELS:
        raise SourceRejected(
            f"The picture is too large ({width}x{height} pixels).", code="too_large"
        )
    frame_rate = output_frame_rate(
        real=_fraction(stream.get("r_frame_rate")), average=_fraction(stream.get("avg_frame_rate"))
    )
    # Without time stamps, decoders count from the moment a picture leaves them: late by the
    # pictures that B-frames make them keep back.
    held_back = 0 if has_stamps else int(stream.get("has_b_frames") or 0)
    return VideoTrack(
        index=int(stream["index"]),
        width=width,
        height=height,
        frame_rate=frame_rate,
        start_seconds=_seconds(stream.get("start_time")) + held_back / frame_rate,
        matrix=_matrix(stream),
        interlaced=stream.get("field_order") in _INTERLACED_ORDERS,
        hdr_transfer=transfer if transfer in _HDR_TRANSFERS else None,
    )


def _displayed_size(stream: Mapping[str, Any]) -> tuple[int, int]:
    width, height = int(stream.get("width") or 0), int(stream.get("height") or 0)
    if width < 1 or height < 1:
        raise SourceRejected("The video has no picture size; it is damaged.", code="truncated")
    aspect = _fraction(str(stream.get("sample_aspect_ratio", "1:1")).replace(":", "/"))
    if aspect is not None:
        width = max(1, round(width * aspect))
    return (height, width) if _rotation(stream) % 180 == 90 else (width, height)


def _rotation(stream: Mapping[str, Any]) -> int:
    for side_data in stream.get("side_data_list", []):
        if "rotation" in side_data:
            return round(float(side_data["rotation"]) / 90) * 90
    return 0


def _matrix(stream: Mapping[str, Any]) -> str:
    """The tagged colour matrix, or what players assume of an untagged one by its size."""
    tagged = _MATRICES.get(str(stream.get("color_space")))
    return tagged or ("bt709" if int(stream["height"]) >= _HD_LINES else "bt601")


def _audio_track(stream: Mapping[str, Any]) -> AudioTrack:
    language = str(stream.get("tags", {}).get("language", "")).lower()
    known = language.isascii() and language.isalpha() and 2 <= len(language) <= 3
    return AudioTrack(
        index=int(stream["index"]),
        start_seconds=_seconds(stream.get("start_time")),
        channels=int(stream.get("channels") or 2),
        language=language if known and language != "und" else None,
    )


def _duration(container: Mapping[str, Any], streams: Iterable[Mapping[str, Any]]) -> float:
    """The longest of the streams used, the container's where they do not say; 0 if unknown."""
    stated = [float(_seconds(stream.get("duration"))) for stream in streams]
    return max((value for value in stated if value > 0), default=0.0) or max(
        0.0, float(_seconds(container.get("duration")))
    )


def _seconds(text: object) -> Fraction:
    try:
        return Fraction(str(text))
    except ValueError:
        return Fraction(0)


def _fraction(text: object) -> Fraction | None:
    """A positive ratio such as `30000/1001`; None when absent, zero or nonsense."""
    try:
        value = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None
