"""The packets of an MPEG transport stream, and the times in them (ISO/IEC 13818-1 §2.4.3).

Recorders of discs put the time of its arrival ahead of each packet, broadcasters a checksum behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

TICKS_PER_SECOND = 90_000
# Ticks are counted in 33 bits.
WRAP_TICKS = 1 << 33

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
# A PES packet (§2.4.3.6): its start code, its stream, its flags, its times of 5 bytes each.
_START_CODE = b"\0\0\1"
_PICTURES, _SOUND, _PRIVATE = range(0xE0, 0xF0), range(0xC0, 0xE0), (0xBD, 0xFD)
_UNIT_HEADER_BYTES, _TIME_BYTES = 9, 5
_HAS_TIME, _HAS_DECODING_TIME = 0x80, 0x40


class StampKind(Enum):
    """What a time in a stream says: of its clock, or when a unit is shown, or decoded."""

    CLOCK = auto()
    SHOWN = auto()
    DECODED = auto()


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time in a packet.

    Attributes:
        packet_id: The packet's.
        kind: What it tells.
        position: Where it lies.
        ticks: What it says, in ticks of 90 kHz.
        of_pictures: Whether the packet is one of pictures.
    """

    packet_id: int
    kind: StampKind
    position: int
    ticks: int
    of_pictures: bool = False


@dataclass(frozen=True, slots=True)
class Packets:
    """How packets lie in a stream: each with `ahead` bytes before it in `stride` bytes.

    A packet begins where the bytes before it do.
    """

    stride: int = _PACKET_BYTES
    ahead: int = 0

    @property
    def fewest_bytes(self) -> int:
        """As many packets in a row that chance can be ruled out."""
        return _SYNCED_PACKETS * self.stride

    def next(self, data: bytes | bytearray, start: int) -> int | None:
        """Where packets go on, at or behind a byte."""
        found = data.find(_SYNC, start + self.ahead)
        while found >= 0:
            marks = data[found : found + self.fewest_bytes : self.stride]
            if marks == bytes([_SYNC] * _SYNCED_PACKETS):
                return found - self.ahead
            found = data.find(_SYNC, found + 1)
        return None

    def runs(self, data: bytes | bytearray) -> Iterator[tuple[int, int]]:
        """Where whole packets follow each other, from their beginning to their end."""
        start = self.next(data, 0)
        while start is not None:
            stop = self.synced_stop(data, start)
            yield start, stop
            start = self.next(data, stop)

    def synced_stop(self, data: bytes | bytearray, start: int) -> int:
        """Where the whole packets end that follow each other from `start` on.

        One that is not followed by another may be cut off, unless the data ends there.
        """
        marks = bytes(data[start + self.ahead :: self.stride])
        synced = len(marks) - len(marks.lstrip(bytes([_SYNC])))
        if synced < len(marks):
            return start + max(0, synced - 1) * self.stride
        return start + (len(data) - start) // self.stride * self.stride

    def unit_begins(self, data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
        """The packets between two packets, in which a unit begins: a picture, some sound."""
        flags = bytes(data[start + self.ahead + 1 : stop : self.stride])
        marks = flags.translate(_UNIT_MARKS)
        number = marks.find(1)
        while number >= 0:
            yield start + number * self.stride
            number = marks.find(1, number + 1)

    def is_packet(self, data: bytes | bytearray, begin: int, stop: int) -> bool:
        """Whether a byte begins a packet that is whole before another byte."""
        sync = begin + self.ahead
        return data[sync : sync + 1] == bytes([_SYNC]) and begin + self.stride <= stop

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
            found += _unit_stamps(packet, payload, packet_id, begin)
        return found


KINDS = (Packets(), Packets(192, ahead=4), Packets(204))
FEWEST_BYTES = max(packets.fewest_bytes for packets in KINDS)
"""With so many at its beginning, it is certain whether and how a stream consists of packets."""


def find_packets(data: bytes | bytearray) -> Packets | None:
    """How packets lie in a stream that begins so; None if they do not begin at once."""
    for packets in KINDS:
        if packets.next(data[: packets.fewest_bytes], 0) == 0:
            return packets
    return None


def _unit_stamps(packet: bytes, start: int, packet_id: int, begin: int) -> Iterator[Stamp]:
    header = packet[start : start + _UNIT_HEADER_BYTES]
    if len(header) < _UNIT_HEADER_BYTES or header[:3] != _START_CODE:
        return
    of_pictures = header[3] in _PICTURES
    if not of_pictures and header[3] not in _SOUND and header[3] not in _PRIVATE:
        return
    position = start + _UNIT_HEADER_BYTES
    for flag, kind in ((_HAS_TIME, StampKind.SHOWN), (_HAS_DECODING_TIME, StampKind.DECODED)):
        field = packet[position : position + _TIME_BYTES]
        if not header[7] & flag or len(field) < _TIME_BYTES:
            return
        # 3, 15 and 15 bits, each before a bit that is set.
        ticks = (
            (field[0] >> 1 & 0x7) << 30
            | int.from_bytes(field[1:3], "big") >> 1 << 15
            | int.from_bytes(field[3:5], "big") >> 1
        )
        yield Stamp(packet_id, kind, begin + position, ticks, of_pictures)
        position += _TIME_BYTES


def add_ticks(data: bytearray, stamp: Stamp, ticks: int) -> None:
    """Correct a time that was read."""
    later = (stamp.ticks + ticks) % WRAP_TICKS
    if stamp.kind is StampKind.CLOCK:
        field = slice(stamp.position, stamp.position + _CLOCK_BYTES)
        finer = int.from_bytes(data[field], "big") & (1 << _FINER_BITS) - 1
        data[field] = (later << _FINER_BITS | finer).to_bytes(_CLOCK_BYTES, "big")
        return
    field = slice(stamp.position, stamp.position + _TIME_BYTES)
    data[field] = (
        bytes([data[stamp.position] & 0xF1 | later >> 29 & 0xE])
        + (later >> 14 & 0xFFFE | 1).to_bytes(2, "big")
        + (later << 1 & 0xFFFE | 1).to_bytes(2, "big")
    )


def difference(later: int, earlier: int) -> int:
    """The ticks from one time to another, the shorter way around."""
    half = WRAP_TICKS // 2
    return (later - earlier + half) % WRAP_TICKS - half
