"""An origin of objects of any size, whose bytes follow from their place."""

import asyncio
import random
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field

from tests.integration.edge.counting_origin import Seen, read_request

_PERIOD = 1_048_573  # prime: no two slices are alike
_PIECE_BYTES = 64 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class LargeObject:
    """One object and how it is served.

    Attributes:
        size: Its length in bytes.
        version: Names it in its entity tag, and its bytes.
        headers: What else its head says; a value "" leaves a field out.
        has_ranges: Whether `Range` is honoured.
        honours_if_range: Whether `If-Range` is.
        cut_at: The next answer that would send this byte ends before it.
        ends_early: The next range is sent in chunks, with its last byte missing.
        gates: What the head of a range waits for, by the range's first byte.
    """

    size: int
    version: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    has_ranges: bool = True
    honours_if_range: bool = True
    cut_at: int | None = None
    ends_early: bool = False
    gates: dict[int, asyncio.Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._patterns: dict[int, bytes] = {}

    @property
    def etag(self) -> str:
        return f'"v{self.version}"'

    def bytes(self, start: int, stop: int) -> bytes:
        pattern = self._patterns.get(self.version)
        if pattern is None:
            pattern = self._patterns[self.version] = random.Random(self.version).randbytes(_PERIOD)
        first = start % _PERIOD
        repeated = pattern * ((first + stop - start) // _PERIOD + 1)
        return repeated[first : first + stop - start]

    def head(self, status: int, length: int) -> dict[str, str]:
        standard = {
            "ETag": self.etag,
            "Accept-Ranges": "bytes" if self.has_ranges else "",
            "Cache-Control": "max-age=60",
            "Content-Type": "video/mp4",
            "Content-Length": str(length),
        }
        return {name: value for name, value in {**standard, **self.headers}.items() if value}


class LargeOrigin:
    def __init__(self) -> None:
        self.objects: dict[str, LargeObject] = {}
        self.seen: list[Seen] = []
        self.sent_bytes = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def ranges(self) -> list[str]:
        return [seen.headers["range"] for seen in self.seen if "range" in seen.headers]

    async def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        self._server = await asyncio.start_server(self._serve, sock=listener)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._is_open = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writer.transport.set_write_buffer_limits(high=_PIECE_BYTES)
        try:
            while self._is_open and await self._answer(await read_request(reader), writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        found = self.objects.get(seen.target)
        if found is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return True
        self.seen.append(seen)
        if seen.method == "DELETE" or seen.headers.get("if-none-match") == found.etag:
            result = "204 No Content" if seen.method == "DELETE" else "304 Not Modified"
            head = f"HTTP/1.1 {result}\r\nETag: {found.etag}\r\nCache-Control: max-age=60\r\n\r\n"
            writer.write(head.encode())
            return True
        start, stop = _selected(seen, found)
        if start in found.gates:
            await found.gates[start].wait()
        if start is not None and found.ends_early:
            found.ends_early = False
            writer.write(_in_one_chunk(found, start, stop))
            return True
        status = 200 if start is None else 206
        headers = found.head(status, stop - (start or 0))
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
        lines = [f"HTTP/1.1 {status} Large", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        return seen.method == "HEAD" or await self._send(writer, found, start or 0, stop)

    async def _send(
        self, writer: asyncio.StreamWriter, found: LargeObject, start: int, stop: int
    ) -> bool:
        for place in range(start, stop, _PIECE_BYTES):
            end = min(place + _PIECE_BYTES, stop)
            if found.cut_at is not None and place <= found.cut_at < end:
                found.cut_at = None
                return False
            writer.write(found.bytes(place, end))
            self.sent_bytes += end - place
            await writer.drain()
        return True


def _in_one_chunk(found: LargeObject, start: int, stop: int) -> bytes:
    """An answer that is whole as a message, but lacks a byte of its range."""
    headers = found.head(206, 0) | {"Content-Range": f"bytes {start}-{stop - 1}/{found.size}"}
    del headers["Content-Length"]
    lines = ["HTTP/1.1 206 Large", "Transfer-Encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "".join(f"{line}\r\n" for line in (*lines, ""))
    body = found.bytes(start, stop - 1)
    return head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def _selected(seen: Seen, found: LargeObject) -> tuple[int | None, int]:
    """The range to send; from None: the whole."""
    wanted = _RANGE.fullmatch(seen.headers.get("range", ""))
    if_range = seen.headers.get("if-range", found.etag)
    is_current = if_range in (found.etag, found.headers.get("Last-Modified"))
    if wanted is None or not found.has_ranges or not (is_current or not found.honours_if_range):
        return None, found.size
    return int(wanted[1]), min(int(wanted[2]) + 1, found.size)
