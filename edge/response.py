"""Writing one response that does not take the hot path: framing and backpressure."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Protocol

from edge.core.cross_origin import for_sites
from edge.core.fields import Fields
from edge.core.head import RequestHead
from edge.growing import Reader
from streamer.core.byte_range import Span

_BODILESS = frozenset({204, 304})


class Wire(Protocol):
    """The connection, as far as a response needs it."""

    def send(self, data: bytes) -> None:
        """Hand bytes to the kernel or the transport's buffer."""
        ...

    @property
    def is_blocked(self) -> bool:
        """Whether the viewer has not yet taken enough of what was sent."""
        ...

    @property
    def untaken_bytes(self) -> int:
        """What the viewer has not taken of what was sent, when that was last looked at."""
        ...

    async def writable(self) -> None:
        """Return when the viewer has taken enough of what was sent."""
        ...


class Response:
    """One response to one request.

    Attributes:
        status: What was sent; 0 before the head.
        fields: The end-to-end fields sent, without Content-Length.
        content_length: What the head says of the body's length.
        head_bytes: The size of the head.
        first_byte_at: When the head was sent, on the loop's clock.
        is_complete: Whether the whole response was written.
        closes: Whether the connection must end after it.
        own: The fields that this viewer alone may have.
        allow_origins: The sites whose pages may read it with their cookies.
        result: How it counts (`edge.metrics.Result`), as far as that is decided.
    """

    def __init__(self, wire: Wire, request: RequestHead, *, closes: bool) -> None:
        self._wire = wire
        self._request = request
        self._is_chunked = False
        self._sends_content = True
        self._handed_bytes = 0
        self.status = 0
        self.fields = Fields()
        self.content_length: int | None = None
        self.head_bytes = 0
        self.first_byte_at: float | None = None
        self.is_complete = False
        self.closes = closes or not request.keeps_alive
        self.own = Fields()
        self.allow_origins: Collection[str] = ()
        self.result = "error"

    @property
    def sent_bytes(self) -> int:
        """Body bytes sent. What still waits here when the viewer leaves was not."""
        untaken_bytes = 0 if self.is_complete else self._wire.untaken_bytes
        return max(0, self._handed_bytes - untaken_bytes)

    def start(self, status: int, reason: str, fields: Fields, length: int | None) -> None:
        """Send the head.

        Args:
            status: The status code.
            reason: The reason phrase.
            fields: End-to-end fields without Content-Length.
            length: How many body bytes will follow; None: not known.
        """
        framing = self._framing(status, length)
        fields = fields.plus(*self.own.items)
        if self.allow_origins:
            fields = for_sites(fields, self._request.fields, self.allow_origins)
        lines = [f"HTTP/1.1 {status} {reason}"]
        lines += [f"{name}: {value}" for name, value in (*fields.items, *framing)]
        self.status, self.fields, self.content_length = status, fields, length
        self.first_byte_at = asyncio.get_running_loop().time()
        self._sends_content = self._request.method != "HEAD" and status not in _BODILESS
        head = "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")
        self.head_bytes = len(head)
        self._wire.send(head)

    @property
    def is_blocked(self) -> bool:
        """Whether the viewer has not yet taken enough of what was sent."""
        return self._wire.is_blocked

    async def writable(self) -> None:
        """Return when the viewer has taken enough of what was sent."""
        await self._wire.writable()

    def push(self, piece: bytes) -> None:
        """Send body bytes at once."""
        if not piece or not self._sends_content:
            return
        self._handed_bytes += len(piece)
        if self._is_chunked:
            self._wire.send(b"%x\r\n" % len(piece))
            self._wire.send(piece)
            self._wire.send(b"\r\n")
        else:
            self._wire.send(piece)

    async def write(self, piece: bytes) -> None:
        """Send body bytes; waits while the viewer is slow."""
        self.push(piece)
        await self._wire.writable()

    async def write_all(self, pieces: AsyncIterator[bytes]) -> None:
        """Send a body as it arrives, then end it."""
        if self._sends_content:
            async for piece in pieces:
                await self.write(piece)
        self.finish()

    async def follow(self, reader: Reader, span: Span | None) -> None:
        """Send what a body holds of a span, or all of it, while it grows; then end the response.

        Raises:
            BodyTruncated: The rest will never come.
        """
        if self._sends_content and span is None:
            await reader.feed(self)
        elif self._sends_content and span is not None:
            await reader.feed(self, span.start, span.stop)
        self.finish()

    async def write_whole(self, body: bytes) -> None:
        """Send a body that is there, then end it."""
        await self.write(body)
        self.finish()

    def finish(self) -> None:
        """Say that the body has ended; it is whole if it is as long as was said."""
        if self._is_chunked and self._sends_content:
            self._wire.send(b"0\r\n\r\n")
        is_sized = self._sends_content and self.content_length is not None
        self.is_complete = not is_sized or self._handed_bytes == self.content_length

    def _framing(self, status: int, length: int | None) -> list[tuple[str, str]]:
        """How the viewer can tell where the message ends (RFC 9112 §6.3)."""
        items: list[tuple[str, str]] = []
        if length is not None and status not in _BODILESS:
            items.append(("content-length", str(length)))
        elif length is None and status not in _BODILESS:
            self._is_chunked = self._request.minor_version == 1
            self.closes |= not self._is_chunked
            if self._is_chunked:
                items.append(("transfer-encoding", "chunked"))
        if self.closes:
            items.append(("connection", "close"))
        elif self._request.minor_version == 0:
            items.append(("connection", "keep-alive"))
        return items
