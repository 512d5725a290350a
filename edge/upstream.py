"""The client to the origin: pooled, with a deadline on every wait, failures as values."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from edge.core.fields import Fields, from_pairs
from edge.errors import BodyTruncated

_CONNECTIONS = 256
_KEEP_ALIVE_SECONDS = 30.0
_READ_BUFFER_BYTES = 256 * 1024
_MAX_FIELD_BYTES = 32768
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_BODILESS = frozenset({204, 304})


class FailureKind(StrEnum):
    """How asking the origin failed."""

    CONNECT = "upstream-connect"
    TIMEOUT = "upstream-timeout"
    PROTOCOL = "upstream-protocol"


@dataclass(frozen=True, slots=True)
class UpstreamFailure:
    """There is no answer."""

    kind: FailureKind

    @property
    def status(self) -> int:
        """The status that tells a viewer (RFC 9110 §15.6.3, §15.6.5)."""
        return 504 if self.kind is FailureKind.TIMEOUT else 502


class UpstreamResponse:
    """An answer whose body is still to be read. `close` must be called, after or instead."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.reason = (response.reason or "").encode("ascii", "replace").decode("ascii")
        self.fields: Fields = from_pairs(response.raw_headers)

    @property
    def content_length(self) -> int | None:
        """How many bytes the body has, where the origin says so."""
        if self.status in _BODILESS:
            return 0
        length = self._response.headers.get("Content-Length", "")
        return int(length) if length.isascii() and length.isdigit() else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, in bounded pieces.

        Raises:
            BodyTruncated: The connection broke or fell silent before the end.
        """
        try:
            while piece := await self._response.content.readany():
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BodyTruncated("the origin's answer was cut short") from error

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class Upstream:
    """One origin.

    Args:
        origin: Its URL, without a path.
        connect_seconds: The deadline for a connection.
        read_seconds: The deadline for the head, and between two pieces of a body.
        socket: The Unix socket it listens on; None: what the URL says.
    """

    def __init__(
        self,
        origin: str,
        *,
        connect_seconds: float,
        read_seconds: float,
        socket: Path | None = None,
    ) -> None:
        self._origin = origin.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=_connector(socket),
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=connect_seconds + read_seconds,
                sock_connect=connect_seconds,
                sock_read=read_seconds,
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER_BYTES,
            max_field_size=_MAX_FIELD_BYTES,
            max_line_size=_MAX_FIELD_BYTES,
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
        names = {name.title() for name, _ in fields.items}
        try:
            response = await self._session.request(
                method,
                URL(self._origin + target, encoded=True),
                headers=CIMultiDict(fields.items),
                skip_auto_headers=[name for name in _AUTOMATIC if name not in names],
                data=body,
                allow_redirects=False,
            )
        except TimeoutError:
            return UpstreamFailure(FailureKind.TIMEOUT)
        except aiohttp.ClientConnectorError:
            return UpstreamFailure(FailureKind.CONNECT)
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
            return UpstreamFailure(FailureKind.PROTOCOL)
        return UpstreamResponse(response)


def _connector(socket: Path | None) -> aiohttp.BaseConnector:
    if socket is not None:
        return aiohttp.UnixConnector(
            str(socket), limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_SECONDS
        )
    return aiohttp.TCPConnector(
        limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_SECONDS, ttl_dns_cache=30
    )
