"""How to get to a moment of a source: where a decoder must begin to show it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from packager.core.argv import spell_ratio
from packager.core.input import open_source
from packager.core.plan import Grid
from packager.core.probe_values import read_seconds
from packager.core.source import SourceInfo

# Seeking in an indexed file ends at the last key frame before its target, so a little behind the
# chunk's own first frame: where that is a key frame, its rounded time is not behind the target.
_ROUNDED_FRAMES = Fraction(1, 4)
# In the others a key frame must be met: tried in turn until the chunk's first frame is there. Most
# encoders put one at least every 250 pictures.
_WIDEST_SECONDS = Fraction(60)
_SEARCH_MARGINS_SECONDS = (Fraction(12), _WIDEST_SECONDS, None)
_FEWEST_KEYS = 2


@dataclass(frozen=True, slots=True)
class Approach:
    """How to get to a chunk's first frame in a source.

    Attributes:
        margin_seconds: How far before it to look for a key frame, from which on the source is
            decoded; below 0: how far behind it. None: it is decoded from its beginning.
        in_order: What comes before is read and left out, rather than sought past.
    """

    margin_seconds: Fraction | None
    in_order: bool = False

    def start_seconds(self, source: SourceInfo, grid: Grid, first_frame: int) -> Fraction | None:
        """From when on it is read, by the source's clock; None: from its beginning."""
        if self.margin_seconds is None or first_frame == 0:
            return None
        start = source.zero_seconds + grid.seconds(first_frame) - self.margin_seconds
        # Before the first picture there is no key frame to be met.
        return start if start > source.first_picture_seconds else None

    def proves_the_end(self, source: SourceInfo, grid: Grid, first_frame: int) -> bool:
        """Whether the source ends before a frame if nothing is found this way.

        A search may end behind the last key frame, or at one that is damaged: then what came before
        it stands still until there is another.
        """
        if self.start_seconds(source, grid, first_frame) is None:
            return True
        if self.in_order or not source.indexed:
            return False
        is_stated = grid.seconds(first_frame) >= source.duration_seconds
        return is_stated or self.margin_seconds == _WIDEST_SECONDS


def approaches(source: SourceInfo, grid: Grid, *, in_order: bool = False) -> tuple[Approach, ...]:
    """The ways to get to a chunk, in the order to try."""
    searches = [Approach(margin, in_order) for margin in _SEARCH_MARGINS_SECONDS]
    if source.indexed and not in_order:
        return (Approach(-_ROUNDED_FRAMES / grid.frame_rate), *searches)
    return tuple(searches)


def key_seconds(packets: Iterable[Mapping[str, Any]]) -> list[Fraction]:
    """When key frames are shown, by ffprobe's `pts_time` and `flags` of packets."""
    return [
        read_seconds(packet["pts_time"])
        for packet in packets
        if "pts_time" in packet and "K" in str(packet.get("flags"))
    ]


def from_a_key(
    search: Approach, keys: Iterable[Fraction], source: SourceInfo, grid: Grid, first_frame: int
) -> Approach | None:
    """A search that begins later, at a key frame; None if it would not.

    At the last but one before the chunk: where pictures are refreshed bit by bit, what is marked as
    a key frame is only the beginning of one.

    Args:
        search: What begins too early.
        keys: When key frames that it meets are shown, by the source's clock.
        source: The source.
        grid: Its frames.
        first_frame: The chunk's first.
    """
    shown = source.zero_seconds + grid.seconds(first_frame)
    before = sorted(key for key in keys if key <= shown)
    if len(before) < _FEWEST_KEYS or search.margin_seconds is None:
        return None
    margin = shown - before[-_FEWEST_KEYS] + _ROUNDED_FRAMES / grid.frame_rate
    return replace(search, margin_seconds=margin) if margin < search.margin_seconds else None


def open_at(
    path: str,
    source: SourceInfo,
    grid: Grid,
    first_frame: int,
    approach: Approach,
    **options: Any,
) -> Any:
    """The source from a key frame before a frame of the grid on; `options` are ffmpeg's for it."""
    if source.video is not None:
        options |= source.video.decoding
        if source.indexed:
            # Elsewhere ffmpeg may count by durations when a picture is shown.
            filters = [options.get("bsf:v"), _lasting(source.video.shortest_seconds)]
            options["bsf:v"] = ",".join(name for name in filters if name)
    # Filters that begin anew where the format of the pictures changes would count from there.
    options["reinit_filter"] = 0
    start = approach.start_seconds(source, grid, first_frame)
    if start is None:
        return open_source(path, **options)
    if not approach.in_order:
        seek_seconds = start - source.format_start_seconds
        return open_source(path, seek_seconds=seek_seconds, **options)
    filters = [options.get("bsf:v"), _leave_out_until(start)]
    options["bsf:v"] = ",".join(name for name in filters if name)
    return open_source(path, **options)


def _lasting(seconds: Fraction) -> str:
    """A bit stream filter that has every picture last so long at least, where it says how long.

    It counts for the last one.
    """
    duration = f"max(DURATION,({spell_ratio(seconds)})/TB)*gt(DURATION,0)"
    return f"setts=pts=PTS:dts=DTS:duration='{duration}'"


def _leave_out_until(seconds: Fraction) -> str:
    """A bit stream filter that drops packets until the first key frame from a time on."""
    begins = f"key*gte(pts*tb,{float(seconds):.6f})"
    # Register 0 remembers that it has begun.
    return f"noise=drop='if(ld(0),0,if({begins},st(0,1)*0,1))'"
