"""Edits of finished files that no muxer would make."""

import re
import struct
from collections.abc import Mapping

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


def claiming_duration(data: bytes, factor: float) -> bytes:
    """A Matroska file whose header says `factor` times its duration, and no tag of a stream."""
    position = data.index(_DURATION) + len(_DURATION)
    (duration,) = struct.unpack_from(">d", data, position)
    changed = bytearray(data)
    struct.pack_into(">d", changed, position, duration * factor)
    return bytes(changed).replace(b"DURATION", b"NOTHINGS")


def with_absurd_durations(data: bytes) -> bytes:
    """A Matroska file whose streams last 10^400 seconds by their tags."""
    return re.sub(rb"00:00:0[0-9]\.[0-9]{9}", b"00:00:1e0000000400", data)


def with_chapters(data: bytes, titles: Mapping[float, str]) -> bytes:
    """An MP4 file whose moov stands last, with Nero's chapters: a title by the second it begins."""
    rows = b"".join(
        struct.pack(">QB", int(start * 10_000_000), len(title)) + title.encode()
        for start, title in titles.items()
    )
    chapters = _box(b"udta", _box(b"chpl", struct.pack(">IIB", 1 << 24, 0, len(titles)) + rows))
    position = data.rindex(b"moov") - 4
    moov = data[position + _HEADER_BYTES :]
    return data[:position] + _box(b"moov", moov + chapters)


def with_clean_aperture(data: bytes, width: int, height: int) -> bytes:
    """An MP4 file of H.264, whose moov stands last, that shows the middle of its pictures alone.

    ISO/IEC 14496-12 §12.1.4.
    """
    aperture = _box(b"clap", struct.pack(">8I", width, 1, height, 1, 0, 1, 0, 1))
    changed = bytearray(data)
    position, size = data.rindex(b"moov"), 0
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        position = data.index(kind, position)
        (size,) = struct.unpack_from(">I", data, position - 4)
        struct.pack_into(">I", changed, position - 4, size + len(aperture))
    stop = position - 4 + size
    return bytes(changed[:stop] + aperture + changed[stop:])


def with_noise(data: bytes, start_share: float, stop_share: float) -> bytes:
    """A file of which a part is overwritten with bytes without meaning."""
    start, stop = (int(len(data) * share) for share in (start_share, stop_share))
    return data[:start] + _noise(stop - start) + data[stop:]


def without_media(data: bytes) -> bytes:
    """An MP4 file whose mdat stands last and holds noise instead of media."""
    start = data.index(b"mdat") + 4
    return data[:start] + _noise(len(data) - start)


def _noise(count: int) -> bytes:
    return bytes((i * i * 31 + i // 7) % 251 for i in range(count))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", _HEADER_BYTES + len(body), kind) + body
