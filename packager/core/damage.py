"""What is told of a source of which not everything could be decoded."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from packager.core.source import AudioTrack

Span = tuple[Fraction, Fraction]
"""From one moment to another, in seconds."""

_MOST_PLACES = 10
# A container's duration is often that of its longest stream, or rounded.
_TOLERATED_SECONDS = 2
_TOLERATED_SHARE = 0.02
# Less is usual where a broadcast is recorded.
_TOLD_LEAD_SECONDS = 1


def describe_lost_pictures(spans: Iterable[Span]) -> list[str]:
    """A sentence for each part of the picture in which something was lost."""
    places = _join(spans)
    sentences = [
        f"Some pictures between {_clock(start)} and {_clock(stop)} could not be decoded"
        " and were replaced."
        for start, stop in places[:_MOST_PLACES]
    ]
    if len(places) > _MOST_PLACES:
        sentences.append(f"So it is at {len(places) - _MOST_PLACES} places more.")
    return sentences


def describe_lost_sound(audio: AudioTrack) -> str:
    """A sentence for a sound of which something was lost."""
    name = f" ({audio.label or audio.language})" if audio.label or audio.language else ""
    return f"Some of the sound{name} could not be decoded and is silent."


def describe_cut_off(stated_bytes: int, size_bytes: int) -> list[str]:
    """A sentence if a file's boxes need more bytes than it has."""
    if stated_bytes <= size_bytes:
        return []
    share = 100 * (stated_bytes - size_bytes) / stated_bytes
    return [f"The file is cut off: {max(1, round(share))} % of it is missing."]


def describe_beginning(late_seconds: Fraction, lead_seconds: Fraction) -> list[str]:
    """A sentence if sound and picture do not begin together.

    Args:
        late_seconds: How long the first picture stands before its time.
        lead_seconds: How much sound before it is left out.
    """
    if late_seconds > 0:
        return [
            f"The first picture, at {_clock(late_seconds)}, stands still before that,"
            " while the sound goes on."
        ]
    if lead_seconds >= _TOLD_LEAD_SECONDS:
        return [f"The sound before the first picture, {_clock(lead_seconds)} of it, is left out."]
    return []


def describe_still(start: Fraction, stop: Fraction) -> list[str]:
    """A sentence if the last picture is held as long as the sound goes on."""
    if start >= stop:
        return []
    return [f"The last picture, at {_clock(start)}, stands still while the sound goes on."]


def describe_omission(names: Sequence[str], reason: str) -> str:
    """A sentence about renditions that a video does without."""
    verb = "was" if len(names) == 1 else "were"
    because = reason.rstrip(".").replace(" / ", "; ") or "encoding failed"
    return f"{', '.join(names)} {verb} left out: {because}."


def describe_lost_texts(name: str, count: int, reason: str) -> str:
    """A sentence about some of the texts of a subtitle rendition, which it does without."""
    verb = "was" if count == 1 else "were"
    return f"{count} of the texts of {name} {verb} left out: {reason}"


def describe_end(what: str, stated_seconds: float, found_seconds: float) -> list[str]:
    """A sentence if a source's pictures, or its sound, end noticeably before they should."""
    missing = stated_seconds - found_seconds
    if missing <= max(_TOLERATED_SECONDS, stated_seconds * _TOLERATED_SHARE):
        return []
    return [
        f"The file says that it lasts {_clock(stated_seconds)},"
        f" but the last of its {what} is at {_clock(found_seconds)}."
    ]


def _join(spans: Iterable[Span]) -> list[Span]:
    """The spans in their order, those that touch made one."""
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _clock(seconds: float | Fraction) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
