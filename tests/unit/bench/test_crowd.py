"""The crowd measures what a client sees, on real sockets."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from bench.crowd import _Client, crowd

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


class Whole(BaseRequestHandler):
    answer = HEAD + b"1234567890"

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(self.answer)


class CutShort(Whole):
    answer = HEAD + b"123"


@contextmanager
def listening(handler: type[BaseRequestHandler]) -> Iterator[int]:
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


async def test_first_byte_is_the_bodys_and_the_total_its_last() -> None:
    loop = asyncio.get_running_loop()
    theirs, ours = socket.socketpair()
    with theirs:
        _, client = await loop.create_connection(lambda: _Client(loop, 10), sock=ours)
        client.ask(b"GET /x HTTP/1.1\r\n\r\n")
        sent_at = []
        for part, has_arrived in (
            (HEAD[:20], lambda: client._head),
            (HEAD[20:], lambda: client._head is None),
            (b"12345", lambda: client.first_byte_at),
            (b"67890", lambda: client.done_at),
        ):
            sent_at.append(loop.time())
            theirs.sendall(part)
            async with asyncio.timeout(30):
                while not has_arrived():  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        client.close()
    assert client.asked_at <= sent_at[2] <= client.first_byte_at <= sent_at[3] <= client.done_at


async def test_each_client_of_the_crowd_is_told_of() -> None:
    with listening(Whole) as port:
        found = await crowd("127.0.0.1", port, "/x", clients=3, size_bytes=10)
    assert len(found.clients) == 3
    for client in found.clients:
        assert 0 <= client.first_byte_seconds <= client.total_seconds <= found.total_seconds


async def test_an_object_cut_short_is_no_result(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        listening(CutShort) as port,
        pytest.raises(RuntimeError, match="2 clients did not get /x"),
    ):
        await crowd("127.0.0.1", port, "/x", clients=2, size_bytes=10)
    assert "3 of 10 bytes" in capfd.readouterr().err
