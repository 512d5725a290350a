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
    shortest = Fraction(target_duration_seconds * rendition.timescale, 2)
    longest = 3 * shortest
    peak = 0
    for first in range(len(segments)):
        ticks = size_bytes = 0
        for segment in segments[first:]:
            ticks += segment.duration_ticks
            size_bytes += segment.size_bytes
            if ticks > longest:
                break
            if ticks >= shortest:
                peak = max(peak, _bps(size_bytes, ticks, rendition.timescale))
    return peak or average_bps(rendition, segments)


def peak_iframe_bps(rendition: Rendition, segments: Sequence[Segment]) -> int:
    """The highest bit rate of a key frame, shown as long as its segment; 0 if one is not known."""
    if not all(segment.key_frame_bytes for segment in segments):
        return 0
    return max(
        (
            _bps(segment.key_frame_bytes or 0, segment.duration_ticks, rendition.timescale)
            for segment in segments
        ),
        default=0,
    )


def average_iframe_bps(rendition: Rendition, segments: Sequence[Segment]) -> int:
    """The bit rate of all key frames over the whole duration; 0 without segments."""
    ticks = sum(segment.duration_ticks for segment in segments)
    size_bytes = sum(segment.key_frame_bytes or 0 for segment in segments)
    return _bps(size_bytes, ticks, rendition.timescale) if ticks else 0


def _bps(size_bytes: int, ticks: int, timescale: int) -> int:
    return math.ceil(Fraction(size_bytes * 8 * timescale, ticks))
