"""The HTTP/1.1 server side of the edge: parse, answer hits in place, hand everything else over.

A hit is answered inside `data_received`: no task, no header dictionary, no log call. A player sends
the same header block with every request, so the last strictly parsed block is remembered: while
what follows the target is equal to it, only the target is looked at.

Requests of one connection are answered in order: while one is being handled by a task, what the
viewer sends is kept, bounded, and read afterwards.
"""

import asyncio
import logging
import time
from functools import lru_cache
from typing import cast

from edge.access_log import Hit
from edge.core.access import Access, Ending, Peer, refused
from edge.core.addresses import is_within
from edge.core.chunked import ChunkError
from edge.core.eviction import MAX_USES
from edge.core.fields import Fields
from edge.core.forward import stated_scheme
from edge.core.head import FieldBlock, Refusal, read_block, read_head
from edge.entry import Entry
from edge.request import IncomingBody, Request
from edge.response import Response
from edge.site import Site
from streamer.core.head_bounds import MAX_HEAD_BYTES, MAX_TARGET_BYTES

_MAX_PIPELINED_BYTES = 64 * 1024
_LONGEST_METHOD_AND_VERSION = 64
_LINGER_SECONDS = 2.0
_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    417: "Expectation Failed",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}

# A crowd's players send equal blocks.
_REMEMBERED_BLOCK_BYTES = 2048
_read_known_block = lru_cache(maxsize=1024)(read_block)

_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """One viewer's connection.

    Attributes:
        deadline: When `expire` is due, on the site's clock.
        untaken_bytes: What a slow viewer has not taken of what was sent, when that was last looked
            at: after a reset, the transport does not know it any more.
    """

    __slots__ = (
        "_block",
        "_block_bytes",
        "_body",
        "_buffer",
        "_codings",
        "_holds_hit",
        "_is_blocked",
        "_is_draining",
        "_is_lingering",
        "_is_reading",
        "_peer",
        "_received_bytes",
        "_scope",
        "_site",
        "_slow_hit",
        "_tail",
        "_task",
        "_transport",
        "_unsent_bytes",
        "_writable",
        "deadline",
        "untaken_bytes",
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._transport: asyncio.Transport
        self._peer: Peer
        self._buffer = b""
        self._block_bytes = b""
        self._block: FieldBlock | None = None
        self._tail = b"\0"  # ends no request
        self._codings = ""
        self._scope = b""
        self._task: asyncio.Task[None] | None = None
        self._body: IncomingBody | None = None
        self._is_blocked = False
        self._is_reading = True
        self._is_lingering = False
        self._is_draining = False
        self._unsent_bytes = 0
        self._received_bytes = 0
        self._writable: asyncio.Event | None = None
        self._holds_hit = False
        self._slow_hit: Hit | None = None
        self.untaken_bytes = 0
        self.deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it when there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        self._peer = _peer_of(transport)
        site = self._site
        refusal = site.connections.add(self, self._peer.address)
        if refusal is not None:
            self._refuse(refusal)
            self._transport.close()
            return
        self.deadline = site.clock.now + site.timeouts.head

    def secured(self) -> None:
        """The TLS handshake is done."""
        self._peer = _peer_of(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Stop what was being done for the viewer."""
        self._site.connections.remove(self, self._peer.address)
        self._buffer = b""
        self._is_lingering = True
        self._is_blocked = False
        if error is None:
            self._count_untaken(self._transport.get_write_buffer_size())
        if self._holds_hit:
            self._end_slow_hit()
        self._wake()
        if self._body is not None:
            self._body.truncate()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """The viewer is slower than we are."""
        self._is_blocked = True
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._holds_hit = self._task is None
        self._count_untaken(self._unsent_bytes)
        self.deadline = self._site.clock.now + self._site.timeouts.write

    def resume_writing(self) -> None:
        """The viewer has caught up."""
        self._is_blocked = False
        self._count_untaken(0)
        if self._holds_hit:
            self._end_slow_hit()
        self._wake()
        self.deadline = float("inf")
        if self._body is not None and not self._body.is_complete:
            self._expect_body()
        if self._task is None and not self._is_lingering:
            self._consume(self._buffer)

    def data_received(self, data: bytes) -> None:
        """Answer a hit in place, or take in what was sent."""
        tail = self._tail
        is_busy = self._task is not None or self._buffer or self._is_blocked or self._is_lingering
        if data.endswith(tail) and data.startswith(b"GET ") and not is_busy:
            target = data[4 : -len(tail)]
            entry = self._find_hit(target)
            if entry is not None:
                self._send_hit(entry, target)
                return
        self._receive(data)

    def eof_received(self) -> bool:
        """The viewer has gone: one that only half-closes cannot be told from it."""
        self.note_untaken()
        if self._task is not None:
            self._task.cancel()
        return False

    def note_untaken(self) -> None:
        """Look at how much a slow viewer has not taken yet."""
        if self._is_blocked and not self._transport.is_closing():
            self._count_untaken(self._transport.get_write_buffer_size())

    def _count_untaken(self, untaken_bytes: int) -> None:
        """Take note of it. The bytes of a hit answered in place count when they are taken."""
        if self._holds_hit:
            self._site.metrics.hit_bytes += self.untaken_bytes - untaken_bytes
        self.untaken_bytes = untaken_bytes

    def _end_slow_hit(self) -> None:
        """The viewer has taken a hit that it did not take at once, or has left."""
        hit, self._slow_hit, self._holds_hit = self._slow_hit, None, False
        site, ending = self._site, Ending.VIEWER_LEFT if self.untaken_bytes else Ending.WHOLE
        site.metrics.viewers_left += ending is Ending.VIEWER_LEFT
        if hit is not None and site.access_log is not None:
            site.access_log.add_slow_hit(hit, site.clock.now, self.untaken_bytes, ending)

    def send(self, data: bytes) -> None:
        """Send bytes of a response; to a viewer that is gone, nothing."""
        if not self._transport.is_closing():
            self._transport.write(data)

    @property
    def is_blocked(self) -> bool:
        """Whether the viewer has not yet taken enough of what was sent."""
        return self._is_blocked

    async def writable(self) -> None:
        """Return when the viewer has taken enough; a viewer that is gone does not hold us up."""
        if self._is_blocked:
            self._writable = self._writable or asyncio.Event()
            await self._writable.wait()

    def _wake(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def expire(self) -> None:
        """End a connection whose deadline has passed, unless the viewer keeps up the least pace."""
        if self._is_blocked and self._takes_enough():
            return
        body = self._body
        if self._is_blocked or self._transport.is_closing():
            self._drop()
        elif body is not None and not body.is_over:
            if not self._gives_enough(body):
                self._site.metrics.counters.viewers_too_slow += 1
                body.truncate(408)
                self.deadline = self._site.clock.now + _LINGER_SECONDS
        elif self._task is not None:
            self._drop()
        elif self._buffer:
            self._site.metrics.counters.viewers_too_slow += 1
            self._refuse(Refusal(408, "the request's head took too long"))
        else:
            self._transport.close()

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def drain(self) -> None:
        """End the connection after the response in progress, if there is one."""
        self._is_draining = True
        if self._task is None and not self._is_blocked:
            self._transport.close()

    def _drop(self) -> None:
        self._site.metrics.counters.viewers_too_slow += 1
        self._transport.abort()

    def _takes_enough(self) -> bool:
        """Whether the viewer took what it must since this was last asked; it gets as long again."""
        site = self._site
        before, self._unsent_bytes = self._unsent_bytes, self._transport.get_write_buffer_size()
        self.deadline = site.clock.now + site.timeouts.write
        least_bytes = site.bounds.write_bytes_per_second * site.timeouts.write
        return before - self._unsent_bytes > least_bytes

    def _gives_enough(self, body: IncomingBody) -> bool:
        """The same of a request's body; while we do not read, the viewer is not to blame."""
        site = self._site
        received_bytes = body.received_bytes - self._received_bytes
        self._expect_body()
        least_bytes = site.bounds.read_bytes_per_second * site.timeouts.body
        return received_bytes > least_bytes or not self._is_reading

    def _expect_body(self) -> None:
        """Give the viewer time for the next part of its request's body."""
        self._received_bytes = 0 if self._body is None else self._body.received_bytes
        self.deadline = self._site.clock.now + self._site.timeouts.body

    def _scheme(self, fields: Fields) -> str:
        """How the viewer came: to this node, or to a proxy that is trusted to say so."""
        is_told = is_within(self._peer.address, self._site.trusted_proxies)
        own = "http" if self._peer.tls_version is None else "https"
        return (stated_scheme(fields) if is_told else None) or own

    def _find_hit(self, target: bytes) -> Entry | None:
        """The entry that answers a plain GET in place; keys hold nothing a target may not."""
        variants = self._site.entries.get(target + self._scope)
        if variants is None:
            return None
        now = time.time()  # by the site's clock, which is late, what is stale would be fresh
        for entry in variants:
            if now < entry.hot_until and (entry.codings is None or entry.codings == self._codings):
                return entry
        return None

    def _send_hit(self, entry: Entry, target: bytes) -> None:
        site, body = self._site, entry.body or b""
        now = site.clock.now
        self.deadline = now + site.timeouts.idle
        head = entry.hit_head(site.clock)
        self._transport.writelines((head, body))
        slot = entry.slot
        if slot is not None and slot.uses < MAX_USES:
            slot.uses += 1
        metrics = site.metrics
        metrics.hits += 1
        metrics.hit_bytes += entry.size_bytes
        if now >= entry.due and self._block is not None:
            site.on_fetch(entry, self._block, self._scheme(self._block.fields))
        if site.access_log is not None:
            hit = (now, self._peer, target, head, entry, self._block)
            if self._is_blocked:
                self._slow_hit = hit
            else:
                site.access_log.add_hit(hit)

    def _receive(self, data: bytes) -> None:
        """Take in what is no plain hit, or comes before its turn."""
        if self._is_lingering:
            return
        if self._body is not None and not self._body.is_complete:
            data = self._feed_body(self._body, data)
        if self._buffer:
            data = self._buffer + data
        if self._task is None and not self._is_blocked:
            self._consume(data)
            return
        self._buffer = data
        if len(data) > _MAX_PIPELINED_BYTES:
            self._want(False)

    def _consume(self, data: bytes) -> None:
        """Begin with the first request in `data`; what is left of it is kept."""
        position = 0
        while data.startswith(b"\r\n", position):
            position += 2  # empty lines before a request line (RFC 9112 §2.2)
        end = data.find(b"\r\n\r\n", position)
        if end >= 0:
            line_end = data.find(b"\r\n", position)
            self._begin(data[position:line_end], data[line_end + 2 : end + 2])
            position = end + 4
        self._keep(data[position:], progressed=end >= 0)

    def _keep(self, rest: bytes, *, progressed: bool) -> None:
        """Keep an unfinished head, or what was sent ahead of its turn."""
        if self._body is not None and not self._body.is_complete and rest:
            rest = self._feed_body(self._body, rest)
        was_waiting, self._buffer = bool(self._buffer) and not progressed, rest
        if self._task is not None or self._is_blocked or self._is_lingering:
            return
        now, timeouts = self._site.clock.now, self._site.timeouts
        if not rest:
            self.deadline = now + timeouts.idle
        elif not was_waiting:
            self.deadline = now + timeouts.head
        refusal = _problem_of_unfinished(rest)
        if refusal is not None:
            self._refuse(refusal)
        elif self._is_draining:
            self._transport.close()

    def _begin(self, line: bytes, block_bytes: bytes) -> None:
        """Start answering a request that is no plain hit."""
        block = self._read_block(line, block_bytes)
        head = block if isinstance(block, Refusal) else read_head(line, block)
        if isinstance(head, Refusal):
            self._refuse(head)
            return
        if head.has_body:
            limit = self._site.bounds.request_body_bytes
            if (head.block.content_length or 0) > limit:
                self._refuse(Refusal(413, "the request's body is too large"))
                return
            self._body = IncomingBody(head, limit, self._want, self._proceed)
        self.deadline = float("inf")
        key = self._site.rules.key(head.block.host, head.target)
        scheme = self._scheme(head.fields)
        request = Request(head, key, self._peer.address, self._body, scheme)
        self._task = asyncio.get_running_loop().create_task(self._answer(request))
        if self._body is not None and not self._body.is_complete:
            self._expect_body()

    def _read_block(self, line: bytes, block_bytes: bytes) -> FieldBlock | Refusal:
        if len(line) + len(block_bytes) > MAX_HEAD_BYTES + MAX_TARGET_BYTES:
            return Refusal(431, "the request's head is too large")
        if self._block is not None and block_bytes == self._block_bytes:
            return self._block
        is_short = len(block_bytes) <= _REMEMBERED_BLOCK_BYTES
        block = (_read_known_block if is_short else read_block)(block_bytes)
        if isinstance(block, FieldBlock) and block.is_plain:
            self._block_bytes, self._block = block_bytes, block
            self._tail = b" HTTP/1.1\r\n" + block_bytes + b"\r\n"
            self._codings = block.codings
            self._scope = self._site.rules.scope(block.host)
        return block

    async def _answer(self, request: Request) -> None:
        """Answer one request, then go on with the next."""
        begun_at = asyncio.get_running_loop().time()
        response = Response(self, request.head, closes=self._is_draining)
        try:
            await self._site.handle(request, response)
        except asyncio.CancelledError:
            if self._transport.is_closing():
                return
            raise
        except Exception:
            _log.exception("a request could not be answered")
        finally:
            self._record(request, response, begun_at)
            self._end(request, response)

    def _end(self, request: Request, response: Response) -> None:
        """Go on with the next request, or end the connection where framing forbids that."""
        self._task = None
        unread = self._body is not None and not self._body.is_complete
        self._body = None
        is_last = response.closes or unread or self._is_draining
        if not response.is_complete:
            # Closing tells a viewer that the body is short, unless closing is how it ends anyway.
            ends_by_closing = request.head.minor_version == 0
            self._transport.abort() if ends_by_closing else self._transport.close()
        elif is_last and (unread or self._buffer):
            self._linger()
        elif is_last:
            self._transport.close()
        elif not self._transport.is_closing():
            self._want(True)
            if not self._is_blocked:
                self._consume(self._buffer)

    def _record(self, request: Request, response: Response, begun_at: float) -> None:
        """Log how a request was answered, and count a viewer that has left meanwhile."""
        ending, log = self._ending(response), self._site.access_log
        self._site.metrics.viewers_left += ending is Ending.VIEWER_LEFT
        if log is None:
            return
        head, seconds = request.head, asyncio.get_running_loop().time() - begun_at
        first_byte_at = response.first_byte_at
        log.add(
            Access(
                at=time.time(),
                peer=self._peer,
                method=head.method,
                target=head.target,
                minor_version=head.minor_version,
                asked=head.fields,
                received_body_bytes=0 if request.body is None else request.body.received_bytes,
                status=response.status,
                answered=response.fields,
                content_length=response.content_length,
                sent_bytes=response.sent_bytes,
                head_bytes=response.head_bytes,
                result=response.result,
                seconds=seconds,
                first_byte_seconds=seconds if first_byte_at is None else first_byte_at - begun_at,
                ending=ending,
            )
        )

    def _ending(self, response: Response) -> Ending:
        if response.is_complete:
            return Ending.WHOLE
        return Ending.VIEWER_LEFT if self._transport.is_closing() else Ending.TRUNCATED

    def _feed_body(self, body: IncomingBody, data: bytes) -> bytes:
        if body.is_truncated:
            return b""
        try:
            rest = body.feed(data)
        except ChunkError:
            body.truncate()
            return b""
        if body.is_complete:
            self.deadline = float("inf")
        return rest

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be understood, and end the connection."""
        self._site.metrics.counters.requests_refused += 1
        text = f"{refusal.reason}\n"
        head = (
            f"HTTP/1.1 {refusal.status} {_PHRASES[refusal.status]}\r\n"
            f"content-type: text/plain\r\ncontent-length: {len(text)}\r\n"
            f"cache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self._transport.write((head + text).encode("ascii"))
        if self._site.access_log is not None:
            sizes = len(head), len(text)
            self._site.access_log.add(refused(time.time(), self._peer, refusal.status, *sizes))
        self._linger()

    def _linger(self) -> None:
        """Close our side; a close with unread input would reset what was just sent."""
        self._is_lingering = True
        self._buffer = b""
        if self._transport.is_closing():
            return
        self._want(True)
        self.deadline = self._site.clock.now + _LINGER_SECONDS
        self._transport.write_eof()

    def _want(self, more: bool) -> None:
        if more is self._is_reading or self._transport.is_closing():
            return
        self._is_reading = more
        self._transport.resume_reading() if more else self._transport.pause_reading()

    def _proceed(self) -> None:
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _peer_of(transport: asyncio.BaseTransport) -> Peer:
    name = transport.get_extra_info("peername")
    address, port = (str(name[0]), int(name[1])) if isinstance(name, tuple) else ("", 0)
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return Peer(address, port)
    cipher = tls.cipher()
    return Peer(address, port, tls.version(), None if cipher is None else cipher[0])


def _problem_of_unfinished(data: bytes) -> Refusal | None:
    """What is wrong already with a head whose end has not come yet."""
    if len(data) > MAX_HEAD_BYTES:
        return Refusal(431, "the request's head is too large")
    has_line = b"\r\n" in data
    if not has_line and len(data) > MAX_TARGET_BYTES + _LONGEST_METHOD_AND_VERSION:
        return Refusal(414, "the target is too long")
    if b"\n\n" in data or (not has_line and b"\n" in data):
        return Refusal(400, "a line ends without CR")
    return None
