"""A client that sends exactly the bytes a test wants and reads answers one by one."""

import asyncio
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self

DEADLINE_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """One answer. `is_whole` is False when the connection ended before the body did."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_whole: bool = True

    @property
    def cache_status(self) -> str:
        return self.headers.get("cache-status", "")


class RawClient:
    def __init__(
        self, port: int, *, tls: ssl.SSLContext | None = None, name: str = "", source: str = ""
    ) -> None:
        self._port = port
        self._tls = tls
        self._name = name
        self._source = (source, 0) if source else None

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1",
            self._port,
            ssl=self._tls,
            server_hostname=self._name or None,
            local_addr=self._source,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.transport.abort()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def ask(self, target: str, *fields: str, method: str = "GET") -> None:
        lines = [f"{method} {target} HTTP/1.1", "Host: edge", *fields, "", ""]
        self.send("\r\n".join(lines).encode("latin-1"))

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = text[:-4].split("\r\n")
        pairs = (field.partition(":") for field in fields)
        return int(line.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def some(self, size: int) -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.reader.readexactly(size)

    async def at_most(self, most: int) -> bytes:
        """What there is; empty when the connection has ended."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                return await self.reader.read(most)
            except ConnectionError:
                return b""

    async def reply(self, *, method: str = "GET") -> Reply:
        status, headers = await self.head()
        if method == "HEAD" or status in (204, 304) or status < 200:
            return Reply(status, headers, b"")
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return Reply(status, headers, await self._body(headers))
        except asyncio.IncompleteReadError as error:
            return Reply(status, headers, error.partial, is_whole=False)

    async def closed(self) -> bool:
        """Whether the edge ends the connection, with nothing more to read."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            return await self.reader.read()
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body


async def answers(port: int) -> bool:
    """Whether an edge serves `/a`."""
    try:
        async with RawClient(port) as client:
            client.ask("/a")
            return (await client.reply()).status == 200
    except ConnectionError:
        return False
