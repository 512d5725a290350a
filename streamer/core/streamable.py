"""Whether a source can be read while it arrives, told from its first bytes."""

from collections.abc import Iterator
from enum import Enum

# So much of the beginning is enough to tell.
HEAD_BYTES = 64 * 1024
_EBML = b"\x1a\x45\xdf\xa3"
_PACK_HEADER = b"\0\0\1\xba"
_TS_SYNC = b"\x47"
# What lies before a packet's sync byte, and from one to the next: plain, as recorders of discs
# write it, and with a checksum behind each packet.
_TS_STRIDES = ((0, 188), (4, 192), (0, 204))
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

    It can for Matroska and WebM, MPEG transport and program streams, and for an MP4 whose movie box
    comes before its media (ISO/IEC 14496-12 §8.1.1, §8.2.1; fragmented ones too). `UNKNOWN` asks
    for more bytes.
    """
    if len(head) < _LARGE_BOX_HEADER_BYTES:
        return Streamable.UNKNOWN
    if head.startswith((_EBML, _PACK_HEADER)):
        return Streamable.YES
    if head[4:8] in _FIRST_BOXES:
        return _judge_mp4(head)
    return _judge_ts(head)


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
    for ahead, stride in _TS_STRIDES:
        marks = head[ahead : ahead + _TS_PACKETS * stride : stride]
        if marks == _TS_SYNC * len(marks):
            return Streamable.YES if len(marks) == _TS_PACKETS else Streamable.UNKNOWN
    return Streamable.NO
