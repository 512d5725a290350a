"""When enough of a source that still arrives is there to encode a chunk of it."""

import math
from dataclasses import dataclass

from packager.core.plan import Chunk, Grid
from packager.core.source import SourceInfo

# The beginning of a source may have a little more than its share of the bytes; sound lies apart.
_UNEVEN = 1.1
_AHEAD_BYTES = 1 << 20
# What can only be read in order, and not be entered, is read again up to here for a chunk that
# begins here; one that begins later waits until the source can be sought in.
_MOST_BYTES_BEFORE = 512 << 20
# A source that arrives so much faster than it plays is there before an encoder asks for it.
_FAST = 2


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a source arrives: how much of it so far, of how much; 0 if not known.

    `bytes_per_second` is since its upload began.
    """

    received_bytes: int
    length_bytes: int
    bytes_per_second: float = 0.0

    @property
    def seconds_left(self) -> float:
        """Until the last byte is there, if it goes on so; infinite where nobody knows."""
        missing_bytes = self.length_bytes - self.received_bytes
        if missing_bytes <= 0:
            return 0.0
        return missing_bytes / self.bytes_per_second if self.bytes_per_second else math.inf


def needed_bytes(chunk: Chunk, grid: Grid, source: SourceInfo, arrival: Arrival) -> int:
    """How much of a source should be there to begin a chunk.

    A guess from its place in time; what is missing then is waited for.
    """
    if chunk.wave > 0:
        # It would keep its turn when others, which are waited for, can begin.
        return arrival.length_bytes
    segment_bytes = _segment_bytes(grid, source, arrival)
    is_read_again = not source.index_first and not source.has_entries
    if is_read_again and chunk.start * segment_bytes > _MOST_BYTES_BEFORE:
        return arrival.length_bytes
    seconds = float(grid.segment_seconds)
    is_fast = arrival.bytes_per_second * seconds >= _FAST * segment_bytes
    stop = chunk.start + 1 if is_fast else chunk.stop
    return min(arrival.length_bytes, round(stop * segment_bytes * _UNEVEN + _AHEAD_BYTES))


def needed_after_pause(chunk: Chunk, grid: Grid, source: SourceInfo, arrival: Arrival) -> int:
    """How much should be there to begin a chunk again that waited for bytes in vain."""
    chunk_bytes = (chunk.stop - chunk.start) * _segment_bytes(grid, source, arrival)
    return min(arrival.length_bytes, round(arrival.received_bytes + chunk_bytes))


def _segment_bytes(grid: Grid, source: SourceInfo, arrival: Arrival) -> float:
    """A segment's share of the bytes: all of them where nobody knows how long the source is."""
    if source.duration_seconds <= 0:
        return arrival.length_bytes
    return float(grid.segment_seconds) / source.duration_seconds * arrival.length_bytes
