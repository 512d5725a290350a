"""A body that grows while it is read: one writer, any number of readers.

As long as the body is retained whole, readers may begin at any time. A body that turns out larger
than may be retained goes on as a stream: pieces that every reader has passed are dropped, and the
writer waits for the slowest reader.

A reader is iterated, or it feeds a sink: what arrives is then handed to all sinks in one pass of
the event loop, and their tasks sleep until the sink is full or the body is at its end.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Protocol, Self

from edge.errors import BodyTruncated

_WINDOW_BYTES = 1024 * 1024
_NEVER = 1 << 62


class Sink(Protocol):
    """Where a reader's bytes go."""

    @property
    def is_blocked(self) -> bool:
        """Whether it has enough for now."""
        ...

    def push(self, piece: bytes) -> None:
        """Take bytes at once."""
        ...

    async def writable(self) -> None:
        """Return when it wants more."""
        ...


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
        self._fed: set[Reader] = set()
        self._passing: asyncio.Handle | None = None
        self._idle_until = 0.0
        self._is_complete = False
        self._is_truncated = False
        self._news = asyncio.Event()
        self._progress = asyncio.Event()

    def append(self, piece: bytes) -> None:
        """Add a piece."""
        self._pieces.append(piece)
        self.received_bytes += len(piece)
        self._held_bytes += len(piece)
        if self.received_bytes > self._retained_bytes:
            self.is_retained = False
        self._tell()

    async def drained(self) -> None:
        """Return once no reader is far behind: at once as long as the body is retained."""
        while not self.is_retained and self._drop_passed() > _WINDOW_BYTES:
            self._progress.clear()
            await self._progress.wait()

    def complete(self) -> None:
        """Say that the body is whole."""
        self._is_complete = True
        self._idle_until = 0.0
        self._tell()

    def truncate(self) -> None:
        """Say that the rest will never come."""
        self._is_truncated = True
        self._idle_until = 0.0
        self._tell()

    @property
    def is_whole(self) -> bool:
        """Whether the last byte has arrived."""
        return self._is_complete

    @property
    def is_over(self) -> bool:
        """Whether nothing more will arrive."""
        return self._is_complete or self._is_truncated

    def whole(self) -> bytes:
        """The complete body; it must have been retained."""
        return b"".join(self._pieces)

    def available(self, index: int) -> bytes | None:
        """Piece number `index`, if it is there."""
        place = index - self._dropped
        return self._pieces[place] if place < len(self._pieces) else None

    def check(self) -> None:
        """Return if what is there is all there ever was to come, or may still be added to.

        Raises:
            BodyTruncated: The rest will never come.
        """
        if self._is_truncated:
            raise BodyTruncated("the body was cut short")

    async def piece(self, index: int) -> bytes | None:
        """Piece number `index`, once it is there; None after the last.

        Raises:
            BodyTruncated: It will never be there.
        """
        while True:
            piece = self.available(index)
            if piece is not None:
                self._progress.set()
                return piece
            self.check()
            if self._is_complete:
                return None
            await self._news.wait()

    async def feeding(self, reader: "Reader") -> None:
        """Return when the reader's sink is full, or nothing more will arrive."""
        self._fed.add(reader)
        try:
            await reader.woken.wait()
        finally:
            self._fed.discard(reader)

    def progressed(self) -> None:
        """A reader has passed a piece."""
        self._progress.set()

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

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
        if not self._fed:
            return
        if self._passing is not None:
            if not self.is_over:
                return
            self._passing.cancel()
        loop = asyncio.get_running_loop()
        wait = self._idle_until - loop.time()
        if wait > 0:
            self._passing = loop.call_later(wait, self._pass_on)
        else:
            self._passing = loop.call_soon(self._pass_on)

    def _pass_on(self) -> None:
        """Hand what has arrived to every sink that waits.

        A crowd costs the event loop a pass for every piece, so after a pass it gets as much time
        for other things as the pass took.
        """
        self._passing = None
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        for reader in list(self._fed):
            if not reader.push() or self.is_over:
                reader.woken.set()
        self._progress.set()
        ended_at = loop.time()
        self._idle_until = ended_at + (ended_at - begun_at)

    def _drop_passed(self) -> int:
        """Drop what every reader has passed; returns how many bytes are still held."""
        oldest = min((reader.index for reader in self._readers), default=self._dropped)
        passed = oldest - self._dropped
        self._held_bytes -= sum(map(len, self._pieces[:passed]))
        del self._pieces[:passed]
        self._dropped = oldest
        return self._held_bytes


class Reader:
    """One reader's place in a growing body; iterate to get the pieces, or feed a sink.

    Raises:
        BodyTruncated: From the iteration, when the rest will never come.
    """

    def __init__(self, body: GrowingBody) -> None:
        self._body = body
        self._sink: Sink | None = None
        self._start = 0
        self._stop = _NEVER
        self._position = 0
        self.index = 0
        self.woken = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._body.piece(self.index)
        if piece is None:
            raise StopAsyncIteration
        self.index += 1
        return piece

    async def feed(self, sink: Sink, start: int = 0, stop: int = _NEVER) -> None:
        """Hand the bytes from `start` to `stop` to a sink as they arrive; instead of iterating.

        Raises:
            BodyTruncated: They will never all be there.
        """
        self._sink, self._start, self._stop = sink, start, stop
        while True:
            may_wait = self.push()
            if self._position >= stop:
                return
            if not may_wait:
                self._body.progressed()
                await sink.writable()
            elif self._body.is_over:
                self._body.check()
                return
            else:
                self.woken.clear()
                await self._body.feeding(self)

    def push(self) -> bool:
        """Hand over what is there; returns whether the sink may wait for more."""
        sink, body = self._sink, self._body
        while sink is not None and self._position < self._stop and not sink.is_blocked:
            piece = body.available(self.index)
            if piece is None:
                return True
            self.index += 1
            first, self._position = self._position, self._position + len(piece)
            if first < self._start or self._position > self._stop:
                piece = piece[max(0, self._start - first) : self._stop - first]
            if piece:
                sink.push(piece)
        return False


async def cut(pieces: AsyncIterator[bytes], start: int, stop: int) -> AsyncIterator[bytes]:
    """The bytes from `start` to `stop` of what `pieces` yields."""
    position = 0
    async for piece in pieces:
        first, position = position, position + len(piece)
        if position > start:
            yield piece[max(0, start - first) : stop - first]
        if position >= stop:
            return
