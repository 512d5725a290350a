"""A scripted origin: it counts requests and sends what a test says, when the test says."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

CLOSE = None


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; `port` is the other end of its connection."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    port: int = 0


@dataclass
class Script:
    """One answer.

    `pieces` are sent in order; an event among them is waited for; None closes the connection.
    `length` is the declared Content-Length: by default that of all the bytes; -1 is chunked.
    `before` is waited for before the head is sent.
    """

    pieces: list[bytes | asyncio.Event | None] = field(default_factory=lambda: [b"body"])
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "max-age=60"})
    status: int = 200
    length: int | None = None
    before: asyncio.Event | None = None

    @property
    def total(self) -> int:
        return sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))


Handler = Callable[[Seen], Awaitable[Script] | Script]


class CountingOrigin:
    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.scripts: dict[str, Script | Handler] = {}
        self.purges: list[str | dict[str, object]] = []  # paths, or items of the log
        self.purge_reads = 0
        self.log_opened: asyncio.Event | None = None  # what reading the log waits for
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Condition()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, target: str) -> int:
        return sum(seen.target == target for seen in self.seen)

    async def arrived(self, target: str, times: int = 1) -> None:
        """Return when a target was asked for so many times."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: self.count(target) >= times)

    async def open(self, port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def _purge_log(self, after: int) -> Script:
        self.purge_reads += 1
        log = [
            {"id": number, **({"path": one} if isinstance(one, str) else one)}
            for number, one in enumerate(self.purges, start=1)
        ]
        answer = {"items": log[after:], "oldest": min(1, len(log)), "newest": len(log)}
        return Script([json.dumps(answer).encode()], {"Content-Type": "application/json"})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        port = writer.get_extra_info("peername")[1]
        seen = replace(await read_request(reader), port=port)
        if seen.target.startswith("/api/v1/purges?after="):
            if self.log_opened is not None:
                await self.log_opened.wait()
            return await _send(writer, seen, self._purge_log(int(seen.target.partition("=")[2])))
        if seen.target.startswith("/api/"):
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return True
        async with self._arrived:
            self.seen.append(seen)
            self._arrived.notify_all()
        script = self.scripts.get(seen.target, Script(status=404, pieces=[b"no"]))
        if callable(script):
            made = script(seen)
            script = made if isinstance(made, Script) else await made
        if script.before is not None:
            await script.before.wait()
        return await _send(writer, seen, script)


async def read_request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head[:-4].split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
    body = b""
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    return Seen(method, target, headers, body)


async def _send(writer: asyncio.StreamWriter, seen: Seen, script: Script) -> bool:
    length = script.total if script.length is None else script.length
    is_chunked = length < 0
    lines = [f"HTTP/1.1 {script.status} Scripted"]
    lines += [f"{name}: {value}" for name, value in script.headers.items()]
    if script.status not in (204, 304):
        lines.append("Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {length}")
    writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode())
    if seen.method == "HEAD" or script.status in (204, 304):
        return True
    for piece in script.pieces:
        if isinstance(piece, asyncio.Event):
            await writer.drain()
            await piece.wait()
        elif piece is CLOSE:
            return False
        else:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
    if is_chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True
