"""The client to one upstream: pooled, with a deadline on every wait, failures as values."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import aiohttp
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from edge.core.connection_login import logs_in
from edge.core.fields import Fields, from_pairs
from edge.core.recent import Recent
from edge.errors import BodyTruncated
from streamer.core.cache_status import CacheStatus

_KEEP_ALIVE_SECONDS = 30.0
_TAINTED_IN_A_ROW = 8
_READ_BUFFER_BYTES = 256 * 1024
_MAX_FIELD_BYTES = 32768
_MAX_FIELDS = 512
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_BODILESS = frozenset({204, 304})
_TOLD_SECONDS = 600.0
_TOLD_REASONS = 16

_log = logging.getLogger(__name__)


class FailureKind(StrEnum):
    """How asking failed."""

    CONNECT = "upstream-connect"
    TLS = "upstream-tls"
    """Its certificate is not one to trust, or no TLS could be agreed on."""
    TIMEOUT = "upstream-timeout"
    PROTOCOL = "upstream-protocol"
    """The connection ended before the head of an answer did."""
    MALFORMED = "upstream-malformed"
    """What came is no valid answer."""
    TRUNCATED = "upstream-truncated"
    """The connection ended or fell silent before the body of an answer was whole."""
    BUSY = "upstream-busy"
    """All connections that may be open were in use for too long."""
    OPEN = "upstream-open"
    """Nobody who could be asked has answered lately."""

    @property
    def is_unsent(self) -> bool:
        """Whether nothing could be sent: that has nothing to do with what was asked for."""
        return self in (FailureKind.CONNECT, FailureKind.TLS)


@dataclass(frozen=True, slots=True)
class UpstreamFailure:
    """There is no answer; `is_told`: another worker of this node says so, and has counted it."""

    kind: FailureKind
    is_told: bool = False

    @property
    def status(self) -> int:
        """The status that tells a viewer (RFC 9110 §15.6.3, §15.6.5)."""
        return 504 if self.kind is FailureKind.TIMEOUT else 502


class UpstreamResponse(Protocol):
    """An answer whose body is still to be read. `close` must be called, after or instead."""

    @property
    def status(self) -> int:
        """The status code, 200 or more."""
        ...

    @property
    def reason(self) -> str:
        """The reason phrase, in ASCII."""
        ...

    @property
    def fields(self) -> Fields:
        """The header section as received."""
        ...

    @property
    def content_length(self) -> int | None:
        """How many bytes the body has, where the upstream says so."""
        ...

    @property
    def told(self) -> CacheStatus | None:
        """What another worker of this node did to get it; None: it comes from outside."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether its end has been received, even if not read."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, in bounded pieces.

        Raises:
            BodyTruncated: From the iteration: the connection broke or fell silent before the end.
        """
        ...

    def free_slot(self) -> None:
        """Let others have its turn: it goes to one viewer alone, who may take a long time."""
        ...

    def close(self) -> None:
        """Let the connection go; more than once does no harm."""
        ...


class Source(Protocol):
    """Whatever can be asked for what is not stored."""

    async def ask(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None = None
    ) -> UpstreamResponse | UpstreamFailure:
        """Send a request and wait for the head of its answer. Redirects are answers."""
        ...


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Bounds of one upstream.

    Attributes:
        connect_seconds: The deadline for a connection.
        head_seconds: The deadline for the head of an answer, once connected.
        read_seconds: The deadline for the next piece of a body.
        connections: How many may be open, beside those whose answers go to one viewer alone.
        queue_seconds: The deadline for one of them, while all are in use.
    """

    connect_seconds: float
    head_seconds: float
    read_seconds: float
    connections: int
    queue_seconds: float


class Upstream:
    """One upstream.

    Args:
        url: Its URL, without a path.
        limits: Its bounds.
        socket: The Unix socket it listens on; None: what the URL says.
        forwards_host: Whether it gets the Host that a request names.
    """

    def __init__(
        self,
        url: str,
        limits: UpstreamLimits,
        *,
        socket: Path | None = None,
        forwards_host: bool = False,
    ) -> None:
        self._url = url.rstrip("/")
        self._limits = limits
        self._forwards_host = forwards_host
        self._slots = asyncio.Semaphore(limits.connections)
        self._tls_troubles = Recent(_TOLD_SECONDS, _TOLD_REASONS)
        self._session = aiohttp.ClientSession(
            connector=_connector(socket),
            timeout=aiohttp.ClientTimeout(
                total=None, connect=limits.connect_seconds, sock_read=limits.head_seconds
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER_BYTES,
            max_field_size=_MAX_FIELD_BYTES,
            max_line_size=_MAX_FIELD_BYTES,
            max_headers=_MAX_FIELDS,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def ask(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None = None
    ) -> UpstreamResponse | UpstreamFailure:
        """Send a request and wait for the head of its answer. Redirects are answers."""
        if not await self._has_slot():
            return UpstreamFailure(FailureKind.BUSY)
        answer: UpstreamResponse | UpstreamFailure | None = None
        try:
            answer = await self._ask(method, target, fields, body)
        finally:
            if answer is None or isinstance(answer, UpstreamFailure):
                self._slots.release()
        return answer

    async def _has_slot(self) -> bool:
        """Take one of the connections that may be open."""
        try:
            async with asyncio.timeout(self._limits.queue_seconds):
                await self._slots.acquire()
        except TimeoutError:
            return False
        return True

    async def _ask(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None
    ) -> UpstreamResponse | UpstreamFailure:
        try:
            response = await self._request(method, target, fields, body)
        except TimeoutError:
            return UpstreamFailure(FailureKind.TIMEOUT)
        except aiohttp.ClientSSLError as error:
            self._note_tls(_reason(error))
            return UpstreamFailure(FailureKind.TLS)
        except aiohttp.ClientConnectorError:
            return UpstreamFailure(FailureKind.CONNECT)
        except aiohttp.ClientResponseError:
            return UpstreamFailure(FailureKind.MALFORMED)
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
            return UpstreamFailure(FailureKind.PROTOCOL)
        # 101: nobody asked for another protocol
        if response.status < 200 or not _is_readable(response):
            response.close()
            return UpstreamFailure(FailureKind.MALFORMED)
        if response.connection is not None and response.connection.protocol is not None:
            response.connection.protocol.read_timeout = None
        return _Answer(response, self._limits.read_seconds, self._slots.release)

    def _note_tls(self, trouble: str) -> None:
        """Say what is wrong with its TLS, each reason once in a while."""
        now = asyncio.get_running_loop().time()
        if not self._tls_troubles.has(trouble.encode(), now):
            self._tls_troubles.add(trouble.encode(), now)
            _log.warning("no TLS with %s: %s", self._url, trouble)

    async def _request(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None
    ) -> aiohttp.ClientResponse:
        fields = fields if self._forwards_host else fields.without({"host"})
        names = {name.title() for name, _ in fields.items}
        return await self._session.request(
            method,
            URL(self._url + target, encoded=True),
            headers=CIMultiDict(fields.items),
            skip_auto_headers=[name for name in _AUTOMATIC if name not in names],
            data=body,
            allow_redirects=False,
        )


def _reason(error: aiohttp.ClientSSLError) -> str:
    """What OpenSSL says."""
    cause = error.__cause__
    return cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else str(cause)


def _is_readable(response: aiohttp.ClientResponse) -> bool:
    """Whether a body is as its head says, without a transfer coding to undo (RFC 9112 §7)."""
    codings = response.headers.getall("Transfer-Encoding", ["chunked"])
    return [coding.strip(" \t").lower() for coding in codings] == ["chunked"]


class _Answer:
    """An answer as aiohttp received it; `release_slot` is called once."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        read_seconds: float,
        release_slot: Callable[[], None],
    ) -> None:
        self._response = response
        self._read_seconds = read_seconds
        self._release_slot = release_slot
        self._has_slot = True
        self._is_closed = False
        self.told: CacheStatus | None = None
        self.status = response.status
        self.reason = (response.reason or "").encode("ascii", "replace").decode("ascii")
        self.fields: Fields = from_pairs(response.raw_headers)

    @property
    def content_length(self) -> int | None:
        if self.status in _BODILESS:
            return 0
        if "Transfer-Encoding" in self._response.headers:
            return None  # RFC 9112 §6.3
        length = self._response.headers.get("Content-Length", "")
        return int(length) if length.isascii() and length.isdigit() else None

    @property
    def is_whole(self) -> bool:
        return self._response.content.is_eof()

    async def pieces(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while True:
                # A chunk of an invalid size ends aiohttp's own watch, but not the body.
                async with asyncio.timeout(self._read_seconds):
                    piece = await content.readany()
                if not piece:
                    return
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BodyTruncated("the upstream's answer was cut short") from error

    def free_slot(self) -> None:
        if self._has_slot:
            self._has_slot = False
            self._release_slot()

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()
        self.free_slot()


class _Untainted(aiohttp.BaseConnector):
    """A pool that gives out no connection that an earlier request left its mark on.

    What came on it that nobody had asked for would be taken for the answer to the next request,
    and stored (RFC 9112 §9.2). Where somebody is logged in, the next would be that person.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        for _ in range(_TAINTED_IN_A_ROW):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is not None and not connection.protocol.should_close:
                if logs_in(req.headers.get("Authorization", "")):
                    connection.protocol.force_close()
                return connection
            connection.close()
        raise aiohttp.ServerDisconnectedError


class _TcpPool(_Untainted, aiohttp.TCPConnector):
    """Connections to a host."""


class _UnixPool(_Untainted, aiohttp.UnixConnector):
    """Connections to a socket of this machine."""


def _connector(socket: Path | None) -> aiohttp.BaseConnector:
    """A pool without a bound of its own: the slots bound it, and waiting for one has an end."""
    if socket is not None:
        return _UnixPool(str(socket), limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
    return _TcpPool(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS, ttl_dns_cache=30)
