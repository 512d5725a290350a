"""Origins that break the rules: what viewers get, and that nothing wrong is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.raw_client import Reply

HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"


class WildOrigin:
    """Sends exactly the bytes that a test wants, for each request in turn; the last ones repeat.

    None closes the connection, an event is waited for.
    """

    def __init__(self) -> None:
        self.answers: list[list[bytes | asyncio.Event | None]] = []
        self.requests: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def send(self, *pieces: bytes | asyncio.Event | None) -> None:
        self.answers.append(list(pieces))

    def count(self, target: bytes) -> int:
        return sum(request.split(b" ")[1] == target for request in self.requests)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        self._tasks.discard(task)
        writer.close()

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        if b" /api/" in request.partition(b"\r\n")[0]:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return True
        self.requests.append(request)
        for piece in self.answers[min(len(self.requests), len(self.answers)) - 1]:
            if piece is None:
                return False
            if isinstance(piece, asyncio.Event):
                await piece.wait()
            else:
                writer.write(piece)
                await writer.drain()
        return True


@pytest_asyncio.fixture
async def wild() -> AsyncIterator[WildOrigin]:
    origin = WildOrigin()
    await origin.open()
    yield origin
    await origin.close()


@pytest_asyncio.fixture
async def wild_edge(start_edge: StartEdge, wild: WildOrigin) -> Edge:
    return await start_edge(origin=wild.url)


async def _is_stored(edge: Edge, target: str = "/a") -> bool:
    await edge.until(lambda: len(edge.node.fills) == 0)
    return edge.node.cache.variants(target.encode()) != []


@pytest.mark.parametrize(
    "head",
    [
        b"garbage\r\n\r\n",
        b"\x00\x01\x02\xff\xfe\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        HEAD + b"Content-Length: abc\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody!",
        HEAD + b"Content-Length: 4, 5\r\n\r\nbody!",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        HEAD + b"no colon\r\n\r\n",
        HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=lambda head: repr(head[:24]) + str(len(head)),
)
async def test_head_that_cannot_be_understood_is_502_and_takes_no_other_page_down(
    wild: WildOrigin, start_edge: StartEdge, head: bytes
) -> None:
    edge = await start_edge(origin=wild.url, breaker_failures=1)
    wild.send(head, None)
    wild.send(HEAD + b"Content-Length: 4\r\n\r\ngood")
    reply = await edge.get("/a")
    assert reply.status == 502
    assert "detail=upstream-malformed" in reply.cache_status
    assert not await _is_stored(edge)
    assert (await edge.get("/b")).body == b"good"


@pytest.mark.parametrize("head", [b"", HEAD], ids=["none", "half"])
async def test_head_that_breaks_off_is_502(wild: WildOrigin, wild_edge: Edge, head: bytes) -> None:
    wild.send(head, None)
    reply = await wild_edge.get("/a")
    assert reply.status == 502
    assert "detail=upstream-protocol" in reply.cache_status
    assert not await _is_stored(wild_edge)


@pytest.mark.parametrize(
    "body",
    [
        (b"Content-Length: 10\r\n\r\n12345",),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", b"zz\r\nabc\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345", b"678\r\n0\r\n\r\n"),
    ],
    ids=["short", "no last chunk", "no last line", "invalid size", "longer chunk"],
)
async def test_body_that_breaks_off_is_cut_and_not_kept(
    wild: WildOrigin, start_edge: StartEdge, body: tuple[bytes, ...]
) -> None:
    edge = await start_edge(origin=wild.url, read_timeout_seconds=0.5)
    go_on = asyncio.Event()
    wild.send(HEAD + body[0], go_on, *body[1:], None)
    async with edge.client() as client:
        client.ask("/a")
        status, headers = await client.head()
        assert status == 200
        go_on.set()
        length = headers.get("content-length")
        async with asyncio.timeout(10):
            rest = await client.reader.read(-1)
        assert length == "10" or not rest.endswith(b"0\r\n\r\n")
    assert not await _is_stored(edge)


async def test_bytes_beyond_the_stated_length_reach_nobody(
    wild: WildOrigin, wild_edge: Edge
) -> None:
    wild.send(HEAD + b"Content-Length: 4\r\n\r\nbody" + HEAD + b"Content-Length: 4\r\n\r\nevil")
    wild.send(HEAD + b"Content-Length: 4\r\n\r\ngood")
    assert (await wild_edge.get("/a")).body == b"body"
    assert (await wild_edge.get("/b")).body == b"good"
    assert {(await wild_edge.get(target)).body for target in ("/a", "/b")} == {b"body", b"good"}
    assert len(wild.requests) == 2


async def test_answer_nobody_asked_for_is_not_taken_for_the_next(
    wild: WildOrigin, wild_edge: Edge
) -> None:
    unasked = asyncio.Event()
    wild.send(
        HEAD + b"Content-Length: 4\r\n\r\nbody", unasked, HEAD + b"Content-Length: 4\r\n\r\nevil"
    )
    wild.send(HEAD + b"Content-Length: 4\r\n\r\ngood")
    assert (await wild_edge.get("/a")).body == b"body"
    unasked.set()
    await asyncio.sleep(0.1)  # it has arrived while the connection was idle
    assert (await wild_edge.get("/b")).body == b"good"
    assert "hit" in (await wild_edge.get("/b")).cache_status


async def test_interim_answers_are_not_the_answer(wild: WildOrigin, wild_edge: Edge) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    wild.send(
        b"HTTP/1.1 100 Continue\r\n\r\n" + early + early + HEAD, b"Content-Length: 2\r\n\r\nok"
    )
    reply = await wild_edge.get("/a")
    assert (reply.status, reply.body, "link" in reply.headers) == (200, b"ok", False)
    assert await _is_stored(wild_edge)


async def test_head_whose_answer_has_a_body(wild: WildOrigin, wild_edge: Edge) -> None:
    wild.send(HEAD + b"Content-Length: 4\r\n\r\nbody")
    wild.send(HEAD + b"Content-Length: 5\r\n\r\nother")
    reply = await wild_edge.get("/a", method="HEAD")
    assert reply.status in (200, 502)
    assert (await wild_edge.get("/b")).body == b"other"


@pytest.mark.parametrize("status", [204, 304])
async def test_bodiless_status_with_a_body(wild: WildOrigin, wild_edge: Edge, status: int) -> None:
    wild.send(b"HTTP/1.1 %d Odd\r\nContent-Length: 4\r\n\r\nevil" % status)
    wild.send(HEAD + b"Content-Length: 4\r\n\r\ngood")
    odd = await wild_edge.get("/a")
    assert odd.status in (status, 502)
    assert b"evil" not in odd.body
    assert (await wild_edge.get("/b")).body == b"good"


async def test_answer_of_1_0_ends_with_the_connection(wild: WildOrigin, wild_edge: Edge) -> None:
    wild.send(b"HTTP/1.0 200 OK\r\nCache-Control: max-age=60\r\n\r\nall of it", None)
    replies: list[Reply] = [await wild_edge.get("/a"), await wild_edge.get("/a")]
    assert [reply.body for reply in replies] == [b"all of it"] * 2
    assert wild.count(b"/a") == 1


async def test_chunked_wins_over_content_length(wild: WildOrigin, wild_edge: Edge) -> None:
    """RFC 9112 §6.3: or the answer is refused; either way no viewer waits for bytes to come."""
    wild.send(HEAD + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
    reply = await wild_edge.get("/a")
    assert reply.status == 502 or (reply.body, reply.is_whole) == (b"ok", True)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Cache-Control", b"Cache-Control: no-store\r\n"),
        ("Set-Cookie", b"Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n"),
        ("Vary", b"Cache-Control: max-age=60\r\nVary: *\r\n"),
        ("CDN-Cache-Control", b"Cache-Control: max-age=60\r\nCDN-Cache-Control: private\r\n"),
    ],
)
async def test_connection_takes_nothing_away_that_caching_goes_by(
    wild: WildOrigin, wild_edge: Edge, name: str, fields: bytes
) -> None:
    stated = b"Last-Modified: Mon, 01 Jan 2001 00:00:00 GMT\r\nContent-Length: 4\r\n\r\nbody"
    wild.send(
        f"HTTP/1.1 200 OK\r\nConnection: x-hop, {name}\r\nX-Hop: 1\r\n".encode() + fields + stated
    )
    reply = await wild_edge.get("/a")
    assert reply.body == b"body"
    assert "x-hop" not in reply.headers
    assert not await _is_stored(wild_edge)


async def test_large_but_bearable_head_goes_through(wild: WildOrigin, wild_edge: Edge) -> None:
    wild.send(HEAD + b"X: " + b"x" * 20_000 + b"\r\nContent-Length: 2\r\n\r\nok")
    async with wild_edge.client() as client:
        client.ask("/a")
        status, headers = await client.head()
        assert (status, len(headers["x"])) == (200, 20_000)
        assert await client.some(2) == b"ok"


async def test_answer_of_many_fields_goes_through(wild: WildOrigin, wild_edge: Edge) -> None:
    many = b"".join(b"X-%d: y\r\n" % number for number in range(500))
    wild.send(HEAD + many + b"Content-Length: 2\r\n\r\nok")
    for _ in range(2):
        reply = await wild_edge.get("/a")
        assert (reply.status, reply.body, reply.headers["x-499"]) == (200, b"ok", "y")
    assert wild.count(b"/a") == 1
