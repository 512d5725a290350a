"""Bit rates measured from published segments (RFC 8216bis §4.4.6.2)."""

import math
from collections.abc import Sequence
from fractions import Fraction

from streamer.core.video import Rendition, Segment


def average_bps(rendition: Rendition, segments: Sequence[Segment]) -> int:
    """The average segment bit rate: all bits over the whole duration; 0 without segments."""
    ticks = sum(segment.duration_ticks for segment in segments)
    size_bytes = sum(segment.size_bytes for segment in segments)
    return _bps(size_bytes, ticks, rendition.timescale) if ticks else 0


def peak_bps(
    rendition: Rendition, segments: Sequence[Segment], *, target_duration_seconds: int
) -> int:
    """The peak segment bit rate; 0 without segments.

    The largest bit rate of any contiguous set of segments that lasts 0.5 to 1.5 target durations,
    so that a short last segment does not count alone. A stream shorter than that counts whole.
    """
    target_ticks = target_duration_seconds * rendition.timescale
    most_bytes, in_ticks = 0, 1
    for first in range(len(segments)):
        ticks = size_bytes = 0
        for number in range(first, len(segments)):
            ticks += segments[number].duration_ticks
            size_bytes += segments[number].size_bytes
            if 2 * ticks > 3 * target_ticks:
                break
            if 2 * ticks >= target_ticks and size_bytes * in_ticks > most_bytes * ticks:
                most_bytes, in_ticks = size_bytes, ticks
    if not most_bytes:
        return average_bps(rendition, segments)
    return _bps(most_bytes, in_ticks, rendition.timescale)


def peak_iframe_bps(rendition: Rendition, segments: Sequence[Segment]) -> int:
    """The highest bit rate of a key frame, shown as long as its segment; 0 if one is not known."""
    if not all(segment.key_frame_bytes for segment in segments):
        return 0
    if not segments:
        return 0
    most = max(
        segments, key=lambda segment: (segment.key_frame_bytes or 0) / segment.duration_ticks
    )
    return _bps(most.key_frame_bytes or 0, most.duration_ticks, rendition.timescale)


def average_iframe_bps(rendition: Rendition, segments: Sequence[Segment]) -> int:
    """The bit rate of all key frames over the whole duration; 0 without segments."""
    ticks = sum(segment.duration_ticks for segment in segments)
    size_bytes = sum(segment.key_frame_bytes or 0 for segment in segments)
    return _bps(size_bytes, ticks, rendition.timescale) if ticks else 0


def _bps(size_bytes: int, ticks: int, timescale: int) -> int:
    return math.ceil(Fraction(size_bytes * 8 * timescale, ticks))
