"""Where the clock of an MPEG stream jumps."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing

from packager.core.mended import MendedClock, Shift, seems_to_run_on
from packager.core.packets import FEWEST_BYTES, Packets, find_packets, packet_runs
from packager.core.stamps import Stamp, StampKind
from packager.source_bytes import SourceBytes
from packager.together import together

# A clock stands in the stream ten times a second at least: of 20 Mbit/s, once in 250 kB.
_SAMPLE_BYTES = 256 * 1024
_SAMPLES = 64
_AT_ONCE = 8


class ClockShifts:
    """What makes the clock of one source run on, found out as it arrives.

    It is read once, however often it is asked for.

    Args:
        known: All of them, if they are known.

    Attributes:
        certain_bytes: Up to here all of them are known.
    """

    def __init__(self, known: Sequence[Shift] = ()) -> None:
        self.certain_bytes = 0
        self._known = known
        self._clock = MendedClock()
        self._read_bytes = 0
        self._turn = asyncio.Lock()

    async def up_to(self, data: SourceBytes, stop: int) -> Sequence[Shift]:
        """The shifts before a byte, but for the last pictures, and maybe some behind it."""
        async with self._turn:
            if self._known or not (self._read_bytes or await has_packets(data)):
                self.certain_bytes = stop
                return self._known
            async with aclosing(data.read(self._read_bytes, stop)) as pieces:
                async for piece in pieces:
                    self._clock.feed(piece)
                    self._read_bytes += len(piece)
            self.certain_bytes = self._clock.position
        return tuple(self._clock.shifts)


async def has_packets(data: SourceBytes) -> bool:
    """Whether a source is an MPEG stream, from its first byte on, whose clock may jump."""
    return await _packets_of(data) is not None


async def _packets_of(data: SourceBytes) -> Packets | None:
    return find_packets(await data.read_available(0, FEWEST_BYTES))


async def find_shifts(data: SourceBytes) -> Sequence[Shift]:
    """What makes the clock of a source run on, all bytes of which are there.

    Of a large one samples are looked at, and all of it only if these do not follow each other.
    What lies between two samples may jump then: back by less than that lasts, or a little ahead.
    """
    stop = data.length_bytes
    packets = await _packets_of(data)
    if packets is None:
        return ()
    if stop > _SAMPLES * _SAMPLE_BYTES:
        samples = await _take_samples(data, packets)
        if len(samples) >= _SAMPLES // 2 and seems_to_run_on(samples):
            return ()
    return await ClockShifts().up_to(data, stop)


async def _take_samples(data: SourceBytes, packets: Packets) -> list[int]:
    """What the clock says at places all over a source."""
    limit = asyncio.Semaphore(_AT_ONCE)
    windows: dict[int, bytes] = {}

    async def read(start: int) -> None:
        async with limit:
            windows[start] = await data.read_available(start, _SAMPLE_BYTES)

    last = data.length_bytes - _SAMPLE_BYTES
    starts = range(0, last + 1, last // (_SAMPLES - 1))
    await together(map(read, starts))
    samples: list[int] = []
    program: int | None = None
    for start in starts:
        # Each program has a clock of its own.
        found = _clocks(windows[start], packets)
        clocks = (clock for clock in found if program in (None, clock.packet_id))
        if (clock := next(clocks, None)) is not None:
            program = clock.packet_id
            samples.append(clock.ticks)
    return samples


def _clocks(window: bytes, packets: Packets) -> Iterator[Stamp]:
    for start, stop in packet_runs(packets, window):
        for begin in packets.stamped(window, start, stop):
            for stamp in packets.stamps(window, begin):
                if stamp.kind is StampKind.CLOCK:
                    yield stamp
