"""The packets of an MPEG transport stream, and the times in them (ISO/IEC 13818-1 §2.4.3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

PACKET_BYTES = 188
TICKS_PER_SECOND = 90_000
# Ticks are counted in 33 bits.
WRAP_TICKS = 1 << 33

_SYNC = 0x47
_SYNCED_PACKETS = 3
FEWEST_BYTES = _SYNCED_PACKETS * PACKET_BYTES
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


def begins_with_packets(data: bytes | bytearray) -> bool:
    """Whether packets begin at once: as many in a row that chance can be ruled out."""
    return next_packet(data[:FEWEST_BYTES], 0) == 0


def next_packet(data: bytes | bytearray, start: int) -> int | None:
    """Where packets go on, at or behind a byte."""
    found = data.find(_SYNC, start)
    while found >= 0:
        if data[found : found + FEWEST_BYTES : PACKET_BYTES] == bytes([_SYNC] * _SYNCED_PACKETS):
            return found
        found = data.find(_SYNC, found + 1)
    return None


def packet_runs(data: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Where whole packets follow each other, from their beginning to their end."""
    start = next_packet(data, 0)
    while start is not None:
        stop = synced_stop(data, start)
        yield start, stop
        start = next_packet(data, stop)


def synced_stop(data: bytes | bytearray, start: int) -> int:
    """Where the whole packets end that follow each other from `start` on.

    One that is not followed by another may be cut off, unless the data ends there.
    """
    marks = bytes(data[start::PACKET_BYTES])
    synced = len(marks) - len(marks.lstrip(bytes([_SYNC])))
    if synced < len(marks):
        return start + max(0, synced - 1) * PACKET_BYTES
    return start + (len(data) - start) // PACKET_BYTES * PACKET_BYTES


def unit_begins(data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
    """The packets between two packets, in which a unit begins: a picture, some sound."""
    marks = bytes(data[start + 1 : stop : PACKET_BYTES]).translate(_UNIT_MARKS)
    number = marks.find(1)
    while number >= 0:
        yield start + number * PACKET_BYTES
        number = marks.find(1, number + 1)


def is_packet(data: bytes | bytearray, begin: int, stop: int) -> bool:
    """Whether a byte begins a packet that is whole before another byte."""
    return data[begin : begin + 1] == bytes([_SYNC]) and begin + PACKET_BYTES <= stop


def stamped_packets(data: bytes | bytearray, start: int, stop: int) -> Iterator[int]:
    """The packets between two packets, that may hold a time."""
    flags = zip(
        data[start + 1 : stop : PACKET_BYTES], data[start + 3 : stop : PACKET_BYTES], strict=True
    )
    return (
        start + n * PACKET_BYTES
        for n, (unit, control) in enumerate(flags)
        if unit & _UNIT_BEGINS or control & _HAS_ADAPTATION
    )


def read_stamps(data: bytes | bytearray, begin: int) -> list[Stamp]:
    """The times in the packet that begins at a byte, in their order."""
    packet = bytes(data[begin : begin + PACKET_BYTES])
    if len(packet) < PACKET_BYTES or packet[0] != _SYNC:
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
