"""Subtitles inside a source, brought to WebVTT."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import ffmpeg

from packager.core.argv import BARE, compile_argv
from packager.core.input import open_source
from packager.core.source import SourceInfo, SubtitleTrack
from streamer.core.webvtt import Cue, Refuse, parse_subrip, shift_cues

# WebVTT has no time before 0, a source's clock may: ffmpeg writes all times that much later.
_MARGIN_SECONDS = 3600
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
            **{"c:s": "webvtt", "f": "webvtt", "output_ts_offset": _MARGIN_SECONDS, **BARE},
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
    # ffmpeg writes empty lines inside cues, as they are found in SubRip.
    cues: Iterable[Cue] = parse_subrip(text, refuse)
    if track.codec in _SUBSTATION_CODECS:
        cues = _without_codes(cues)
    return shift_cues(cues, round(-1000 * (_MARGIN_SECONDS + Fraction(source.zero_seconds))))


def _without_codes(cues: Iterable[Cue]) -> Iterator[Cue]:
    for cue in cues:
        text = _HARD_SPACE.sub("\N{NO-BREAK SPACE}", _COMMENT.sub("", cue.text))
        lines = (line for line in text.split("\n") if not _DRAWING.fullmatch(line))
        kept = "\n".join(line for line in lines if line.strip())
        if kept:
            yield replace(cue, text=kept)
