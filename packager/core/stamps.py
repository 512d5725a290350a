"""The times in MPEG streams (ISO/IEC 13818-1 §2.4.3.6), of 33 bits each."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

TICKS_PER_SECOND = 90_000
# Ticks are counted in 33 bits.
WRAP_TICKS = 1 << 33

# A PES packet: its start code, its stream, its flags, its times of 5 bytes each.
_START_CODE = b"\0\0\1"
PICTURES, _SOUND, _PRIVATE = range(0xE0, 0xF0), range(0xC0, 0xE0), (0xBD, 0xFD)
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


def unit_stamps(packet: bytes, start: int, packet_id: int, begin: int) -> Iterator[Stamp]:
    """When the unit is shown and decoded that begins in a packet, which begins at a byte."""
    header = packet[start : start + _UNIT_HEADER_BYTES]
    if len(header) < _UNIT_HEADER_BYTES or header[:3] != _START_CODE:
        return
    of_pictures = header[3] in PICTURES
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


def set_time(data: bytearray, position: int, ticks: int) -> None:
    """Write when a unit is shown, or decoded, where that lies."""
    data[position : position + _TIME_BYTES] = (
        bytes([data[position] & 0xF1 | ticks >> 29 & 0xE])
        + (ticks >> 14 & 0xFFFE | 1).to_bytes(2, "big")
        + (ticks << 1 & 0xFFFE | 1).to_bytes(2, "big")
    )


def difference(later: int, earlier: int) -> int:
    """The ticks from one time to another, the shorter way around."""
    half = WRAP_TICKS // 2
    return (later - earlier + half) % WRAP_TICKS - half
