"""One request on its way through the edge, and its body as it arrives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from edge.core.chunked import ChunkedDecoder
from edge.core.head import RequestHead
from edge.core.policy import Query
from edge.errors import BodyTruncated

_MAX_QUEUED_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """An accepted request. `body` is None where none follows the head.

    `scheme` is how its viewer came, as `X-Forwarded-Proto` says it.
    """

    head: RequestHead
    key: bytes
    viewer: str
    body: "IncomingBody | None" = None
    scheme: str = "http"

    @property
    def query(self) -> Query:
        """What the policy looks at."""
        return Query(self.head.method, self.head.fields)


class IncomingBody:
    """A request body between the socket and the origin.

    Args:
        head: The request that it belongs to.
        limit_bytes: A longer one is cut short.
        want: Called with False when enough is queued, with True when more may come.
        proceed: Called before the first wait, to send 100 (Continue).

    Attributes:
        received_bytes: How much has come.
        is_complete: Whether its end has come.
        is_truncated: Whether the rest will never come.
        status: What to answer then.
    """

    def __init__(
        self,
        head: RequestHead,
        limit_bytes: int,
        want: Callable[[bool], None],
        proceed: Callable[[], None],
    ) -> None:
        self._limit_bytes = limit_bytes
        self._decoder = ChunkedDecoder() if head.block.is_chunked else None
        self._remaining = head.block.content_length or 0
        self._expects_continue = head.block.expects_continue and head.minor_version == 1
        self._queue: list[bytes] = []
        self._queued_bytes = 0
        self._news = asyncio.Event()
        self._want = want
        self._proceed = proceed
        self.received_bytes = 0
        self.is_complete = False
        self.is_truncated = False
        self.status = 400

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected."""
        return self.is_complete or self.is_truncated

    def feed(self, data: bytes) -> bytes:
        """Take in bytes from the socket; returns those that belong to the next request.

        Raises:
            ChunkError: The body is not framed as it should be.
        """
        rest = self._feed_chunked(data, self._decoder) if self._decoder else self._feed_sized(data)
        self._queued_bytes += len(data) - len(rest)  # as they came: small chunks take time
        if self.received_bytes > self._limit_bytes:
            self.is_complete = False
            self.truncate(413)
            return b""
        if self._queued_bytes > _MAX_QUEUED_BYTES:
            self._want(False)
        self._news.set()
        return rest

    def truncate(self, status: int = 400) -> None:
        """Say that the rest will never come, and what to answer."""
        self.is_truncated = True
        self.status = status
        self._news.set()

    async def gather(self) -> None:
        """Wait until a body is there or will never be, if it is known to be a small one."""
        if not self._remaining or self.received_bytes + self._remaining > _MAX_QUEUED_BYTES:
            return
        self._begin()
        while not self.is_over:
            self._news.clear()
            await self._news.wait()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives.

        Raises:
            BodyTruncated: The viewer left before its end, was too slow, or framed it wrongly; or
                it is too long.
        """
        self._begin()
        while True:
            while self._queued_bytes:
                pieces, self._queue, self._queued_bytes = self._queue, [], 0
                self._want(True)
                for piece in pieces:
                    yield piece
            if self.is_truncated:
                raise BodyTruncated("the request's body was cut short")
            if self.is_complete:
                return
            self._news.clear()
            await self._news.wait()

    def _begin(self) -> None:
        """Have the viewer send the body, if it waits to be told."""
        if self._expects_continue and not self.is_complete:
            self._expects_continue = False
            self._proceed()

    def _feed_sized(self, data: bytes) -> bytes:
        self._push(data[: self._remaining])
        rest = data[self._remaining :]
        self._remaining = max(0, self._remaining - len(data))
        self.is_complete = self._remaining == 0
        return rest

    def _feed_chunked(self, data: bytes, decoder: ChunkedDecoder) -> bytes:
        self._push(decoder.feed(data))
        self.is_complete = decoder.is_complete
        return decoder.rest

    def _push(self, piece: bytes) -> None:
        if piece:
            self._queue.append(piece)
            self.received_bytes += len(piece)
