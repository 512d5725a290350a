"""ISO base media file format boxes (ISO/IEC 14496-12 §4.2): found, and written."""

from collections.abc import Iterator
from dataclasses import dataclass

_HEADER_BYTES = 8
LARGE_HEADER_BYTES = 16
_LARGEST_BOX_BYTES = 1 << 30


class MediaFormatError(ValueError):
    """The encoder's output is not the fragmented MP4 that was asked of it."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four-character type and what follows its header."""

    kind: str
    payload: bytes

    def children(self, skip: int = 0) -> "Iterator[Box]":
        """The boxes inside the payload, from byte `skip` on."""
        return read_boxes(self.payload[skip:])

    def child(self, *path: str) -> "Box":
        """The first box along a path of types.

        Raises:
            MediaFormatError: There is none.
        """
        box = self
        for kind in path:
            found = next((child for child in box.children() if child.kind == kind), None)
            if found is None:
                raise MediaFormatError(f"no {kind} in {box.kind}")
            box = found
        return box


def box_length(head: bytes) -> tuple[int, int] | None:
    """Bytes of the whole box and of its header, from its first bytes; None when these are too few.

    A box of 0 bytes extends to the end of its file.

    Raises:
        MediaFormatError: The size is nonsense.
    """
    header = _HEADER_BYTES
    if len(head) < header:
        return None
    size = int.from_bytes(head[:4], "big")
    if size == 1:
        header = LARGE_HEADER_BYTES
        if len(head) < header:
            return None
        size = int.from_bytes(head[8:16], "big")
    if 0 < size < header:
        raise MediaFormatError(f"a box of {size} bytes")
    return size, header


def read_boxes(data: bytes) -> Iterator[Box]:
    """The boxes `data` consists of.

    Raises:
        MediaFormatError: `data` ends inside a box.
    """
    position = 0
    while position < len(data):
        length = box_length(data[position : position + LARGE_HEADER_BYTES])
        if length is None or length[0] == 0 or position + length[0] > len(data):
            raise MediaFormatError("a box is cut off")
        size, header = length
        kind = data[position + 4 : position + 8].decode("latin-1")
        yield Box(kind, data[position + header : position + size])
        position += size


class BoxReader:
    """Boxes out of a byte stream that arrives in pieces."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Box]:
        """The boxes completed by `data`."""
        self._pending += data
        while (length := box_length(bytes(self._pending[:LARGE_HEADER_BYTES]))) is not None:
            size, header = length
            if not 0 < size <= _LARGEST_BOX_BYTES:
                raise MediaFormatError(f"a box of {size} bytes")
            if len(self._pending) < size:
                return
            kind = self._pending[4:8].decode("latin-1")
            payload = bytes(memoryview(self._pending)[header:size])
            del self._pending[:size]
            yield Box(kind, payload)

    @property
    def is_empty(self) -> bool:
        """Whether every byte that was fed belonged to a finished box."""
        return not self._pending


def write_box(kind: str, *payload: bytes) -> bytes:
    """One box of the joined payloads."""
    size = _HEADER_BYTES + sum(map(len, payload))
    return b"".join((size.to_bytes(4, "big"), kind.encode("latin-1"), *payload))


def write_full_box(kind: str, version: int, flags: int, *payload: bytes) -> bytes:
    """One box with the version and flags that most boxes begin with."""
    return write_box(kind, bytes([version]), flags.to_bytes(3, "big"), *payload)
