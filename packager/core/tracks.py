"""One stream of ffprobe's JSON as a track."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from packager.core.colours import read_colours
from packager.core.conformance import find_obstacle
from packager.core.frame_rate import is_certain, output_frame_rate
from packager.core.probe_values import (
    read_label,
    read_language,
    read_ratio,
    read_seconds,
    read_tag,
)
from packager.core.source import AudioTrack, SubtitleTrack, VideoTrack
from packager.core.turns import read_turn
from streamer.core.errors import SourceRejected
from streamer.core.languages import language_name

MAX_PIXELS = 8192 * 8192
_INTERLACED_ORDERS = frozenset({"tt", "bb", "tb", "bt"})
# Looking at each picture of H.264 too would cost 1 to 2 % of the whole ladder's time.
_MIXED_CODECS = frozenset({"mpeg2video"})
# Of these most containers do not tell, and the first pictures may come behind much sound.
_UNTOLD_CODECS = frozenset({"dvvideo", "h264", "mpeg4"})
# Of these each picture says whether it is fields. Their streams say which one is shown first, of
# whole pictures too: film is pulled down to video by showing fields of them twice.
_FLAGGED_CODECS = frozenset({"h264", "mpeg2video"})
# Of formats with an alpha channel. Of PNG and APNG, ffprobe does not tell the format.
_ALPHA_FORMATS = ("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "ayuv")
_ALPHA_CODECS = frozenset({"png", "apng"})
# Of raw pictures, what is called alpha is most often nothing.
_OPAQUE_CODECS = frozenset({"rawvideo"})
# In WebM it is a stream beside the pictures, which ffmpeg's own decoders do not read.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# What is halved is twice as much at least.
_BARELY_MORE = Fraction(3, 2)
_PURPOSES = {
    "comment": "commentary",
    "visual_impaired": "audio description",
    "hearing_impaired": "for the hard of hearing",
}


def read_video_track(
    stream: Mapping[str, Any], frames: Iterable[Mapping[str, Any]] = (), *, has_stamps: bool
) -> VideoTrack:
    """The picture that `stream` describes.

    Args:
        stream: Its description.
        frames: Those of the first ones of the file.
        has_stamps: Whether the container tells when a picture is shown.

    Raises:
        SourceRejected: It has no size, or too large a one.
    """
    first = next((frame for frame in frames if frame.get("stream_index") == stream["index"]), {})
    turn, decoder = read_turn(stream, first), _alpha_decoder(stream)
    width, height = _displayed_size(stream, is_on_its_side=len(turn) == 1)
    for across, down in ((width, height), _coded_size(stream)):
        if across * down > MAX_PIXELS:
            raise SourceRejected(
                f"The picture is too large ({across}x{down} pixels).", code="too_large"
            )
    real, average = (read_ratio(stream.get(f"{name}_frame_rate")) for name in ("r", "avg"))
    frame_rate = output_frame_rate(real=real, average=average)
    # Without time stamps, decoders count from the moment a picture leaves them: late by the
    # pictures that B-frames make them keep back.
    held_back = 0 if has_stamps else int(stream.get("has_b_frames") or 0)
    colours = read_colours(stream)
    in_fields, codec = _begins_in_fields(stream, first), stream.get("codec_name")
    may_become_interlaced = codec in _MIXED_CODECS or (
        in_fields is None and codec in _UNTOLD_CODECS
    )
    return VideoTrack(
        index=int(stream["index"]),
        width=width,
        height=height,
        frame_rate=frame_rate,
        start_seconds=read_seconds(stream.get("start_time")) + held_back / frame_rate,
        matrix=colours.matrix,
        has_odd_colours=colours.are_odd,
        is_thinned=average is not None and average > frame_rate * _BARELY_MORE,
        # It may be film that is pulled down to video, by showing fields twice.
        is_rate_certain=is_certain(real=real, average=average) and not may_become_interlaced,
        interlaced=bool(in_fields),
        turn=turn,
        has_alpha=decoder is not None or _has_alpha(stream),
        decoder=decoder,
        has_layers=bool(stream.get("view_ids_available")),
        may_become_interlaced=may_become_interlaced,
        hdr_transfer=colours.hdr_transfer,
        wide_primaries=colours.wide_primaries,
        obstacle=find_obstacle(stream, colours.matrix, is_turned=bool(turn)),
        caveat=colours.caveat,
    )


def read_audio_track(stream: Mapping[str, Any]) -> AudioTrack:
    """The sound that `stream` describes."""
    return AudioTrack(
        index=int(stream["index"]),
        start_seconds=read_seconds(stream.get("start_time")),
        channels=int(stream.get("channels") or 2),
        language=_language(stream),
        label=_label(stream),
        layout=str(stream.get("channel_layout") or ""),
    )


def read_subtitle_track(stream: Mapping[str, Any]) -> SubtitleTrack:
    """The text that `stream` describes."""
    return SubtitleTrack(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name")),
        language=_language(stream),
        label=_label(stream),
        is_forced=bool(stream.get("disposition", {}).get("forced")),
    )


def _begins_in_fields(stream: Mapping[str, Any], first: Mapping[str, Any]) -> bool | None:
    """Whether the first picture is two fields, by the stream or itself; None: that is not sure."""
    order = stream.get("field_order", "unknown")
    by_itself = first["interlaced_frame"] == 1 if "interlaced_frame" in first else None
    if order == "unknown":
        return by_itself
    by_stream = order in _INTERLACED_ORDERS
    is_doubtful = by_stream and not by_itself and stream.get("codec_name") in _FLAGGED_CODECS
    return None if is_doubtful else by_stream


def _displayed_size(stream: Mapping[str, Any], *, is_on_its_side: bool) -> tuple[int, int]:
    (coded_width, coded_height), cropped = _coded_size(stream), _cropped(stream)
    width, height = coded_width - cropped[0], coded_height - cropped[1]
    if width < 1 or height < 1:
        raise SourceRejected("The video has no picture size; it is damaged.", code="truncated")
    aspect = read_ratio(stream.get("sample_aspect_ratio", "1:1"))
    if aspect is not None:
        width = max(1, round(width * aspect))
    is_on_its_side |= _rotation(stream) % 180 == 90
    return (height, width) if is_on_its_side else (width, height)


def _coded_size(stream: Mapping[str, Any]) -> tuple[int, int]:
    return int(stream.get("width") or 0), int(stream.get("height") or 0)


def _cropped(stream: Mapping[str, Any]) -> tuple[int, int]:
    """What the container has decoders cut off, in columns and lines of pixels."""
    for side_data in stream.get("side_data_list", []):
        if "crop_left" in side_data:
            left, right, top, bottom = (
                int(side_data[f"crop_{side}"]) for side in ("left", "right", "top", "bottom")
            )
            return left + right, top + bottom
    return 0, 0


def _rotation(stream: Mapping[str, Any]) -> int:
    for side_data in stream.get("side_data_list", []):
        if "rotation" in side_data:
            return round(float(side_data["rotation"]) / 90) * 90
    return 0


def _has_alpha(stream: Mapping[str, Any]) -> bool:
    codec = stream.get("codec_name")
    in_format = str(stream.get("pix_fmt")).startswith(_ALPHA_FORMATS)
    return codec in _ALPHA_CODECS or (in_format and codec not in _OPAQUE_CODECS)


def _alpha_decoder(stream: Mapping[str, Any]) -> str | None:
    """What decodes the alpha channel too of VP8 and VP9 that has one."""
    if read_tag(stream, "alpha_mode") != "1":
        return None
    return _ALPHA_DECODERS.get(str(stream.get("codec_name")))


def _language(stream: Mapping[str, Any]) -> str | None:
    return read_language(read_tag(stream, "language"))


def _label(stream: Mapping[str, Any]) -> str | None:
    """The track's title, or its language's name and what it is for."""
    title = read_label(read_tag(stream, "title"))
    if title is not None:
        return title
    disposition = stream.get("disposition", {})
    purposes = [text for name, text in _PURPOSES.items() if disposition.get(name)]
    words = [language_name(_language(stream)) or "", f"({purposes[0]})" if purposes else ""]
    return " ".join(word for word in words if word) or None
