"""Many clients that ask for one object at once, as a process of its own: `python -m bench.crowd`.

Raw sockets and one shared receive buffer, so that the clients take as little of the machine as they
can. The times are those at which bytes reached a client; all clients are connected before the first
of them asks.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

_BUFFER = bytearray(256 * 1024)
_DEADLINE_SECONDS = 60.0
_CONNECTING_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Fetched:
    """When one client got the body's first and last byte, in seconds after it asked."""

    first_byte_seconds: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """What all clients got. `total_seconds` is from the first question to the last byte."""

    clients: tuple[Fetched, ...]
    total_seconds: float


async def crowd(host: str, port: int, path: str, *, clients: int, size_bytes: int) -> Crowd:
    """Run the clients in a process of their own.

    Raises:
        RuntimeError: One of them did not get the whole object.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.crowd", host, str(port), path, str(clients)),
        str(size_bytes),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 2 * _DEADLINE_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{clients} clients did not get {path} from port {port}")
    found = json.loads(output)
    return Crowd(tuple(Fetched(**one) for one in found["clients"]), found["total_seconds"])


class _Client(asyncio.BufferedProtocol):
    """One client, one request. `done` is set when the whole body is there."""

    def __init__(self, loop: asyncio.AbstractEventLoop, size_bytes: int) -> None:
        self._loop = loop
        self._size_bytes = size_bytes
        self._transport: asyncio.Transport
        self._head: bytes | None = b""
        self._received_bytes = 0
        self.asked_at = self.first_byte_at = self.done_at = 0.0
        self.done: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> None:
        self.asked_at = self._loop.time()
        self._transport.write(request)

    def get_buffer(self, sizehint: int) -> bytearray:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        body_bytes = nbytes if self._head is None else self._read_head(bytes(_BUFFER[:nbytes]))
        if not body_bytes:
            return
        self._received_bytes += body_bytes
        self.first_byte_at = self.first_byte_at or self._loop.time()
        if self._received_bytes == self._size_bytes:
            self.done_at = self._loop.time()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            got = f"{self._received_bytes} of {self._size_bytes} bytes, head {self._head!r}"
            self.done.set_exception(RuntimeError(got))

    def close(self) -> None:
        self._transport.abort()

    def _read_head(self, data: bytes) -> int:
        """Take in the answer's head; returns how many body bytes follow it in `data`."""
        seen = (self._head or b"") + data
        end = seen.find(b"\r\n\r\n")
        if end < 0:
            self._head = seen
            return 0
        if not seen.startswith(b"HTTP/1.1 200 "):
            self._head = seen[:end]
            self._transport.abort()
            return 0
        self._head = None
        return len(seen) - end - 4


async def _run(host: str, port: int, path: str, clients: int, size_bytes: int) -> Crowd:
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: */*\r\n\r\n".encode()
    crowd: list[_Client] = []
    while len(crowd) < clients:
        some = min(_CONNECTING_AT_ONCE, clients - len(crowd))
        connected = await asyncio.gather(
            *(
                loop.create_connection(lambda: _Client(loop, size_bytes), host, port)
                for _ in range(some)
            )
        )
        crowd += [client for _, client in connected]
    for client in crowd:
        client.ask(request)
    async with asyncio.timeout(_DEADLINE_SECONDS):
        await asyncio.gather(*(client.done for client in crowd))
    begun_at = min(client.asked_at for client in crowd)
    found = Crowd(
        tuple(Fetched(c.first_byte_at - c.asked_at, c.done_at - c.asked_at) for c in crowd),
        max(client.done_at for client in crowd) - begun_at,
    )
    for client in crowd:
        client.close()
    return found


def main() -> None:
    """Run the clients that the command line asks for; print what they got as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.crowd", description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("clients", type=int)
    parser.add_argument("size_bytes", type=int)
    options = parser.parse_args()
    found = uvloop.run(_run(**vars(options)))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
