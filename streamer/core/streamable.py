"""Whether a source can be read while it arrives, told from its first bytes."""

from collections.abc import Iterator
from enum import Enum

# So much of the beginning is enough to tell.
HEAD_BYTES = 64 * 1024
_EBML = b"\x1a\x45\xdf\xa3"
_TS_SYNC = 0x47
_TS_PACKET_BYTES = 188
_TS_PACKETS = 4
_BOX_HEADER_BYTES = 8
_LARGE_BOX_HEADER_BYTES = 16
_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"free", b"skip", b"wide"})


class Streamable(Enum):
    """The answer, as far as it can be given."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def judge(head: bytes) -> Streamable:
    """Whether decoding can begin before the source's last byte is there.

    It can for Matroska and WebM, MPEG-TS, and for an MP4 whose movie box comes before its media
    (ISO/IEC 14496-12 §8.1.1, §8.2.1; fragmented ones too). `UNKNOWN` asks for more bytes.
    """
    if len(head) < _LARGE_BOX_HEADER_BYTES:
        return Streamable.UNKNOWN
    if head.startswith(_EBML):
        return Streamable.YES
    if head[4:8] in _FIRST_BOXES:
        return _judge_mp4(head)
    if head[0] == _TS_SYNC:
        return _judge_ts(head)
    return Streamable.NO


def _judge_mp4(head: bytes) -> Streamable:
    for kind in _box_kinds(head):
        if kind == b"moov":
            return Streamable.YES
        if kind == b"mdat":
            return Streamable.NO
    return Streamable.UNKNOWN if len(head) < HEAD_BYTES else Streamable.NO


def _box_kinds(head: bytes) -> Iterator[bytes]:
    """The types of the top-level boxes that begin in `head`."""
    position = 0
    while position + _LARGE_BOX_HEADER_BYTES <= len(head):
        size = int.from_bytes(head[position : position + 4], "big")
        if size == 1:
            size = int.from_bytes(head[position + 8 : position + 16], "big")
        yield head[position + 4 : position + 8]
        if size < _BOX_HEADER_BYTES:
            return
        position += size


def _judge_ts(head: bytes) -> Streamable:
    if len(head) < _TS_PACKETS * _TS_PACKET_BYTES:
        return Streamable.UNKNOWN
    syncs = head[: _TS_PACKETS * _TS_PACKET_BYTES : _TS_PACKET_BYTES]
    return Streamable.YES if set(syncs) == {_TS_SYNC} else Streamable.NO
