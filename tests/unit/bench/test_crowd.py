"""The crowd measures what a client sees, on real sockets."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from bench.crowd import crowd

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
PAUSE_SECONDS = 0.1


class InParts(BaseRequestHandler):
    """Sends the head in two parts and the body in two more."""

    parts: tuple[bytes, ...] = (HEAD[:20], HEAD[20:], b"12345", b"67890")

    def handle(self) -> None:
        self.request.recv(65536)
        for part in self.parts:
            self.request.sendall(part)
            time.sleep(PAUSE_SECONDS)


class CutShort(InParts):
    parts = (HEAD + b"123",)


@contextmanager
def listening(handler: type[BaseRequestHandler]) -> Iterator[int]:
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


async def test_first_byte_is_the_bodys_and_the_total_its_last() -> None:
    with listening(InParts) as port:
        found = await crowd("127.0.0.1", port, "/x", clients=3, size_bytes=10)
    assert len(found.clients) == 3
    for client in found.clients:
        assert client.first_byte_seconds >= 2 * PAUSE_SECONDS * 0.9
        assert client.total_seconds >= client.first_byte_seconds + PAUSE_SECONDS * 0.9
    assert found.total_seconds >= max(client.total_seconds for client in found.clients)


async def test_an_object_cut_short_is_no_result(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        listening(CutShort) as port,
        pytest.raises(RuntimeError, match="2 clients did not get /x"),
    ):
        await crowd("127.0.0.1", port, "/x", clients=2, size_bytes=10)
    assert "3 of 10 bytes" in capfd.readouterr().err
