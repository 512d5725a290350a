"""Subtitles: WebVTT (W3C) and SubRip texts read leniently, WebVTT written strictly."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from streamer.core.cue_text import clean_cue_text, shift_timestamps, write_timestamp
from streamer.core.errors import InvalidInput

MAX_BYTES = 4 * 1024 * 1024
MAX_CUES = 20_000
MAX_CUE_CHARACTERS = 4_000
_MAX_MILLISECONDS = 100 * 3_600_000

_SIGNATURE = re.compile(r"WEBVTT(?=[ \t\r\n]|$)")
_LINE_END = re.compile(r"\r{0,2}\n|\r")
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# SubRip writes a comma. Found are also a colon, a space behind it, fewer digits or, where there are
# hours, none, and shorter arrows.
_TIME = (
    r"(?=[0-9]+:[0-9]+[.,:])"
    r"(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-9]{1,2})(?:[.,:] ?([0-9]{1,3}))?"
)
_ARROW = "->"
_TIMING = re.compile(rf"\s*{_TIME}\s*-?{_ARROW}\s*{_TIME}(?:\s+(.*))?\s*")
_COUNTER = re.compile(r"\s*[0-9]+\s*")
# Advanced SubStation Alpha's codes, which many SubRip files have too.
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
_PERCENTAGE = r"(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?)%"
# WebVTT §4.4; regions are left out with their definitions.
_SETTINGS = {
    "vertical": re.compile(r"rl|lr"),
    "line": re.compile(rf"(?:-?[0-9]{{1,4}}|{_PERCENTAGE})(?:,(?:start|center|end))?"),
    "position": re.compile(rf"{_PERCENTAGE}(?:,(?:line-left|center|line-right))?"),
    "size": re.compile(_PERCENTAGE),
    "align": re.compile(r"start|center|end|left|right"),
}

Refuse = Callable[[str], None]
"""Hears, for each cue that is more than is allowed, what is allowed; unless it raises, the cue is
left out."""


def _refuse_all(reason: str) -> None:
    raise InvalidInput(reason)


@dataclass(frozen=True, slots=True)
class Cue:
    """A text shown for a while; times in milliseconds from the video's beginning.

    `text` is valid WebVTT cue text: a few tags, `&`, `<` and `>` escaped, no empty line.
    `settings` place it on the picture.
    """

    start_ms: int
    end_ms: int
    text: str
    settings: str = ""


def read_subtitles(data: bytes) -> tuple[Cue, ...]:
    """The cues of a WebVTT or SubRip file, in the order of their beginnings.

    Its text is UTF-8, UTF-16 with a byte order mark, or else Windows-1252.

    Raises:
        InvalidInput: It is neither, holds no cue, or more than is allowed.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"Subtitles may have {MAX_BYTES} bytes at most.")
    text = _decode(data)
    cues = parse_webvtt(text) if _SIGNATURE.match(text) else parse_subrip(text)
    if not cues:
        raise InvalidInput("The file holds no subtitles in WebVTT or SubRip format.")
    return cues


def parse_webvtt(text: str, refuse: Refuse = _refuse_all) -> tuple[Cue, ...]:
    """The cues of a WebVTT text; styles, regions and comments are left out.

    Raises:
        InvalidInput: There are too many of them, or one is too long, and no other `refuse` is told.
    """
    return _bounded(_webvtt_cues(_lines(text), refuse), refuse)


def parse_subrip(text: str, refuse: Refuse = _refuse_all) -> tuple[Cue, ...]:
    """The cues of a SubRip text, which has no specification: empty lines inside a cue are met.

    Raises:
        InvalidInput: There are too many of them, or one is too long, and no other `refuse` is told.
    """
    return _bounded(_subrip_cues(_lines(text), refuse), refuse)


def render_webvtt(cues: Iterable[Cue]) -> str:
    """A WebVTT file of these cues."""
    return "\n".join(["WEBVTT\n", *map(_render_cue, cues)])


def shift_cues(cues: Iterable[Cue], milliseconds: int) -> tuple[Cue, ...]:
    """The cues, with the times inside them, that much later, without what would end before 0."""
    return tuple(
        Cue(
            max(0, cue.start_ms + milliseconds),
            cue.end_ms + milliseconds,
            shift_timestamps(cue.text, milliseconds),
            cue.settings,
        )
        for cue in cues
        if cue.end_ms + milliseconds > 0
    )


def _decode(data: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").removeprefix("\ufeff")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("windows-1252", "replace")


def _lines(text: str) -> list[str]:
    """The lines, however they end; CR CR LF comes of ends that were converted twice."""
    return _LINE_END.split(text)


def _webvtt_cues(lines: Sequence[str], refuse: Refuse) -> Iterator[Cue]:
    for timing, body in _timed_blocks(lines):
        end = body.index("") if "" in body else len(body)
        yield from _cue(timing, body[:end], _clean_settings(timing[9] or ""), refuse)


def _subrip_cues(lines: Sequence[str], refuse: Refuse) -> Iterator[Cue]:
    for timing, body in _timed_blocks([*lines, ""]):
        # The number of the cue that follows.
        text = body[:-1] if body and _COUNTER.fullmatch(body[-1]) else body
        yield from _cue(timing, [_OVERRIDE.sub("", line) for line in text], "", refuse)


def _timed_blocks(lines: Sequence[str]) -> Iterator[tuple[re.Match[str], Sequence[str]]]:
    """Each timing, and the lines up to the next one."""
    timings = [
        (number, match)
        for number, line in enumerate(lines)
        if _ARROW in line and (match := _TIMING.fullmatch(line))
    ]
    stops = (number for number, _ in timings[1:])
    for number, match in timings:
        yield match, lines[number + 1 : next(stops, len(lines))]


def _cue(
    timing: re.Match[str], body: Sequence[str], settings: str, refuse: Refuse
) -> Iterator[Cue]:
    """The cue, unless it shows nothing."""
    start_ms, end_ms = _milliseconds(timing, 1), _milliseconds(timing, 5)
    raw = "\n".join(body).strip()
    text = clean_cue_text(raw) if len(raw) <= MAX_CUE_CHARACTERS else raw
    if len(text) > MAX_CUE_CHARACTERS:
        refuse(f"A cue may have {MAX_CUE_CHARACTERS} characters at most.")
    elif text and start_ms < end_ms <= _MAX_MILLISECONDS:
        yield Cue(start_ms, end_ms, text, settings)


def _milliseconds(timing: re.Match[str], group: int) -> int:
    hours, minutes, seconds, fraction = timing.group(group, group + 1, group + 2, group + 3)
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "").ljust(3, "0"))


def _clean_settings(text: str) -> str:
    pairs = dict(part.partition(":")[::2] for part in text.split())
    return " ".join(
        f"{name}:{pairs[name]}"
        for name, pattern in _SETTINGS.items()
        if name in pairs and pattern.fullmatch(pairs[name])
    )


def _bounded(cues: Iterator[Cue], refuse: Refuse) -> tuple[Cue, ...]:
    kept: list[Cue] = []
    for cue in cues:
        if len(kept) < MAX_CUES:
            kept.append(cue)
        else:
            refuse(f"Subtitles may have {MAX_CUES} cues at most.")
    return tuple(sorted(kept, key=lambda cue: cue.start_ms))


def _render_cue(cue: Cue) -> str:
    times = f"{write_timestamp(cue.start_ms)} --> {write_timestamp(cue.end_ms)}"
    return f"{times} {cue.settings}".rstrip() + f"\n{cue.text}\n"
