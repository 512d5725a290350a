"""The bytes of a source, wherever they lie, and also while they still arrive."""

import asyncio
import errno
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import aiofiles
from aiofiles.threadpool.binary import AsyncBufferedReader

from packager.core.arrival import Arrival
from packager.patience import Patience, outlast
from packager.waits import Waits
from streamer.core.arrival import piece_start, piece_stop
from streamer.core.errors import NotFound, SourceRejected, StreamerError, Unavailable
from streamer.core.keys import arriving_key, source_key, source_piece_key
from streamer.core.video import Video, VideoState
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore

_POLL_SECONDS = 0.1
_FILE_PIECE_BYTES = 256 * 1024
# Longer than a client of S3 asks by itself.
_SILENCE_SECONDS = 60.0


class SourcePausedError(StreamerError):
    """Whoever sends a source has stopped, for now."""


class SourceBytes:
    """One source; what has not arrived yet is waited for.

    Args:
        store: Where it lies.
        catalog: Knows how much of it has arrived.
        video: Whose it is.
        pause_seconds: Who waits for bytes while none come for so long is told that it pauses.
        silence_seconds: A store that says nothing for so long has failed.

    Attributes:
        length_bytes: How long it is, or will be.
        received_bytes: How much of it had arrived when that was last looked up.
        is_complete: Whether every byte had arrived when that was last looked up.
        waits: Where its readers wait, for bytes to arrive and for the store.
    """

    def __init__(
        self,
        store: ObjectStore,
        catalog: Catalog,
        video: Video,
        pause_seconds: float = math.inf,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._video_id = video.id
        self.received_bytes = 0
        self.length_bytes = 0
        self.is_complete = False
        self.waits = Waits()
        self._pause_seconds = pause_seconds
        self._silence_seconds = silence_seconds
        self._begun_at = video.created_at
        self._look_at(video)

    async def read(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        """The bytes from `start` to `stop` (exclusive), in pieces, as they arrive.

        A store that fails for a moment, or hangs, is asked again for what is missing.

        Raises:
            NotFound: The video was deleted, or its upload given up.
            SourceRejected: The source turned out shorter than announced, or is gone.
            SourcePausedError: Its bytes do not come.
            Unavailable: The store does not answer, or holds less than it should.
        """
        async with aclosing(self._read(start, stop)) as pieces:
            while True:
                with self.waits.one_more():
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece

    async def _read(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        position = start
        patience = Patience()
        while position < stop:
            begin = position
            try:
                await self._wait_for(position)
                stored = self._stored(position, min(stop, self.received_bytes))
                async with aclosing(stored) as pieces:
                    while piece := await self._next(pieces):
                        position += len(piece)
                        patience.renew()
                        yield piece
                if position == begin:
                    raise Unavailable("a part of the source is not in the store")
            except StreamerError as error:
                await patience.bear(error)

    async def _next(self, stored: AsyncGenerator[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self._silence_seconds):
                return await anext(stored, b"")
        except TimeoutError as error:
            raise Unavailable("the store of the source does not answer") from error

    async def arrival(self) -> Arrival:
        """How it arrives now.

        Raises:
            NotFound: The video was deleted, or its upload given up.
        """
        self._look_at(await self._catalog.get_video(self._video_id))
        seconds = (datetime.now(UTC) - self._begun_at).total_seconds()
        rate = self.received_bytes / max(_POLL_SECONDS, seconds)
        return Arrival(self.received_bytes, self.length_bytes, rate)

    async def read_available(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start` on, of those that have arrived."""
        data = bytearray()
        async for piece in self.read(start, min(start + length, self.received_bytes)):
            data += piece
        return bytes(data)

    async def wait_until_complete(self) -> None:
        """Return when every byte has arrived and the upload is accepted.

        Raises:
            NotFound: The video was deleted, or its upload given up.
        """
        while not self.is_complete:
            await self._look_again()

    async def _wait_for(self, position: int) -> None:
        received, since = self.received_bytes, monotonic()
        while self.received_bytes <= position:
            if self.is_complete:
                raise SourceRejected("The file is shorter than announced.", code="truncated")
            if self.received_bytes > received:
                received, since = self.received_bytes, monotonic()
            if monotonic() - since > self._pause_seconds:
                raise SourcePausedError("the upload pauses")
            await self._look_again()

    async def _look_again(self) -> None:
        await asyncio.sleep(_POLL_SECONDS)
        self._look_at(await outlast(lambda: self._catalog.get_video(self._video_id)))

    def _look_at(self, video: Video) -> None:
        if video.state is VideoState.FAILED:
            raise NotFound("the video has failed")
        self.is_complete = video.state is not VideoState.UPLOADING
        self.received_bytes = video.received_bytes
        self.length_bytes = video.source_bytes or video.length_bytes or 0
        if self.is_complete:
            self.received_bytes = self.length_bytes

    async def _stored(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        """Bytes that are in the store: in a file, in one object, or in pieces."""
        for key in (source_key(self._video_id), arriving_key(self._video_id)):
            path = self._store.local_path(key)
            if path is not None and await asyncio.to_thread(path.exists):
                stored = _read_file(path, start, stop)
                break
        else:
            stored = self._stored_piece(start, stop)
        async with aclosing(stored) as pieces:
            async for piece in pieces:
                yield piece

    async def _stored_piece(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        first = piece_start(start)
        end = min(stop, piece_stop(first))
        try:
            async with self._store.get(
                source_piece_key(self._video_id, first), start=start - first, stop=end - first
            ) as body:
                async for piece in body.chunks:
                    yield piece
        except NotFound:
            # It came in one piece, by another way than an upload.
            whole = self._stored_whole(start, stop)
            async with aclosing(whole) as pieces:
                async for piece in pieces:
                    yield piece

    async def _stored_whole(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        try:
            async with self._store.get(source_key(self._video_id), start=start, stop=stop) as body:
                async for piece in body.chunks:
                    yield piece
        except NotFound as error:
            raise SourceRejected("The source is gone.", code="source_gone") from error


async def _read_file(path: Path, start: int, stop: int) -> AsyncGenerator[bytes]:
    try:
        async with _opened(path) as file:
            await file.seek(start)
            while start < stop:
                piece = await file.read(min(_FILE_PIECE_BYTES, stop - start))
                if not piece:
                    return
                start += len(piece)
                yield piece
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "unknown")
        raise Unavailable(f"the source cannot be read: {reason}") from error


@asynccontextmanager
async def _opened(path: Path) -> AsyncGenerator[AsyncBufferedReader]:
    """A file; what threads do to open and close it is done even if its reader leaves meanwhile."""

    async def open_file() -> AsyncBufferedReader:
        return await aiofiles.open(path, "rb")

    async def close_file() -> None:
        file = await opening
        await file.close()

    opening = asyncio.create_task(open_file())
    try:
        yield await asyncio.shield(opening)
    finally:
        await asyncio.shield(close_file())
