"""Enters a source that can only be read in order, and measures it by where it can be entered."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import pairwise

from packager.clock_shifts import ClockShifts
from packager.core.entries import Entry, Layout, read_layout
from packager.core.mended import MendedClock, Shift, ticks_at
from packager.core.moved import MovedFragments
from packager.core.source import SourceInfo
from packager.core.stamps import TICKS_PER_SECOND, WRAP_TICKS
from packager.source_bytes import SourceBytes

# The head and the first entry: a Matroska file's pictures of itself and fonts may come first.
_HEAD_BYTES = 4 << 20
# At 20 Mbit/s the clusters that ffmpeg writes are of 5 MiB.
_WINDOW_BYTES = 8 << 20
_MOST_LOOKS = 8
_NEAR_SECONDS = 20.0
_WRAP_SECONDS = WRAP_TICKS / TICKS_PER_SECOND
# The end of what has arrived is looked at in ever larger parts, until an entry is found.
_LAST_BYTES = tuple(_WINDOW_BYTES >> shift for shift in (5, 3, 1, 0))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The bytes `start` to `stop` (exclusive) of a source.

    `is_fragmented` says that movie fragments follow, which may say where in the source they lie;
    `ticks` is what is added there to the times of an MPEG stream.
    """

    start: int
    stop: int
    is_fragmented: bool = False
    ticks: int = 0


NOTHING = LeftOut(0, 0)


async def has_entries(data: SourceBytes) -> bool:
    """Whether a source can be entered, as far as its beginning tells."""
    return await _read_beginning(data) is not None


async def measure_seconds(data: SourceBytes, shifts: Sequence[Shift] = ()) -> float | None:
    """How long a source lasts if all of it is as dense as what has arrived.

    `shifts` correct its clock. None: nothing tells, or not yet.
    """
    beginning = await _read_beginning(data)
    if beginning is None:
        return None
    layout, first = beginning
    for length in _LAST_BYTES:
        start = max(0, data.received_bytes - length)
        window = await data.read_available(start, length)
        entries = _by_one_clock(layout.entries(window, start), shifts)
        last = max(entries, key=lambda entry: entry.position, default=first)
        if last.seconds > first.seconds:
            share = (last.position - first.position) / data.length_bytes
            return (last.seconds - first.seconds) / share
    return None


async def find_left_out(
    data: SourceBytes, clock: ClockShifts, source: SourceInfo, seconds: float
) -> LeftOut | None:
    """What may be left out to read what is shown from a time of the source's clock on.

    It ends at an entry at or before that time, if all goes well a few seconds. None: nothing.
    """
    beginning = await _read_beginning(data)
    if beginning is None or source.duration_seconds <= 0:
        return None
    layout, first = beginning
    if seconds - first.seconds <= _NEAR_SECONDS:
        return None
    shifts = await clock.up_to(data, data.received_bytes)
    best, stop = first, clock.certain_bytes
    bytes_per_second = data.length_bytes / source.duration_seconds
    for _ in range(_MOST_LOOKS):
        if seconds - best.seconds <= _NEAR_SECONDS or stop - best.position <= _WINDOW_BYTES:
            break
        missing_seconds = seconds - best.seconds - _NEAR_SECONDS / 2
        position = best.position + round(missing_seconds * bytes_per_second)
        if position > stop - _WINDOW_BYTES:
            position = (best.position + stop) // 2
        window = await data.read_available(position, min(_WINDOW_BYTES, stop - position))
        entries = _by_one_clock(layout.entries(window, position), shifts)
        entry = _last_between(best.seconds, seconds, entries, shifts)
        if entry is None:
            stop = position
            continue
        best = entry
        bytes_per_second = (best.position - first.position) / (best.seconds - first.seconds)
    if best == first or best.position < layout.head_bytes:
        return None
    ticks = ticks_at(shifts, best.position)
    return LeftOut(layout.head_bytes, best.position, layout.is_fragmented, ticks)


def _last_between(
    start: float, stop: float, entries: Iterable[Entry], shifts: Sequence[Shift]
) -> Entry | None:
    """The last entry behind a time and up to another.

    Where the clock jumps, the next picture must be of the same clock: both tell how long one lasts.
    """
    found = [entry for entry in entries if start < entry.seconds <= stop]
    if shifts:
        ticks = [ticks_at(shifts, entry.position) for entry in found]
        found = [entry for entry, (a, b) in zip(found, pairwise(ticks), strict=False) if a == b]
    return found[-1] if found else None


def _by_one_clock(entries: Iterable[Entry], shifts: Sequence[Shift]) -> Iterable[Entry]:
    return (_corrected(entry, shifts) for entry in entries) if shifts else entries


def _corrected(entry: Entry, shifts: Sequence[Shift]) -> Entry:
    seconds = entry.seconds + ticks_at(shifts, entry.position) / TICKS_PER_SECOND
    return replace(entry, seconds=seconds % _WRAP_SECONDS)


async def _read_beginning(data: SourceBytes) -> tuple[Layout, Entry] | None:
    """How a source lies, and its first entry; None if it cannot be entered."""
    head = await data.read_available(0, _HEAD_BYTES)
    layout = read_layout(head)
    first = None if layout is None else next(layout.entries(head, 0), None)
    return None if layout is None or first is None else (layout, first)


async def read_in_order(data: SourceBytes, left_out: LeftOut = NOTHING) -> AsyncGenerator[bytes]:
    """A source without a part of it, in pieces, as they arrive; of one clock from end to end.

    Raises what reading it raises.
    """
    async with aclosing(data.read(0, left_out.start)) as pieces:
        async for piece in pieces:
            yield piece
    follows: MovedFragments | MendedClock = MendedClock(left_out.stop, left_out.ticks)
    if left_out.is_fragmented:
        follows = MovedFragments(left_out.stop - left_out.start)
    async with aclosing(data.read(left_out.stop, data.length_bytes)) as pieces:
        async for piece in pieces:
            yield follows.feed(piece)
    yield follows.rest()
