"""The packets of an MPEG program stream, as on a DVD (ISO/IEC 13818-1 §2.5.3)."""

from collections.abc import Iterator
from itertools import pairwise

from packager.core.stamps import PICTURES, Stamp, StampKind, unit_stamps

_START_CODE = b"\0\0\1"
_PACK, _FIRST_OF_OTHERS = 0xBA, 0xBB
_END_CODE = _START_CODE + b"\xb9"
_PACK_START = _START_CODE + bytes([_PACK])
# A pack begins with its clock, of which the last 10 bits are finer than a tick.
_PACK_BYTES, _CLOCK_POSITION, _CLOCK_BYTES = 14, 4, 6
# Every part of the clock, and the finer bits, end with a bit that is set.
_CLOCK_PARTS = ((43, 30, 0x7), (27, 15, 0x7FFF), (11, 0, 0x7FFF))
_HEADER_BYTES = 6
_HEAD_BYTES = 256 << 10
_LARGEST_BYTES = _HEADER_BYTES + 0xFFFF
_FLAGS_POSITION, _HAS_TIME, _UNIT_HEADER_BYTES = 7, 0x80, 9


class ProgramPackets:
    """How packs lie in a stream, and what they hold: each is as long as it says.

    All methods are those of `packets.Packets`.
    """

    @property
    def fewest_bytes(self) -> int:
        """More than any packet has."""
        return _LARGEST_BYTES + 1

    def head_stop(self, data: bytes | bytearray) -> int:
        """What is read first says in which order the streams are counted: where all have begun."""
        return self.followed_stop(data[:_HEAD_BYTES], 0)

    def next(self, data: bytes | bytearray, start: int) -> int | None:
        """Where packs go on, at or behind a byte."""
        found = data.find(_PACK_START, start)
        while found >= 0:
            length = _length(data, found)
            if length and data[found + length : found + length + 3] == _START_CODE:
                return found
            found = data.find(_PACK_START, found + 1)
        return None

    def synced_stop(self, data: bytes | bytearray, start: int) -> int:
        """Where the whole packets end that follow each other from `start` on.

        One that is not followed by another may be cut off, unless the data ends there.
        """
        return self._stop(data, start, at_end=True)

    def followed_stop(self, data: bytes | bytearray, start: int) -> int:
        """The same, but for the last packet, unless another follows it."""
        return self._stop(data, start, at_end=False)

    def _stop(self, data: bytes | bytearray, start: int, *, at_end: bool) -> int:
        *_, before, stop = (start, *_bounds(data, start, len(data)))
        if stop == len(data):
            return stop if at_end else before
        return stop if _may_begin(data, stop) else before

    def whole_stop(self, data: bytes | bytearray, begin: int, stop: int) -> int:
        """Where the packet ends that begins at a byte; there, if none is whole before `stop`."""
        length = _length(data, begin)
        return begin + length if length and begin + length <= stop else begin

    def entries(
        self, data: bytes | bytearray, start: int, stop: int
    ) -> Iterator[tuple[int, Stamp]]:
        """The packs in which pictures begin, and when these are shown."""
        pack = start
        for begin in self.stamped(data, start, stop):
            if data[begin + 3] == _PACK:
                pack = begin
            for stamp in self.stamps(data, begin):
                if stamp.of_pictures and stamp.kind is StampKind.SHOWN:
                    yield pack, stamp

    def unit_begins(self, data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
        """The packets between two packets, in which a unit with a time begins."""
        return (begin for begin in self.stamped(data, start, stop) if data[begin + 3] != _PACK)

    def stamped(self, data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
        """The packets between two packets, that may hold a time."""
        for begin, end in pairwise(_bounds(data, start, stop)):
            has_time = end - begin > _FLAGS_POSITION and data[begin + _FLAGS_POSITION] & _HAS_TIME
            if has_time or data[begin + 3] == _PACK:
                yield begin

    def stamps(self, data: bytes | bytearray, begin: int) -> list[Stamp]:
        """The times in the packet that begins at a byte, in their order."""
        length = _length(data, begin)
        if not length:
            return []
        if data[begin + 3] != _PACK:
            packet = bytes(data[begin : begin + length])
            return list(unit_stamps(packet, 0, data[begin + 3], begin))
        position = begin + _CLOCK_POSITION
        clock = int.from_bytes(data[position : position + _CLOCK_BYTES], "big")
        ticks = sum((clock >> place & mask) << shift for place, shift, mask in _CLOCK_PARTS)
        return [Stamp(_PACK, StampKind.CLOCK, position, ticks)]

    def pictures(self, data: bytes | bytearray, start: int, stop: int) -> bytes:
        """What is coded in the packets of pictures between two packets."""
        return b"".join(
            data[begin + _UNIT_HEADER_BYTES + data[begin + _UNIT_HEADER_BYTES - 1] : end]
            for begin, end in pairwise(_bounds(data, start, stop))
            if data[begin + 3] in PICTURES and end - begin >= _UNIT_HEADER_BYTES
        )

    def set_clock(self, data: bytearray, position: int, ticks: int) -> None:
        """Write what the clock says, where that lies."""
        field = slice(position, position + _CLOCK_BYTES)
        clock = int.from_bytes(data[field], "big")
        for place, shift, mask in _CLOCK_PARTS:
            clock = clock & ~(mask << place) | (ticks >> shift & mask) << place
        data[field] = clock.to_bytes(_CLOCK_BYTES, "big")


def _bounds(data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
    """Where whole packets that follow each other begin, and where the last one ends."""
    yield start
    while (length := _length(data, start)) and start + length <= stop:
        start += length
        yield start


def _may_begin(data: bytes | bytearray, begin: int) -> bool:
    """Whether a packet begins at a byte, as far as is there."""
    head = data[begin : begin + 4]
    return head[:3] == _START_CODE[: len(head)] and (len(head) < 4 or head[3] >= _END_CODE[3])


def _length(data: bytes | bytearray, begin: int) -> int | None:
    """Of the packet that begins at a byte; None if none does, or too little of it is there."""
    head = data[begin : begin + _HEADER_BYTES]
    if head[:4] == _END_CODE:
        return len(_END_CODE)
    if head[:3] != _START_CODE or len(head) < _HEADER_BYTES:
        return None
    kind = head[3]
    if kind == _PACK:
        # As MPEG-2 has them; those of MPEG-1 begin with other bits.
        is_whole = len(data) >= begin + _PACK_BYTES and data[begin + _CLOCK_POSITION] >> 6 == 1
        return _PACK_BYTES + (data[begin + _PACK_BYTES - 1] & 0x7) if is_whole else None
    is_other = kind >= _FIRST_OF_OTHERS
    return _HEADER_BYTES + int.from_bytes(head[4:], "big") if is_other else None
