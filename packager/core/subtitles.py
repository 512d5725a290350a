"""Subtitles inside a source, brought to WebVTT."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import ffmpeg

from packager.core.argv import BARE, compile_argv
from packager.core.input import open_source
from packager.core.source import SourceInfo, SubtitleTrack
from streamer.core.cue_text import read_timestamps, shift_timestamps
from streamer.core.webvtt import Cue, Refuse, parse_subrip, parse_webvtt, shift_cues

# WebVTT has no time before 0, a source's clock may: ffmpeg writes all times that much later.
_MARGIN_SECONDS = 3600
_WEBVTT = "webvtt"
_SUBSTATION_CODECS = frozenset({"ass", "ssa"})
# SubStation Alpha draws with text: ffmpeg keeps the outlines' coordinates, its comments and its
# hard spaces.
_DRAWING = re.compile(r"(?:<[^>]*>)*m -?[0-9.]+ -?[0-9.]+(?: [mnlbspc0-9. -]*)?(?:<[^>]*>)*")
_COMMENT = re.compile(r"\{[^{}]*\}")
_HARD_SPACE = re.compile(r"\\h")


def subtitles_argv(path: str, tracks: Sequence[SubtitleTrack], targets: Sequence[str]) -> list[str]:
    """Every track as WebVTT into its own target, in one reading of the source."""
    opened = open_source(path, vn=None, an=None)
    outputs = [
        ffmpeg.output(
            opened[str(track.index)],
            target,
            **{
                # ffmpeg's decoder drops places, speakers, classes and times inside texts.
                "c:s": "copy" if track.codec == _WEBVTT else _WEBVTT,
                "f": "webvtt",
                "output_ts_offset": _MARGIN_SECONDS,
                **BARE,
            },
        )
        for track, target in zip(tracks, targets, strict=True)
    ]
    return compile_argv(outputs)


def read_cues(
    text: str, track: SubtitleTrack, source: SourceInfo, refuse: Refuse
) -> tuple[Cue, ...]:
    """The cues of what `subtitles_argv` writes for a track, from the stream's time 0 on.

    `refuse` is told of each that is left out because there are more, or longer ones, than is
    allowed.
    """
    cues: Iterable[Cue]
    if track.codec == _WEBVTT:
        cues = _on_one_clock(parse_webvtt(text, refuse))
    else:
        # ffmpeg writes empty lines inside cues, as they are found in SubRip.
        cues = parse_subrip(text, refuse)
    if track.codec in _SUBSTATION_CODECS:
        cues = _without_codes(cues)
    return shift_cues(cues, round(-1000 * (_MARGIN_SECONDS + Fraction(source.zero_seconds))))


def _on_one_clock(cues: Sequence[Cue]) -> Iterator[Cue]:
    """The cues with the times inside their texts on the clock of their own.

    ffmpeg copies those as they are: in Matroska they count from their cue's beginning, but many
    writers leave them as they were in the WebVTT file.
    """
    margin = 1000 * _MARGIN_SECONDS
    inner = [(cue, time) for cue in cues for time in read_timestamps(cue.text)]
    is_relative = all(time <= cue.end_ms - cue.start_ms for cue, time in inner) and not all(
        cue.start_ms <= time + margin <= cue.end_ms for cue, time in inner
    )
    for cue in cues:
        later = cue.start_ms if is_relative else margin
        yield replace(cue, text=shift_timestamps(cue.text, later))


def _without_codes(cues: Iterable[Cue]) -> Iterator[Cue]:
    for cue in cues:
        text = _HARD_SPACE.sub("\N{NO-BREAK SPACE}", _COMMENT.sub("", cue.text))
        lines = (line for line in text.split("\n") if not _DRAWING.fullmatch(line))
        kept = "\n".join(line for line in lines if line.strip())
        if kept:
            yield replace(cue, text=kept)
