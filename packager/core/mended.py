"""An MPEG stream whose clock runs on where it jumps.

Recordings that were joined, or interrupted, go on by another clock (ISO/IEC 13818-1 §2.4.3.5). So
many ticks are added to each time from there on that what follows is shown behind what was before.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from packager.core.packets import FEWEST_BYTES, KINDS, Packets, add_ticks, find_packets
from packager.core.pictures_pace import PicturesPace
from packager.core.stamps import TICKS_PER_SECOND, WRAP_TICKS, Stamp, StampKind, difference

# Pictures are less than a second apart, and in the order of decoding; of some streams nearly so.
_CLOSE_TICKS = TICKS_PER_SECOND
# A stream in which nothing has a time for so long is broken off: a still picture may last longer,
# but its clock goes on.
_SILENT_TICKS = 10 * TICKS_PER_SECOND
_USUAL_INTERVAL_TICKS = TICKS_PER_SECOND // 25
_MOST_HELD_BYTES = 8 << 20
# From one sample to the next, so many times what is usual.
_UNUSUAL = 4
# With more, it is noise.
_MOST_SHIFTS = 1000


@dataclass(frozen=True, slots=True)
class Shift:
    """From a byte on, so many ticks are added to the times of a stream."""

    position: int
    ticks: int


def ticks_at(shifts: Sequence[Shift], position: int) -> int:
    """What is added to the times at a byte."""
    number = bisect_right(shifts, position, key=lambda shift: shift.position)
    return shifts[number - 1].ticks if number else 0


def seems_to_run_on(samples: Sequence[int]) -> bool:
    """Whether a clock seems to run on from each of several samples to the next, in ticks."""
    steps = [difference(later, earlier) for earlier, later in pairwise(samples)]
    longest = max(_SILENT_TICKS, _UNUSUAL * median(steps))
    return all(0 <= step <= longest for step in steps)


class MendedClock:
    """Corrects a stream while it passes. What is none passes as it is.

    The time is told by the units of one kind, the leader: pictures, or sound where there are none.
    One that is not close behind the last is certain when the next one follows it.

    Args:
        position: Where its first byte lies.
        ticks: What is added to the times there.

    Attributes:
        shifts: The jumps found so far.
        position: Where what has not been passed on begins: before it, all jumps are found.
    """

    def __init__(self, position: int = 0, ticks: int = 0) -> None:
        self.shifts: list[Shift] = []
        self.position = position
        self._ticks = ticks
        self._is_stream: bool | None = None
        self._packets: Packets = KINDS[0]
        # What may have to be corrected yet: it begins with the leader's last unit that is certain.
        self._held = bytearray()
        self._begins_with_leader = False
        self._examined = 0
        # Pictures lead as soon as there are any.
        self._leader: int | None = None
        self._pictures_lead = False
        self._last: int | None = None
        self._pace = PicturesPace(_USUAL_INTERVAL_TICKS)
        # How far behind the last unit the clock was heard to run on, in what has passed.
        self._heard = 0
        self._doubtful: tuple[int, int] | None = None

    def feed(self, data: bytes) -> bytes:
        """What can be passed on, now that these bytes have come."""
        self._held += data
        if self._is_stream is None and len(self._held) >= FEWEST_BYTES:
            packets = find_packets(self._held)
            self._is_stream, self._packets = packets is not None, packets or self._packets
        if not self._is_stream:
            return b"" if self._is_stream is None else self._pass(len(self._held))
        passed = bytearray(self._pass_units())
        while len(self._held) - self._examined >= self._packets.fewest_bytes:
            passed += self._pass_damage()
            passed += self._pass_units()
        return bytes(passed)

    def rest(self) -> bytes:
        """What is left when the stream has ended."""
        if self._is_stream:
            self._correct(0, self._packets.synced_stop(self._held, self._examined))
        return self._pass(len(self._held))

    def _pass_units(self) -> bytes:
        """All before the last unit of the leader that is certain."""
        stop = self._packets.followed_stop(self._held, self._examined)
        done = 0
        for begin in self._packets.unit_begins(self._held, self._examined, stop):
            ticks = self._leading_time(begin)
            if ticks is None:
                continue
            if self._doubtful is not None:
                done = self._judge(*self._doubtful, ticks, done)
                self._doubtful = None
            if self._last is None or abs(difference(ticks, self._last)) <= _CLOSE_TICKS:
                done = self._go_on(ticks, done, begin)
            else:
                self._doubtful = begin, ticks
        self._examined = stop
        if stop - done > _MOST_HELD_BYTES:
            self._let_go(done, stop)
            done = stop
        return self._pass(done)

    def _judge(self, begin: int, doubtful: int, following: int, start: int) -> int:
        """Go by a unit of the leader, or by another clock, or leave a wrong time alone."""
        last = self._last or 0
        step, before = difference(doubtful, last), difference(following, last)
        behind = difference(following, doubtful)
        if not _follows(behind) or (_follows(before) and abs(before) < abs(behind)):
            return start
        if self._is_silent(step, start, begin) and len(self.shifts) < _MOST_SHIFTS:
            return self._jump(doubtful, start, begin)
        return self._go_on(doubtful, start, begin)

    def _go_on(self, ticks: int, start: int, begin: int) -> int:
        """Go by a unit of the leader that begins in a packet; all before it is certain."""
        step = 0 if self._last is None else difference(ticks, self._last)
        if self._begins_with_leader and 0 < step <= _CLOSE_TICKS:
            self._pace.note(step, self._packets.pictures(self._held, start, begin))
        self._correct(start, begin)
        self._last, self._heard = ticks, 0
        self._begins_with_leader = True
        return begin

    def _jump(self, new: int, start: int, begin: int) -> int:
        """Go by another clock, which is that of a unit of the leader."""
        old = self._last or 0
        boundary = self._boundary(new, old, start, begin)
        self._correct(start, boundary)
        lasts = self._pace.ticks(self._packets.pictures(self._held, start, boundary))
        self._ticks = (self._ticks + lasts - difference(new, old)) % WRAP_TICKS
        self.shifts.append(Shift(self.position + boundary, self._ticks))
        self._correct(boundary, begin)
        self._last, self._heard = new, 0
        self._begins_with_leader = True
        return begin

    def _pass_damage(self) -> bytes:
        """What is between the last packet and the next one, as far as it has come."""
        found = self._packets.next(self._held, self._examined + 1)
        stop = len(self._held) - self._packets.fewest_bytes + 1 if found is None else found
        self._let_go(0, self._packets.whole_stop(self._held, self._examined, stop))
        return self._pass(stop)

    def _let_go(self, start: int, stop: int) -> None:
        """Correct what cannot be held until the leader tells more."""
        self._listen(start, stop)
        self._correct(start, stop)
        self._doubtful = None
        self._begins_with_leader = False

    def _pass(self, count: int) -> bytes:
        passed = bytes(self._held[:count])
        del self._held[:count]
        self.position += count
        self._examined = max(0, self._examined - count)
        if self._doubtful is not None:
            self._doubtful = self._doubtful[0] - count, self._doubtful[1]
        return passed

    def _correct(self, start: int, stop: int) -> None:
        if self._ticks:
            for _, stamp in self._stamps(start, stop):
                add_ticks(self._packets, self._held, stamp, self._ticks)

    def _stamps(self, start: int, stop: int) -> Iterator[tuple[int, Stamp]]:
        for begin in self._packets.stamped(self._held, start, stop):
            for stamp in self._packets.stamps(self._held, begin):
                yield begin, stamp

    def _leading_time(self, begin: int) -> int | None:
        """When the unit that begins in a packet is decoded, if it is one of the leader's."""
        stamps = self._packets.stamps(self._held, begin)
        stamps = [stamp for stamp in stamps if stamp.kind is not StampKind.CLOCK]
        if not stamps:
            return None
        stamp = stamps[-1]
        if self._leader is None or (stamp.of_pictures and not self._pictures_lead):
            self._leader, self._pictures_lead = stamp.packet_id, stamp.of_pictures
        return stamp.ticks if stamp.packet_id == self._leader else None

    def _is_silent(self, step: int, start: int, begin: int) -> bool:
        """Whether no clock is heard to run on from one unit of the leader to another."""
        self._listen(start, begin)
        return step < 0 or step - self._heard > _SILENT_TICKS

    def _listen(self, start: int, stop: int) -> None:
        """Follow the clock by all the times there are."""
        if self._last is None:
            return
        for time in sorted(
            difference(stamp.ticks, self._last) for _, stamp in self._stamps(start, stop)
        ):
            if 0 < time - self._heard <= _SILENT_TICKS:
                self._heard = time

    def _boundary(self, new: int, old: int, start: int, stop: int) -> int:
        """The first packet between two units of the leader that goes by the new clock."""
        behind = start
        if self._begins_with_leader:
            behind = self._packets.whole_stop(self._held, start, stop)
        for begin, stamp in self._stamps(behind, stop):
            if abs(difference(stamp.ticks, new)) < abs(difference(stamp.ticks, old)):
                return begin
        return stop


def _follows(step: int) -> bool:
    return -_CLOSE_TICKS <= step <= _SILENT_TICKS
