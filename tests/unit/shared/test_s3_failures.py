"""What a server of the S3 API may answer, and what it means to the rest of the program."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streamer.core.errors import Conflict, NotFound, StorageFull, StreamerError, Unavailable
from streamer.shared.object_store import ObjectStore
from streamer.shared.stores import open_store

ETAG = 'ETag: "x"\r\nLast-Modified: Sun, 01 Mar 2026 12:00:00 GMT\r\n'


class Server:
    """Answers every request with `answer`; nothing at all while it is None."""

    def __init__(self) -> None:
        self.answer: bytes | None = b""
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                if self.answer is not None:
                    writer.write(self.answer)
                    writer.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answer = (head + body).encode()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield server
    listener.close()


@pytest.fixture
async def store(server: Server) -> AsyncIterator[ObjectStore]:
    store = open_store("s3://bucket", s3_addressing_style="path")
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "NoSuchKey", NotFound),
        (404, "NoSuchBucket", Unavailable),
        (403, "AccessDenied", Unavailable),
        (403, "QuotaExceeded", StorageFull),
        (409, "ConditionalRequestConflict", Conflict),
        (409, "OperationAborted", Unavailable),
        (412, "PreconditionFailed", Conflict),
        (412, "Whatever", Conflict),
        (507, "XMinioStorageFull", StorageFull),
        (507, "Whatever", StorageFull),
    ],
)
async def test_refusals_have_a_meaning(
    server: Server, store: ObjectStore, status: int, code: str, expected: type[StreamerError]
) -> None:
    server.refuse(status, code)
    with pytest.raises(StreamerError) as caught:
        await store.put("key", b"x")
    assert type(caught.value) is expected


async def test_a_busy_server_is_asked_again(server: Server, store: ObjectStore) -> None:
    server.refuse(503, "SlowDown")
    with pytest.raises(Unavailable, match="SlowDown"):
        await consume(store)
    assert server.requests == 3


async def test_a_refusal_is_not_quoted(server: Server, store: ObjectStore) -> None:
    server.refuse(400, "&lt;script&gt;\r\nforged: yes")
    with pytest.raises(Unavailable) as caught:
        await store.put("key", b"x")
    assert caught.value.detail == "the object store refused the request: 400"


@pytest.mark.parametrize(
    "answer",
    [
        "HTTP/1.1 206 X\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n12345",
        "HTTP/1.1 206 X\r\nContent-Range: bytes 0-4/*\r\nContent-Length: 5\r\n\r\n12345",
    ],
    ids=["cut short", "without the range", "of unknown size"],
)
async def test_a_wrong_body_is_never_taken_for_the_object(
    server: Server, store: ObjectStore, answer: str
) -> None:
    server.answer = answer.replace("\r\n", f"\r\nConnection: close\r\n{ETAG}", 1).encode()
    with pytest.raises(Unavailable):
        await consume(store)


async def consume(store: ObjectStore) -> None:
    async with store.get("key") as body:
        async for _ in body.chunks:
            pass


async def test_a_silent_server_does_not_hold_up_a_check(server: Server, store: ObjectStore) -> None:
    server.answer = None
    async with asyncio.timeout(20):
        with pytest.raises(Unavailable):
            await store.check()
    assert server.requests == 1


async def test_a_missing_bucket_fails_a_check(server: Server, store: ObjectStore) -> None:
    server.answer = b"HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(Unavailable, match="bucket"):
        await store.check()
