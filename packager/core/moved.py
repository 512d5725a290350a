"""Movie fragments that lie elsewhere in a stream than in the file that they are of."""

from collections.abc import Iterator

from packager.core.boxes import LARGE_HEADER_BYTES, MediaFormatError, box_length

_LARGEST_MOOF_BYTES = 64 << 20
_EVERYTHING = 1 << 63
_FULL_BOX_BYTES, _TRACK_ID_BYTES, _OFFSET_BYTES = 4, 4, 8
_HAS_BASE_DATA_OFFSET = 0x1


class MovedFragments:
    """Corrects where fragments say that their samples lie, counted from the file's beginning.

    That is the base data offset of a track fragment (ISO/IEC 14496-12 §8.8.7), if it has one. All
    else, what is no sequence of boxes too, is passed on as it is.

    Args:
        by: How many bytes before the fragments are left out.
    """

    def __init__(self, by: int) -> None:
        self._by = by
        self._pending = bytearray()
        self._to_pass = 0

    def feed(self, data: bytes) -> bytes:
        """What can be passed on of the stream, now that these bytes of it have come."""
        self._pending += data
        passed = bytearray()
        while taken := self._take():
            passed += taken
        return bytes(passed)

    def rest(self) -> bytes:
        """What is left when the stream has ended."""
        return bytes(self._pending)

    def _take(self) -> bytes:
        if not self._to_pass:
            size = self._next_size()
            if self._pending[4:8] == b"moof" and 0 < size <= _LARGEST_MOOF_BYTES:
                return self._take_fragment(size)
            self._to_pass = size
        taken = bytes(self._pending[: self._to_pass])
        del self._pending[: len(taken)]
        self._to_pass -= len(taken)
        return taken

    def _next_size(self) -> int:
        """The size of the box that begins now; 0 if that is not known yet."""
        try:
            length = box_length(bytes(self._pending[:LARGE_HEADER_BYTES]))
        except MediaFormatError:
            return _EVERYTHING
        return 0 if length is None else length[0] or _EVERYTHING

    def _take_fragment(self, size: int) -> bytes:
        if len(self._pending) < size:
            return b""
        moof = self._pending[:size]
        del self._pending[:size]
        for start, stop in _find(moof, (b"moof", b"traf", b"tfhd"), 0, size):
            offset = slice(start + _FULL_BOX_BYTES + _TRACK_ID_BYTES, stop)
            field = moof[offset][:_OFFSET_BYTES]
            if moof[start + 3] & _HAS_BASE_DATA_OFFSET and len(field) == _OFFSET_BYTES:
                moved = max(0, int.from_bytes(field, "big") - self._by)
                moof[offset.start : offset.start + _OFFSET_BYTES] = moved.to_bytes(8, "big")
        return bytes(moof)


def _find(
    data: bytearray, path: tuple[bytes, ...], start: int, stop: int
) -> Iterator[tuple[int, int]]:
    """Where the payloads of all boxes along a path of types lie."""
    while start < stop:
        try:
            length = box_length(bytes(data[start : min(stop, start + LARGE_HEADER_BYTES)]))
        except MediaFormatError:
            return
        if length is None or not 0 < length[0] <= stop - start:
            return
        size, header = length
        if data[start + 4 : start + 8] == path[0]:
            inside = start + header, start + size
            if len(path) == 1:
                yield inside
            else:
                yield from _find(data, path[1:], *inside)
        start += size
