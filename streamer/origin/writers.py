"""One request at a time writes to an upload, in this process.

A second one is refused while the first receives bytes. When the first fell silent, its client is
probably gone without a word, and the second takes over.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamer.core.errors import StreamerError, Unavailable
from streamer.origin.errors import BodyTimedOut, Locked

_SILENT_SECONDS = 3.0
_HANDOVER_SECONDS = 5.0


class Writer:
    """The request that may write, and the deadline of the piece it waits for."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._waiting_since: float | None = None
        self._deadline: asyncio.Timeout | None = None
        self._interruption: StreamerError | None = None
        self.released = asyncio.Event()

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Around each wait for the client.

        Raises:
            BodyTimedOut: It takes too long.
            StreamerError: What it was interrupted with.
        """
        if self._interruption is not None:
            raise self._interruption
        self._waiting_since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._idle_seconds) as self._deadline:
                yield
        except TimeoutError as error:
            raise self._interruption or BodyTimedOut("no bytes came for too long") from error
        finally:
            self._waiting_since = self._deadline = None

    def is_silent(self) -> bool:
        """Whether it has been waiting for its client for some seconds."""
        now = asyncio.get_running_loop().time()
        return self._waiting_since is not None and now - self._waiting_since > _SILENT_SECONDS

    def interrupt(self, failure: StreamerError) -> None:
        """End the wait for the client, or the next one, with `failure`."""
        self._interruption = failure
        if self._deadline is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time())


class Writers:
    """The writers of all uploads.

    Args:
        idle_seconds: A client that sends nothing for so long is cut off.
    """

    def __init__(self, *, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._by_upload: dict[str, Writer] = {}

    @asynccontextmanager
    async def hold(self, upload_id: str) -> AsyncIterator[Writer]:
        """Be the writer of an upload; Locked while there is another that is not silent."""
        if current := self._by_upload.get(upload_id):
            await self._take_over(current)
        if upload_id in self._by_upload:
            raise Locked("another request is writing to this upload")
        writer = self._by_upload[upload_id] = Writer(self._idle_seconds)
        try:
            yield writer
        finally:
            del self._by_upload[upload_id]
            writer.released.set()

    async def interrupt(self, upload_id: str) -> None:
        """End what writes to an upload, and return when it did."""
        if current := self._by_upload.get(upload_id):
            await self._end(current)

    def interrupt_all(self) -> None:
        """End every wait for a client because the origin stops; what was received stays."""
        for writer in self._by_upload.values():
            writer.interrupt(Unavailable("the origin is stopping"))

    async def _take_over(self, current: Writer) -> None:
        if not current.is_silent():
            raise Locked("another request is writing to this upload")
        await self._end(current)

    async def _end(self, current: Writer) -> None:
        current.interrupt(BodyTimedOut("this request was ended by another one"))
        try:
            async with asyncio.timeout(_HANDOVER_SECONDS):
                await current.released.wait()
        except TimeoutError as error:
            raise Locked("another request is writing to this upload") from error
