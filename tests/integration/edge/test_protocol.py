"""HTTP/1.1 on real sockets: framing, order, refusals, bounds."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from edge.site import Bounds
from tests.integration.edge.child import child_edge
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script
from tests.integration.edge.raw_client import RawClient

GET = b"GET /a HTTP/1.1\r\nHost: edge\r\n"

REFUSED = {
    "both content-length and transfer-encoding": (
        b"POST /a HTTP/1.1\r\nHost: e\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "repeated content-length": (GET + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
    "list of content-lengths": (GET + b"Content-Length: 1, 1\r\n\r\n", 400),
    "signed content-length": (GET + b"Content-Length: +1\r\n\r\n", 400),
    "hexadecimal content-length": (GET + b"Content-Length: 0x1\r\n\r\n", 400),
    "empty content-length": (GET + b"Content-Length: \r\n\r\n", 400),
    "unknown transfer-encoding": (GET + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "stacked transfer-encoding": (GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 400),
    "disguised transfer-encoding": (GET + b"Transfer-Encoding: \x0bchunked\r\n\r\n", 400),
    "transfer-encoding in HTTP/1.0": (
        b"POST /a HTTP/1.0\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    "missing host": (b"GET /a HTTP/1.1\r\n\r\n", 400),
    "missing host with fields": (b"GET /a HTTP/1.1\r\nAccept: */*\r\n\r\n", 400),
    "repeated host": (GET + b"Host: other\r\n\r\n", 400),
    "malformed host": (b"GET /a HTTP/1.1\r\nHost: e/x\r\n\r\n", 400),
    "empty host": (b"GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "folded line": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "bare CR in a value": (GET + b"X: a\rb\r\n\r\n", 400),
    "bare LF after a field": (GET + b"X: a\nY: b\r\n\r\n", 400),
    "bare LF as line end": (b"GET /a HTTP/1.1\nHost: e\n\n", 400),
    "NUL in a value": (GET + b"X: a\x00b\r\n\r\n", 400),
    "control character in a value": (GET + b"X: a\x01b\r\n\r\n", 400),
    "blank before the colon": (GET + b"X : a\r\n\r\n", 400),
    "no colon": (GET + b"nonsense\r\n\r\n", 400),
    "empty name": (GET + b": a\r\n\r\n", 400),
    "blank in the target": (b"GET /a b HTTP/1.1\r\nHost: e\r\n\r\n", 400),
    "control character in the target": (b"GET /a\x01 HTTP/1.1\r\nHost: e\r\n\r\n", 400),
    "fragment in the target": (b"GET /a#b HTTP/1.1\r\nHost: e\r\n\r\n", 400),
    "relative target": (b"GET a HTTP/1.1\r\nHost: e\r\n\r\n", 400),
    "absolute-form": (b"GET http://e/a HTTP/1.1\r\nHost: e\r\n\r\n", 400),
    "absolute-form of another host": (b"GET http://x/a HTTP/1.1\r\nHost: e\r\n\r\n", 400),
    "two blanks": (b"GET  /a HTTP/1.1\r\nHost: e\r\n\r\n", 400),
    "leading blank": (b" GET /a HTTP/1.1\r\nHost: e\r\n\r\n", 400),
    "lower-case protocol": (b"GET /a http/1.1\r\nHost: e\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /a\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "CONNECT": (b"CONNECT e:443 HTTP/1.1\r\nHost: e\r\n\r\n", 501),
    "TRACE": (b"TRACE /a HTTP/1.1\r\nHost: e\r\n\r\n", 501),
    "trace": (b"trace /a HTTP/1.1\r\nHost: e\r\n\r\n", 501),
    "head": (b"head /a HTTP/1.1\r\nHost: e\r\n\r\n", 501),
    "mixed case": (b"Get /a HTTP/1.1\r\nHost: e\r\n\r\n", 501),
    "asterisk-form": (b"OPTIONS * HTTP/1.1\r\nHost: e\r\n\r\n", 501),
    "unknown expectation": (GET + b"Expect: wonders\r\n\r\n", 417),
    "long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: e\r\n\r\n", 414),
    "endless target": (b"GET /" + b"a" * 20_000, 414),
    "large head": (GET + b"X: " + b"a" * 45_000 + b"\r\n\r\n", 431),
    "endless head": (GET + b"X: " + b"a" * 45_000, 431),
    "many fields": (GET + b"X: a\r\n" * 101 + b"\r\n", 431),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_ambiguous_request_is_refused_and_the_connection_ends(
    edge: Edge, origin: CountingOrigin, case: str
) -> None:
    data, status = REFUSED[case]
    origin.scripts["/a"] = Script()
    await edge.get("/a")  # what is cached must not be reachable this way either
    async with edge.client() as client:
        client.send(data)
        if not case.startswith("endless"):
            client.send(b"GET /smuggled HTTP/1.1\r\nHost: e\r\n\r\n")
        reply = await client.reply()
        assert (reply.status, reply.headers["connection"]) == (status, "close")
        assert await client.closed()
    assert [seen.target for seen in origin.seen] == ["/a"]


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"-1\r\nx\r\n", b"1;a\nb\r\nx\r\n", b"1\r\nxx\r\n0\r\n\r\n", b"1 \nx\r\n"]
)
async def test_malformed_chunks_are_refused(
    edge: Edge, origin: CountingOrigin, body: bytes
) -> None:
    origin.scripts["/a"] = Script()
    async with edge.client() as client:
        client.ask("/a", "Transfer-Encoding: chunked", method="POST")
        client.send(body + b"GET /smuggled HTTP/1.1\r\nHost: e\r\n\r\n")
        assert (await client.reply()).status == 400
        assert await client.closed()
    assert origin.seen == []


async def test_pipelined_requests_are_answered_in_order(edge: Edge, origin: CountingOrigin) -> None:
    gate = asyncio.Event()
    origin.scripts["/hit"] = Script([b"hit"])
    origin.scripts["/slow"] = Script([b"slow"], before=gate)
    await edge.get("/hit")
    async with edge.client() as client:
        for target in ("/hit", "/slow", "/hit", "/none", "/hit"):
            client.ask(target)
        assert (await client.reply()).body == b"hit"
        await origin.arrived("/slow")
        gate.set()
        bodies = [(await client.reply()).body for _ in range(4)]
    assert bodies == [b"slow", b"hit", b"no", b"hit"]


async def test_request_in_single_bytes_and_after_empty_lines(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script()
    async with edge.client() as client:
        for byte in b"\r\nGET /a HTTP/1.1\r\nHost: edge\r\n\r\n":
            client.send(bytes([byte]))
            await client.writer.drain()
        assert (await client.reply()).body == b"body"


async def test_http_1_0_closes_unless_asked_to_stay(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script()
    async with edge.client() as client:
        client.send(b"GET /a HTTP/1.0\r\nHost: edge\r\nConnection: keep-alive\r\n\r\n")
        assert (await client.reply()).headers["connection"] == "keep-alive"
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        assert (await client.reply()).headers["connection"] == "close"
        assert await client.closed()


async def test_connection_close_is_obeyed(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script()
    async with edge.client() as client:
        client.ask("/a", "Connection: close")
        client.ask("/a")
        assert (await client.reply()).headers["connection"] == "close"
        assert await client.closed()


async def test_body_passes_in_both_directions(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/echo"] = lambda seen: Script([seen.body], {})
    async with edge.client() as client:
        client.ask("/echo", "Content-Length: 10", method="PUT")
        client.send(b"0123456789")
        sized = await client.reply()
        client.ask("/echo", "Transfer-Encoding: chunked", method="PATCH")
        client.send(b"4;x=y\r\nabcd\r\n2\r\nef\r\n0\r\nTrailer: x\r\n\r\n")
        chunked = await client.reply()
        client.ask("/echo", "Content-Length: 0", method="POST")
        empty = await client.reply()
    assert (sized.body, chunked.body, empty.body) == (b"0123456789", b"abcdef", b"")
    assert sized.cache_status == "edge-test; fwd=method; fwd-status=200"
    assert origin.seen[0].headers["content-length"] == "10"
    assert "trailer" not in origin.seen[1].headers


async def test_large_body_streams_with_bounded_memory(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/echo"] = lambda seen: Script([seen.body], {})
    body = b"0123456789abcdef" * 500_000
    async with edge.client() as client:
        client.ask("/echo", f"Content-Length: {len(body)}", method="PUT")
        client.send(body)
        reply = await client.reply()
    assert reply.body == body


async def test_expect_100_continue(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/echo"] = lambda seen: Script([seen.body], {})
    async with edge.client() as client:
        client.ask("/echo", "Content-Length: 4", "Expect: 100-continue", method="POST")
        assert (await client.reply()).status == 100
        client.send(b"data")
        assert (await client.reply()).body == b"data"
    assert "expect" not in origin.seen[0].headers


async def test_viewer_that_leaves_during_its_upload_is_forgotten(
    edge: Edge, origin: CountingOrigin
) -> None:
    async with edge.client() as client:
        client.ask("/up", "Content-Length: 1000", method="POST")
        client.send(b"half")
    await edge.until(lambda: not edge.node.site.connections)
    assert origin.seen == []


async def test_hop_by_hop_fields_of_the_origin_stay_here(
    edge: Edge, origin: CountingOrigin
) -> None:
    headers = {"Cache-Control": "max-age=60", "Connection": "X-Hop", "X-Hop": "1", "Via": "1.1 o"}
    origin.scripts["/a"] = Script(headers=headers | {"Keep-Alive": "timeout=5"})
    for _ in range(2):
        reply = await edge.get("/a")
        assert "x-hop" not in reply.headers
        assert "keep-alive" not in reply.headers
        assert reply.headers["via"].startswith("1.1 o, 1.1 edge-test-")


async def test_options_passes_through(edge: Edge, origin: CountingOrigin) -> None:
    allowed = {"Access-Control-Allow-Origin": "*"}
    origin.scripts["/a"] = Script([], allowed, status=204)
    reply = await edge.get("/a", "Origin: http://x", method="OPTIONS")
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (204, "*")
    assert origin.seen[0].headers["origin"] == "http://x"


async def test_unfinished_head_is_dropped_in_time(start_edge: StartEdge) -> None:
    edge = await start_edge(head_timeout_seconds=1)
    async with edge.client() as client:
        client.send(b"GET /a HT")
        assert (await client.reply()).status == 408
        assert await client.closed()


async def test_idle_connection_is_closed(start_edge: StartEdge, origin: CountingOrigin) -> None:
    edge = await start_edge(idle_timeout_seconds=0.2)
    origin.scripts["/a"] = Script()
    async with edge.client() as client:
        client.ask("/a")
        await client.reply()
        assert await client.closed()


@pytest.mark.parametrize("in_place", [True, False])
async def test_viewer_that_takes_nothing_is_dropped(
    start_edge: StartEdge, origin: CountingOrigin, in_place: bool
) -> None:
    edge = await start_edge(write_timeout_seconds=1)
    origin.scripts["/a"] = Script([b"x" * 16_000_000])
    origin.scripts["/small"] = Script()
    await edge.get("/a")
    await edge.get("/small")
    async with edge.client() as client:
        client.ask("/small")
        await client.reply()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.ask("/a", *([] if in_place else ["Range: bytes=1-"]))
        connection = next(iter(edge.node.site.connections))
        await edge.until(lambda: connection._is_blocked)
        client.ask("/small")
        assert edge.node.metrics.hits == (1 if in_place else 0)
        await edge.until(lambda: not edge.node.site.connections)


async def test_viewer_that_takes_its_time_is_kept(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([b"x" * 16_000_000])
    await edge.get("/a")
    async with edge.client() as client:
        client.ask("/a")
        await edge.until(lambda: any(c._is_blocked for c in edge.node.site.connections))
        connection = next(iter(edge.node.site.connections))
        await client.head()
        await client.some(12_000_000)
        await edge.until(
            lambda: connection._transport.get_write_buffer_size() < connection._unsent_bytes
        )
        connection.expire()
        assert await client.some(4_000_000)
        assert not connection._transport.is_closing()


async def test_connections_leave_files_to_open(origin: CountingOrigin, tmp_path: Path) -> None:
    origin.scripts["/a"] = Script()
    async with AsyncExitStack() as stack:
        edge = await stack.enter_async_context(
            child_edge(origin.url, tmp_path, shell="ulimit -n 100")
        )
        clients = [await stack.enter_async_context(RawClient(edge.port)) for _ in range(51)]
        assert (await clients[50].reply()).status == 503
        clients[0].ask("/a")
        assert (await clients[0].reply()).status == 200


async def test_too_many_connections_get_503(start_edge: StartEdge) -> None:
    edge = await start_edge(max_connections=1)
    async with edge.client() as first, edge.client() as second:
        await edge.until(lambda: len(edge.node.site.connections) == 1)
        assert (await second.reply()).status == 503
        first.ask("/a")
        assert (await first.reply()).status == 404


async def test_too_many_connections_of_one_address_get_429(start_edge: StartEdge) -> None:
    edge = await start_edge(max_connections_per_address=1)
    async with edge.client() as first, edge.client() as second:
        await edge.until(lambda: len(edge.node.site.connections) == 1)
        assert (await second.reply()).status == 429
        async with RawClient(edge.port, source="127.0.0.2") as other:
            other.ask("/none")
            assert (await other.reply()).status == 404
        first.ask("/none")
        assert (await first.reply()).status == 404
    await edge.until(lambda: not edge.node.site.connections)
    async with edge.client() as again:
        again.ask("/none")
        assert (await again.reply()).status == 404


async def test_trusted_proxies_may_have_more_connections(start_edge: StartEdge) -> None:
    edge = await start_edge(max_connections_per_address=1, trusted_proxies="127.0.0.2")
    async with (
        RawClient(edge.port, source="127.0.0.2") as first,
        RawClient(edge.port, source="127.0.0.2") as second,
        edge.client() as viewer,
        edge.client() as refused,
    ):
        await edge.until(lambda: len(edge.node.site.connections) == 3)
        for client in (first, second, viewer):
            client.ask("/none")
            assert (await client.reply()).status == 404
        assert (await refused.reply()).status == 429


async def test_long_request_body_gets_413(start_edge: StartEdge, origin: CountingOrigin) -> None:
    edge = await start_edge(max_request_body="1K")
    origin.scripts["/echo"] = lambda seen: Script([seen.body], {})
    async with edge.client() as client:
        client.ask("/echo", "Content-Length: 1025", "Expect: 100-continue", method="POST")
        assert (await client.reply()).status == 413
        assert await client.closed()
    async with edge.client() as client:
        client.ask("/echo", "Transfer-Encoding: chunked", method="POST")
        client.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
        client.send(b"1\r\nx\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: e\r\n\r\n")
        assert (await client.reply()).status == 413
        assert await client.closed()
    assert origin.seen == []
    async with edge.client() as client:
        client.ask("/echo", "Content-Length: 1024", method="POST")
        client.send(b"x" * 1024)
        assert (await client.reply()).body == b"x" * 1024


async def test_slow_request_body_gets_408(start_edge: StartEdge, origin: CountingOrigin) -> None:
    edge = await start_edge(body_timeout_seconds=0.2, min_read_rate=1000)
    async with edge.client() as client:
        client.ask("/up", "Content-Length: 100000", method="POST")
        reply = asyncio.create_task(client.reply())
        while not reply.done():
            client.send(b"x")  # it never stands still
            await asyncio.sleep(0.05)
        assert (await reply).status == 408
        assert await client.closed()
    assert origin.seen == []


async def test_request_body_that_waits_for_the_origin_is_not_slow(edge: Edge) -> None:
    async with edge.client() as client:
        client.ask("/up", "Content-Length: 4", method="POST")
        await edge.until(lambda: any(c._task for c in edge.node.site.connections))
        connection = next(iter(edge.node.site.connections))
        connection._want(False)
        connection.expire()
        assert connection._body is not None
        assert not connection._body.is_truncated
        connection._want(True)
        client.send(b"done")
        assert (await client.reply()).status == 404


async def test_viewer_below_the_least_pace_is_dropped(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(write_timeout_seconds=0.2)
    origin.scripts["/a"] = Script([b"x" * 30_000_000])
    await edge.get("/a")
    object.__setattr__(edge.node.site, "bounds", Bounds(write_bytes_per_second=100_000_000))
    async with edge.client() as client:
        client.ask("/a")
        taken = 0
        while piece := await client.at_most(10_000):
            taken += len(piece)
            await asyncio.sleep(0.005)
        assert taken < 30_000_000
    assert edge.node.metrics.counters.viewers_too_slow == 1


async def test_drain_answers_what_was_begun_and_no_more(edge: Edge, origin: CountingOrigin) -> None:
    gate = asyncio.Event()
    origin.scripts["/a"] = Script(before=gate)
    async with edge.client() as client:
        client.ask("/a")
        client.ask("/b")
        await origin.arrived("/a")
        closing = asyncio.create_task(edge.node.listener.close(10))
        await edge.until(lambda: all(c._is_draining for c in edge.node.site.connections))
        gate.set()
        assert (await client.reply()).body == b"body"
        assert await client.closed()
        await closing
    assert origin.count("/b") == 0


async def test_drain_finishes_what_is_in_progress(edge: Edge, origin: CountingOrigin) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([b"first", rest, b"last"])
    async with edge.client() as busy, edge.client() as idle:
        busy.ask("/a")
        await busy.head()
        await edge.until(lambda: len(edge.node.site.connections) == 2)
        closing = asyncio.create_task(edge.node.listener.close(10))
        assert await idle.closed()
        rest.set()
        assert await busy.some(9) == b"firstlast"
        assert await busy.closed()
        await closing
