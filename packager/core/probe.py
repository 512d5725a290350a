"""What ffprobe says of an upload, and whether it can become a stream."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from packager.core.probe_values import read_clock, read_label, read_seconds, read_tag
from packager.core.source import SourceInfo, VideoTrack
from packager.core.tracks import read_audio_track, read_subtitle_track, read_video_track
from packager.core.unreadable import explain_encrypted
from streamer.core.errors import SourceRejected
from streamer.core.video import Chapter

MAX_AUDIOS = 8
MAX_SUBTITLES = 32
_MAX_CHAPTERS = 500
_ENCRYPTED_TAGS = frozenset({"encv", "enca", "drmi", "drms"})
# Containers whose index finds the key frame before a time; the others are searched.
_INDEXED_FORMATS = frozenset({"mov", "matroska", "avi"})
# Containers in which pictures say themselves how large they are.
_HEADLESS_FORMATS = frozenset({"mpegts", "mpeg"})
# How ffmpeg's Matroska says how long a stream lasts in which there was nothing.
_NO_TIME = re.compile(r"00:00:00(?:\.0+)?")
# Recordings that are joined in an MPEG stream overlap a little. Recorders of the others may stamp
# sound when it comes, some milliseconds early or late; 45 ms are noticed (ITU-R BT.1359-1).
_EXACT_SLACKS = {"mpegts": 0.01, "mpeg": 0.01, "mov": 0.04, "matroska": 0.04}
# Elsewhere time stamps may be inexact.
_SLACK_SECONDS = 0.1
_PICTURE_DISPOSITIONS = ("attached_pic", "still_image", "timed_thumbnails")
# Sound before the first picture: of less a recording was cut inside a group of pictures, of more
# the two do not go by one clock.
_KEPT_LEAD_SECONDS = (Fraction(5), Fraction(3600))
# What a viewer wants only by choice.
_SPECIAL_DISPOSITIONS = ("comment", "visual_impaired")
# Those made of text: pictures of text cannot become WebVTT.
_TEXT_CODECS = frozenset({"subrip", "srt", "mov_text", "ass", "ssa", "webvtt", "text"})


def read_probe(probe: Mapping[str, Any], *, max_duration_seconds: float) -> SourceInfo:
    """The source described by ffprobe's JSON: format, streams, chapters, first frames.

    Raises:
        SourceRejected: It holds nothing to show or hear, or more than is allowed.
    """
    streams = _streams_of_one_program(probe)
    container = probe.get("format", {})
    _refuse_encrypted(streams)
    videos, audios = _ranked(streams, "video"), _ranked(streams, "audio")
    if not videos and not audios:
        raise SourceRejected("The file holds neither pictures nor sound.", code="no_video_stream")
    _refuse_unknown((videos or audios)[0])
    audios = [stream for stream in audios if stream.get("codec_name")][:MAX_AUDIOS]
    formats, frames = container_formats(probe), probe.get("frames", [])
    used = [*videos[:1], *audios]
    zero_seconds = _zero_seconds(used[0], audios)
    source = SourceInfo(
        duration_seconds=_duration(container, used, zero_seconds),
        zero_seconds=zero_seconds,
        format_start_seconds=read_seconds(container.get("start_time")),
        indexed=bool(_INDEXED_FORMATS & formats),
        sound_slack_seconds=min(
            (_EXACT_SLACKS.get(name, _SLACK_SECONDS) for name in formats), default=_SLACK_SECONDS
        ),
        video=_read_video(videos[0], frames, zero_seconds, has_stamps="avi" not in formats)
        if videos
        else None,
        audios=tuple(map(read_audio_track, audios)),
        subtitles=tuple(map(read_subtitle_track, _texts(streams))),
        chapters=read_chapters(probe, zero_seconds),
    )
    check_duration(source.duration_seconds, max_duration_seconds)
    return source


def read_chapters(probe: Mapping[str, Any], zero_seconds: Fraction) -> tuple[Chapter, ...]:
    """The chapters in ffprobe's JSON, counted from a time of the source's clock."""
    return tuple(_chapters(probe.get("chapters", []), zero_seconds))


def without_tracks(probe: Mapping[str, Any], ids: Collection[int]) -> Mapping[str, Any]:
    """The JSON of ffprobe without the streams of some tracks of an MP4 file."""
    streams = [s for s in probe.get("streams", []) if int(s.get("id", "0"), 0) not in ids]
    return {**probe, "streams": streams}


def ends_before_the_picture(probe: Mapping[str, Any]) -> bool:
    """Whether ffprobe's JSON does not tell how large the pictures are, or when the first is shown.

    It gives a stream that it has met nothing of the time at which the file begins.
    """
    video = next(iter(_ranked(probe.get("streams", []), "video")), None)
    if video is None or not video.get("codec_name"):
        return False
    if not video.get("width"):
        return True
    is_met = "nb_read_packets" in video or bool(_HEADLESS_FORMATS & container_formats(probe))
    return not is_met and video.get("start_time") == probe.get("format", {}).get("start_time")


def describe_others(probe: Mapping[str, Any]) -> list[str]:
    """Sentences about the pictures, sounds, subtitles and chapters that are left out."""
    streams, chapters = _streams_of_one_program(probe), probe.get("chapters", [])
    sentences = []
    if _streams_of_other_programs(probe):
        sentences.append(f"Of {len(probe['programs'])} programmes one is shown.")
    if len(videos := _ranked(streams, "video")) > 1:
        sentences.append(f"Of {len(videos)} pictures one is shown.")
    audios = _ranked(streams, "audio")
    sounds = [stream for stream in audios if stream.get("codec_name")]
    if audios and len(sounds) < len(audios):
        sentences.append("Sounds in codecs that are not known here are left out.")
    if len(sounds) > MAX_AUDIOS:
        sentences.append(f"Of {len(sounds)} sounds the first {MAX_AUDIOS} are kept.")
    others = _ranked(streams, "subtitle")
    texts = [stream for stream in others if _is_text(stream)]
    formats = {str(stream.get("codec_name", "unknown")) for stream in others} - _TEXT_CODECS
    if formats:
        names = ", ".join(sorted(formats))
        sentences.append(
            f"Subtitles that are pictures, or no text known here, are left out: {names}."
        )
    if len(texts) > MAX_SUBTITLES:
        sentences.append(f"Of {len(texts)} subtitles the first {MAX_SUBTITLES} are kept.")
    if len(chapters) > _MAX_CHAPTERS:
        sentences.append(f"Of {len(chapters)} chapters the first {_MAX_CHAPTERS} are kept.")
    return sentences


def check_duration(seconds: float, max_seconds: float) -> None:
    """Raise SourceRejected if a video is longer than is allowed."""
    if seconds > max_seconds:
        raise SourceRejected(
            f"The video is longer than the {max_seconds / 3600:g} hours allowed here.",
            code="too_long",
        )


def container_formats(probe: Mapping[str, Any]) -> frozenset[str]:
    """The names ffprobe has for the container, as `mov`."""
    return frozenset(str(probe.get("format", {}).get("format_name", "")).split(","))


def _streams_of_one_program(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All streams but those of other programmes than the one to begin with."""
    others = _streams_of_other_programs(probe)
    return [stream for stream in _streams(probe) if stream["index"] not in others]


def _streams_of_other_programs(probe: Mapping[str, Any]) -> set[int]:
    """Which streams the programme to begin with does not have, and others do.

    Broadcasters send several in one transport stream (ISO/IEC 13818-1 §2.4.4).
    """
    programs = [{it["index"] for it in program["streams"]} for program in probe.get("programs", [])]
    streams = _streams(probe)
    first = {it["index"] for it in [*_ranked(streams, "video"), *_ranked(streams, "audio")][:1]}
    own: set[int] = set().union(*(program for program in programs if first & program))
    return set().union(*programs) - own if own else set()


def _streams(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [stream for stream in probe.get("streams", []) if isinstance(stream, dict)]


def _refuse_encrypted(streams: Iterable[Mapping[str, Any]]) -> None:
    for stream in streams:
        if stream.get("codec_tag_string") in _ENCRYPTED_TAGS:
            raise explain_encrypted()


def _refuse_unknown(stream: Mapping[str, Any]) -> None:
    if not stream.get("codec_name"):
        raise SourceRejected(
            "The video uses a codec that is not known here.", code="unsupported_codec"
        )


def _zero_seconds(first: Mapping[str, Any], audios: Iterable[Mapping[str, Any]]) -> Fraction:
    """When the stream to begin with begins, or the sound that is there long before it."""
    zero = read_seconds(first.get("start_time"))
    starts = [read_seconds(it["start_time"]) for it in audios if "start_time" in it]
    earliest = min(starts, default=zero)
    least, most = _KEPT_LEAD_SECONDS
    return earliest if least <= zero - earliest <= most else zero


def _read_video(
    stream: Mapping[str, Any],
    frames: Iterable[Mapping[str, Any]],
    zero_seconds: Fraction,
    *,
    has_stamps: bool,
) -> VideoTrack:
    video = read_video_track(stream, frames, has_stamps=has_stamps)
    late = read_seconds(stream.get("start_time")) - zero_seconds
    return replace(video, start_seconds=video.start_seconds - late, late_seconds=late)


def _ranked(streams: Iterable[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    """The streams of a kind, the one to begin with first."""
    candidates = (stream for stream in streams if stream.get("codec_type") == kind)
    return sorted(
        (stream for stream in candidates if not _is_marked(stream, *_PICTURE_DISPOSITIONS)),
        key=_preference,
    )


def _preference(stream: Mapping[str, Any]) -> tuple[bool, bool, bool, bool, int]:
    return (
        not stream.get("codec_name"),
        _says_it_is_empty(stream),
        _is_marked(stream, *_SPECIAL_DISPOSITIONS),
        not _is_marked(stream, "default"),
        int(stream["index"]),
    )


def _says_it_is_empty(stream: Mapping[str, Any]) -> bool:
    """Whether nothing lies in a stream by its own words, as of a microphone that was never on."""
    return _NO_TIME.fullmatch(str(read_tag(stream, "duration"))) is not None


def _texts(streams: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [stream for stream in _ranked(streams, "subtitle") if _is_text(stream)][:MAX_SUBTITLES]


def _is_text(stream: Mapping[str, Any]) -> bool:
    return stream.get("codec_name") in _TEXT_CODECS


def _is_marked(stream: Mapping[str, Any], *dispositions: str) -> bool:
    stated = stream.get("disposition", {})
    return any(stated.get(name) for name in dispositions)


def _chapters(chapters: Iterable[Any], zero_seconds: Fraction) -> Iterable[Chapter]:
    stated = [chapter for chapter in chapters if isinstance(chapter, dict)][:_MAX_CHAPTERS]
    for number, chapter in enumerate(stated, start=1):
        start = max(Fraction(0), read_seconds(chapter.get("start_time")) - zero_seconds)
        end = read_seconds(chapter.get("end_time")) - zero_seconds
        if start < end:
            title = read_label(read_tag(chapter, "title")) or f"Chapter {number}"
            yield Chapter(float(start), float(end), title)


def _duration(
    container: Mapping[str, Any], streams: Iterable[Mapping[str, Any]], zero_seconds: Fraction
) -> float:
    """The longest of the streams used, the container's where they do not say; 0 if unknown."""
    whole = max(0.0, float(read_seconds(container.get("duration"))))
    # ffmpeg says when a stream of Matroska ends, others how long it lasts.
    by_ffmpeg = str(read_tag(container, "encoder")).startswith("Lavf")
    ends = (_end_seconds(stream, zero_seconds, says_end=by_ffmpeg) for stream in streams)
    longest = float(max(ends, default=0))
    return longest if longest > 0 else whole


def _end_seconds(stream: Mapping[str, Any], zero_seconds: Fraction, *, says_end: bool) -> Fraction:
    """How long after time 0 a stream ends, as it or, in Matroska, its tag says; 0 if unknown.

    One that goes by another clock is taken to begin at time 0. `says_end` says that the tag is when
    it ends, by the file's clock.
    """
    stated, tagged = read_seconds(stream.get("duration")), read_clock(read_tag(stream, "duration"))
    if stated <= 0 and says_end:
        return tagged - zero_seconds
    lasts = stated if stated > 0 else tagged
    if lasts <= 0:
        return Fraction(0)
    late = read_seconds(stream.get("start_time")) - zero_seconds
    return lasts + late if 0 < late <= _KEPT_LEAD_SECONDS[1] else lasts
