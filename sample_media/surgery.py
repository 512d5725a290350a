"""Edits of finished files that no muxer would make."""

import struct

_HEADER_BYTES = 8
# Matroska's Duration element (RFC 9559 §5.1.2.10): its id, then the size of a double.
_DURATION = bytes.fromhex("448988")


def without_box(data: bytes, kind: bytes) -> bytes:
    """An MP4 file (ISO/IEC 14496-12 §4.2) without its top-level boxes of a kind."""
    kept, start = bytearray(), 0
    while start + _HEADER_BYTES <= len(data):
        size, box_kind = struct.unpack_from(">I4s", data, start)
        if size < _HEADER_BYTES:
            raise ValueError(f"box of {size} bytes at {start}")
        if box_kind != kind:
            kept += data[start : start + size]
        start += size
    return bytes(kept)


def claiming_duration(data: bytes, factor: int) -> bytes:
    """A Matroska file whose header says `factor` times its duration."""
    position = data.index(_DURATION) + len(_DURATION)
    (duration,) = struct.unpack_from(">d", data, position)
    changed = bytearray(data)
    struct.pack_into(">d", changed, position, duration * factor)
    return bytes(changed)
