"""The packets of an MPEG transport stream (ISO/IEC 13818-1 §2.4.3).

Recorders of discs put the time of its arrival ahead of each packet, broadcasters a checksum behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from packager.core.stamps import Stamp, StampKind, unit_stamps

_SYNC = 0x47
_SYNCED_PACKETS = 3
_PACKET_BYTES = 188
_HEADER_BYTES = 4
_UNIT_BEGINS = 0x40
_UNIT_MARKS = bytes(bool(flags & _UNIT_BEGINS) for flags in range(256))
_HAS_ADAPTATION, _HAS_PAYLOAD = 0x20, 0x10
_HAS_CLOCK = 0x10
# Flags, and a clock of which the last 15 bits are finer than a tick.
_LEAST_ADAPTATION_BYTES = 7
_CLOCK_BYTES, _FINER_BITS = 6, 15


@dataclass(frozen=True, slots=True)
class TransportPackets:
    """How packets lie in a stream: each with `ahead` bytes before it in `stride` bytes.

    A packet begins where the bytes before it do.
    """

    stride: int = _PACKET_BYTES
    ahead: int = 0

    @property
    def fewest_bytes(self) -> int:
        """As many packets in a row that chance can be ruled out."""
        return _SYNCED_PACKETS * self.stride

    def head_stop(self, data: bytes | bytearray) -> int:
        """Nothing of the beginning: its tables come again and again."""
        return 0

    def next(self, data: bytes | bytearray, start: int) -> int | None:
        """Where packets go on, at or behind a byte."""
        found = data.find(_SYNC, start + self.ahead)
        while found >= 0:
            marks = data[found : found + self.fewest_bytes : self.stride]
            if marks == bytes([_SYNC] * _SYNCED_PACKETS):
                return found - self.ahead
            found = data.find(_SYNC, found + 1)
        return None

    def synced_stop(self, data: bytes | bytearray, start: int) -> int:
        """Where the whole packets end that follow each other from `start` on.

        One that is not followed by another may be cut off, unless the data ends there.
        """
        marks = bytes(data[start + self.ahead :: self.stride])
        synced = len(marks) - len(marks.lstrip(bytes([_SYNC])))
        if synced < len(marks):
            return start + max(0, synced - 1) * self.stride
        return start + (len(data) - start) // self.stride * self.stride

    def followed_stop(self, data: bytes | bytearray, start: int) -> int:
        """The same, but for the last packet, unless another follows it."""
        stop = self.synced_stop(data, start)
        return max(start, stop - self.stride) if stop == len(data) else stop

    def entries(
        self, data: bytes | bytearray, start: int, stop: int
    ) -> Iterator[tuple[int, Stamp]]:
        """The packets in which pictures begin, and when these are shown."""
        for begin in self.unit_begins(data, start, stop):
            for stamp in self.stamps(data, begin):
                if stamp.of_pictures and stamp.kind is StampKind.SHOWN:
                    yield begin, stamp

    def unit_begins(self, data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
        """The packets between two packets, in which a unit begins: a picture, some sound."""
        flags = bytes(data[start + self.ahead + 1 : stop : self.stride])
        marks = flags.translate(_UNIT_MARKS)
        number = marks.find(1)
        while number >= 0:
            yield start + number * self.stride
            number = marks.find(1, number + 1)

    def whole_stop(self, data: bytes | bytearray, begin: int, stop: int) -> int:
        """Where the packet ends that begins at a byte; there, if none is whole before `stop`."""
        sync = begin + self.ahead
        is_whole = data[sync : sync + 1] == bytes([_SYNC]) and begin + self.stride <= stop
        return begin + self.stride * is_whole

    def stamped(self, data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
        """The packets between two packets, that may hold a time."""
        head = start + self.ahead
        flags = zip(
            data[head + 1 : stop : self.stride], data[head + 3 : stop : self.stride], strict=True
        )
        return (
            start + n * self.stride
            for n, (unit, control) in enumerate(flags)
            if unit & _UNIT_BEGINS or control & _HAS_ADAPTATION
        )

    def stamps(self, data: bytes | bytearray, begin: int) -> list[Stamp]:
        """The times in the packet that begins at a byte, in their order."""
        begin += self.ahead
        packet = bytes(data[begin : begin + _PACKET_BYTES])
        if len(packet) < _PACKET_BYTES or packet[0] != _SYNC:
            return []
        found = []
        packet_id = int.from_bytes(packet[1:3], "big") & 0x1FFF
        payload = _HEADER_BYTES
        if packet[3] & _HAS_ADAPTATION:
            if packet[4] >= _LEAST_ADAPTATION_BYTES and packet[5] & _HAS_CLOCK:
                ticks = int.from_bytes(packet[6 : 6 + _CLOCK_BYTES], "big") >> _FINER_BITS
                found.append(Stamp(packet_id, StampKind.CLOCK, begin + 6, ticks))
            payload += 1 + packet[4]
        if packet[1] & _UNIT_BEGINS and packet[3] & _HAS_PAYLOAD:
            found += unit_stamps(packet, payload, packet_id, begin)
        return found

    def pictures(self, data: bytes | bytearray, start: int, stop: int) -> bytes:
        """Nothing: its pictures are taken to have a time each."""
        return b""

    def set_clock(self, data: bytearray, position: int, ticks: int) -> None:
        """Write what the clock says, where that lies."""
        field = slice(position, position + _CLOCK_BYTES)
        finer = int.from_bytes(data[field], "big") & (1 << _FINER_BITS) - 1
        data[field] = (ticks << _FINER_BITS | finer).to_bytes(_CLOCK_BYTES, "big")
