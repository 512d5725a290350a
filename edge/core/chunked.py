"""Chunked request bodies, read strictly (RFC 9112 §7.1).

Bytes in, body bytes out. Chunk extensions are dropped, so are trailers; anything a lenient parser
might read differently is a `ChunkError`.
"""

import re
from enum import Enum, auto

_SIZE = rb"([0-9A-Fa-f]{1,15})(?:[ \t]{0,64}+;[\t\x20-\x7e\x80-\xff]{0,4000}+)?"
_SIZE_LINE = re.compile(_SIZE)
_CHUNK_START = re.compile(_SIZE + rb"\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_MAX_LINE_BYTES = 4096
_MAX_TRAILER_BYTES = 16384


class ChunkError(ValueError):
    """The body is not framed as RFC 9112 says."""


class _Expecting(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    NOTHING = auto()


class ChunkedDecoder:
    """Decodes one body; `rest` holds what came after it."""

    def __init__(self) -> None:
        self._expecting = _Expecting.SIZE
        self._buffer = b""
        self._position = 0
        self._remaining = 0
        self._trailer_bytes = 0

    @property
    def is_complete(self) -> bool:
        """Whether the last chunk and the trailer section were read."""
        return self._expecting is _Expecting.NOTHING

    @property
    def rest(self) -> bytes:
        """Bytes received after the end of the body."""
        return self._buffer if self.is_complete else b""

    def feed(self, data: bytes) -> bytes:
        """What `data` adds to the body.

        Raises:
            ChunkError: The framing is not valid.
        """
        self._buffer += data
        pieces: list[bytes] = []
        while self._advance(pieces):
            pass
        self._buffer, self._position = self._buffer[self._position :], 0
        return b"".join(pieces)

    def _advance(self, pieces: list[bytes]) -> bool:
        match self._expecting:
            case _Expecting.DATA:
                return self._read_data(pieces)
            case _Expecting.NOTHING:
                return False
            case _:
                if self._expecting is _Expecting.SIZE:
                    self._read_whole_chunks(pieces)
                line = self._take_line()
                if line is None:
                    return False
                self._read_line(line)
                return True

    def _read_whole_chunks(self, pieces: list[bytes]) -> None:
        """Read the chunks that are here to their end: a viewer may send millions of one byte."""
        buffer, position = self._buffer, self._position
        while match := _CHUNK_START.match(buffer, position):
            begin = match.end()
            end = begin + int(match[1], 16)
            if end == begin or buffer[end : end + 2] != b"\r\n":
                break
            pieces.append(buffer[begin:end])
            position = end + 2
        self._position = position

    def _read_data(self, pieces: list[bytes]) -> bool:
        piece = self._buffer[self._position : self._position + self._remaining]
        if not piece:
            return False
        pieces.append(piece)
        self._position += len(piece)
        self._remaining -= len(piece)
        if self._remaining == 0:
            self._expecting = _Expecting.DATA_END
        return True

    def _take_line(self) -> bytes | None:
        begin, end = self._position, self._buffer.find(b"\r\n", self._position)
        if (len(self._buffer) if end < 0 else end) - begin > _MAX_LINE_BYTES:
            raise ChunkError("a line is too long")
        if end < 0:
            return None
        self._position = end + 2
        return self._buffer[begin:end]

    def _read_line(self, line: bytes) -> None:
        if self._expecting is _Expecting.SIZE:
            self._read_size(line)
        elif self._expecting is _Expecting.DATA_END:
            if line:
                raise ChunkError("a chunk is longer than its size")
            self._expecting = _Expecting.SIZE
        else:
            self._read_trailer(line)

    def _read_size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise ChunkError("malformed chunk size")
        self._remaining = int(match[1], 16)
        self._expecting = _Expecting.DATA if self._remaining else _Expecting.TRAILER

    def _read_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        if not line:
            self._expecting = _Expecting.NOTHING
        elif _TRAILER.fullmatch(line) is None or self._trailer_bytes > _MAX_TRAILER_BYTES:
            raise ChunkError("malformed trailer section")
