"""Packets of program streams, written byte by byte as ISO/IEC 13818-1 §2.5.3 says."""

from tests.unit.packager.transport_packets import PICTURES, packet


def pack(clock: int, stuffing: int = 0) -> bytes:
    """The header of a pack."""
    parts = (0b01 << 46, (clock >> 30) << 43, (clock >> 15 & 0x7FFF) << 27)
    bits = sum(parts) + ((clock & 0x7FFF) << 11) + (1 << 42) + (1 << 26) + (1 << 10) + 0x2A3
    rate = b"\x01\x89\xc3" + bytes([0xF8 | stuffing])
    return b"\0\0\1\xba" + bits.to_bytes(6, "big") + rate + b"\xff" * stuffing


def unit(
    shown: int | None = None,
    decoded: int | None = None,
    *,
    stream: int = PICTURES,
    size: int = 60,
    payload: bytes = b"",
) -> bytes:
    """A packet of so many bytes, with the times of the unit that begins in it, and its bytes."""
    pes = packet(shown, decoded, stream=stream)[4:].rstrip(b"\xff")
    head = pes[:4] + (size - 6).to_bytes(2, "big") + pes[6:]
    return (head + payload).ljust(size, b"\xff")
