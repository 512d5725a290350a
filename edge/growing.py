"""A body that grows while it is read: one writer, any number of readers.

As long as the body is retained whole, readers may begin at any time. A body that turns out larger
than may be retained goes on as a stream: pieces that every reader has passed are dropped, and the
writer waits for the slowest reader.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Self

from edge.errors import BodyTruncated

_WINDOW_BYTES = 1024 * 1024


class GrowingBody:
    """The pieces received so far.

    Args:
        retained_bytes: Up to this size the whole body is kept; 0: it is a stream from the start.
    """

    def __init__(self, retained_bytes: int) -> None:
        self.received_bytes = 0
        self.is_retained = retained_bytes > 0
        self._retained_bytes = retained_bytes
        self._pieces: list[bytes] = []
        self._dropped = 0
        self._held_bytes = 0
        self._readers: set[Reader] = set()
        self._is_complete = False
        self._is_truncated = False
        self._news = asyncio.Event()
        self._progress = asyncio.Event()

    async def append(self, piece: bytes) -> None:
        """Add a piece; waits only when the body is no longer retained and a reader is behind."""
        self._pieces.append(piece)
        self.received_bytes += len(piece)
        self._held_bytes += len(piece)
        if self.received_bytes > self._retained_bytes:
            self.is_retained = False
        self._tell()
        while not self.is_retained and self._drop_passed() > _WINDOW_BYTES:
            self._progress.clear()
            await self._progress.wait()

    def complete(self) -> None:
        """Say that the body is whole."""
        self._is_complete = True
        self._tell()

    def truncate(self) -> None:
        """Say that the rest will never come."""
        self._is_truncated = True
        self._tell()

    async def piece(self, index: int) -> bytes | None:
        """Piece number `index`, once it is there; None after the last.

        Raises:
            BodyTruncated: It will never be there.
        """
        while True:
            place = index - self._dropped
            if place < len(self._pieces):
                self._progress.set()
                return self._pieces[place]
            if self._is_truncated:
                raise BodyTruncated("the body was cut short")
            if self._is_complete:
                return None
            await self._news.wait()

    @property
    def is_whole(self) -> bool:
        """Whether the last byte has arrived."""
        return self._is_complete

    def whole(self) -> bytes:
        """The complete body; it must have been retained."""
        return b"".join(self._pieces)

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _drop_passed(self) -> int:
        """Drop what every reader has passed; returns how many bytes are still held."""
        oldest = min((reader.index for reader in self._readers), default=self._dropped)
        passed = oldest - self._dropped
        self._held_bytes -= sum(map(len, self._pieces[:passed]))
        del self._pieces[:passed]
        self._dropped = oldest
        return self._held_bytes

    @contextmanager
    def reader(self) -> Iterator["Reader"]:
        """A reader from the first byte on; only while the body is retained."""
        reader = Reader(self)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            self._progress.set()


class Reader:
    """One reader's place in a growing body; iterate to get the pieces.

    Raises:
        BodyTruncated: From the iteration, when the rest will never come.
    """

    def __init__(self, body: GrowingBody) -> None:
        self._body = body
        self.index = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._body.piece(self.index)
        if piece is None:
            raise StopAsyncIteration
        self.index += 1
        return piece


async def cut(pieces: AsyncIterator[bytes], start: int, stop: int) -> AsyncIterator[bytes]:
    """The bytes from `start` to `stop` of what `pieces` yields."""
    position = 0
    async for piece in pieces:
        first, position = position, position + len(piece)
        if position > start:
            yield piece[max(0, start - first) : stop - first]
        if position >= stop:
            return
