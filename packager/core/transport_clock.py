"""The clock of an MPEG transport stream (ISO/IEC 13818-1 §2.4.3.5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_PACKET_BYTES = 188
_SYNC = 0x47
_SYNCED_PACKETS = 3
_HAS_ADAPTATION, _HAS_CLOCK = 0x20, 0x10
# Flags, and a clock of which the last 15 bits are finer than a tick.
_LEAST_ADAPTATION_BYTES = 7
_FINER_BITS = 15
# Ticks of 90 kHz are counted in 33 bits.
_WRAP_TICKS = 1 << 33


@dataclass(frozen=True, slots=True)
class ClockReference:
    """What the clock in the packets of one id says, in ticks of 90 kHz."""

    packet_id: int
    ticks: int


def read_clocks(data: bytes) -> list[ClockReference]:
    """The clock references in a piece of a stream, in order; none if it is no such stream."""
    start = _first_packet(data)
    if start is None:
        return []
    positions = range(start, len(data) - _PACKET_BYTES + 1, _PACKET_BYTES)
    packets = (data[position : position + _PACKET_BYTES] for position in positions)
    return [reference for packet in packets if (reference := _clock_in(packet))]


def jumps_back(references: Iterable[ClockReference]) -> bool:
    """Whether the clock of the first one's packets ever says less than before, but for wraps."""
    known = list(references)
    ticks = [found.ticks for found in known if found.packet_id == known[0].packet_id]
    return any(
        (later - earlier) % _WRAP_TICKS > _WRAP_TICKS // 2 for earlier, later in pairwise(ticks)
    )


def _first_packet(data: bytes) -> int | None:
    """Where packets begin: as many in a row that chance can be ruled out."""
    for start in range(min(_PACKET_BYTES, len(data))):
        if data[start : start + _SYNCED_PACKETS * _PACKET_BYTES : _PACKET_BYTES] == bytes(
            [_SYNC] * _SYNCED_PACKETS
        ):
            return start
    return None


def _clock_in(packet: bytes) -> ClockReference | None:
    has_clock = packet[3] & _HAS_ADAPTATION and packet[5] & _HAS_CLOCK
    if packet[0] != _SYNC or packet[4] < _LEAST_ADAPTATION_BYTES or not has_clock:
        return None
    packet_id = int.from_bytes(packet[1:3], "big") & 0x1FFF
    return ClockReference(packet_id, int.from_bytes(packet[6:12], "big") >> _FINER_BITS)
