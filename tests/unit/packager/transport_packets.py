"""Packets of transport streams, written byte by byte as ISO/IEC 13818-1 says."""

from packager.core.transport import TransportPackets

KINDS = (TransportPackets(), TransportPackets(192, ahead=4), TransportPackets(204))
PICTURES, SOUND = 0xE0, 0xC0


def packet(
    shown: int | None = None,
    decoded: int | None = None,
    *,
    clock: int | None = None,
    packet_id: int = 0x100,
    stream: int = PICTURES,
    begins: bool = True,
    filler: int = 0,
) -> bytes:
    """One in which a PES packet begins, behind a clock, or `filler` bytes of adaptation."""
    times = b"".join(_time(ticks) for ticks in (shown, decoded) if ticks is not None)
    flags = (0x80 if shown is not None else 0) | (0x40 if decoded is not None else 0)
    pes = b"\0\0\1" + bytes([stream]) + b"\0\0" + bytes([0x80, flags, len(times)]) + times
    adaptation = bytes([filler - 1]) + bytes(filler - 1) if filler else b""
    if clock is not None:
        adaptation = b"\x07\x10" + (clock << 15 | 0x7E2A).to_bytes(6, "big")
    control = 0x30 if adaptation else 0x10
    head = bytes([0x47, packet_id >> 8 | (0x40 if begins else 0), packet_id & 0xFF, control])
    return (head + adaptation + pes).ljust(188, b"\xff")[:188]


def lying(data: bytes, packets: TransportPackets) -> bytes:
    """Packets with what lies before and behind each."""
    ahead, behind = bytes(packets.ahead), bytes(packets.stride - packets.ahead - 188)
    cut = (data[start : start + 188] for start in range(0, len(data), 188))
    return b"".join(ahead + each + behind for each in cut)


def _time(ticks: int) -> bytes:
    return (
        bytes([0x21 | ticks >> 29 & 0xE])
        + (ticks >> 14 & 0xFFFE | 1).to_bytes(2, "big")
        + (ticks << 1 & 0xFFFE | 1).to_bytes(2, "big")
    )
