"""One fetch for everybody, bytes as they arrive, and nothing stored that is not whole."""

import asyncio

from edge.metrics import Result
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CLOSE, CountingOrigin, Script
from tests.integration.edge.raw_client import RawClient

FIRST = b"f" * 10_000
LAST = b"l" * 10_000


async def test_hundred_first_requests_are_one_fetch_and_get_bytes_as_they_arrive(
    edge: Edge, origin: CountingOrigin
) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([FIRST, rest, LAST])
    got_first = asyncio.Barrier(101)

    async def view() -> tuple[str, bytes]:
        async with edge.client() as client:
            client.ask("/a")
            _, headers = await client.head()
            assert headers["content-length"] == "20000"
            first = await client.some(len(FIRST))
            async with asyncio.timeout(10):
                await got_first.wait()
            return headers["cache-status"], first + await client.some(len(LAST))

    viewers = [asyncio.create_task(view()) for _ in range(100)]
    async with asyncio.timeout(10):
        await got_first.wait()
    assert not rest.is_set()
    rest.set()
    seen = await asyncio.gather(*viewers)
    assert {body for _, body in seen} == {FIRST + LAST}
    assert sum("collapsed" in status for status, _ in seen) == 99
    assert origin.count("/a") == 1
    assert edge.node.metrics.requests(Result.COLLAPSED) == 99
    assert "hit" in (await edge.get("/a")).cache_status


async def test_leader_leaves_and_the_others_get_everything(
    edge: Edge, origin: CountingOrigin
) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([FIRST, rest, LAST])
    async with edge.client() as follower:
        async with edge.client() as leader:
            leader.ask("/a")
            await leader.head()
            follower.ask("/a")
            await follower.head()
        await edge.until(lambda: len(edge.node.site.connections) == 1)
        rest.set()
        assert await follower.some(20_000) == FIRST + LAST
    assert origin.count("/a") == 1
    assert edge.node.metrics.counters.fills_abandoned == 0


async def test_leader_leaves_before_the_head_and_a_follower_goes_on(
    edge: Edge, origin: CountingOrigin
) -> None:
    head = asyncio.Event()
    origin.scripts["/a"] = Script([FIRST], before=head)
    async with edge.client() as follower:
        async with edge.client() as leader:
            leader.ask("/a")
            await origin.arrived("/a")
            follower.ask("/a")
            await edge.until(lambda: _viewers(edge) == 2)
        await edge.until(lambda: _viewers(edge) == 1)
        head.set()
        assert (await follower.reply()).body == FIRST
    assert origin.count("/a") == 1


async def test_fill_nobody_wants_ends_unless_nearly_done(
    edge: Edge, origin: CountingOrigin
) -> None:
    rest = asyncio.Event()
    megabyte = b"m" * 1024 * 1024
    origin.scripts["/far"] = Script([FIRST, rest, *[megabyte] * 4])
    origin.scripts["/near"] = Script([FIRST, rest, LAST])
    for target in ("/far", "/near"):
        async with edge.client() as client:
            client.ask(target)
            await client.head()
            await client.some(len(FIRST))
    await edge.until(lambda: edge.node.metrics.counters.fills_abandoned == 1)
    rest.set()
    await edge.until(lambda: len(edge.node.fills) == 0)
    assert edge.node.cache.variants(b"/far") == []
    assert "hit" in (await edge.get("/near")).cache_status
    assert origin.count("/near") == 1


async def test_range_joins_a_fill_in_progress(edge: Edge, origin: CountingOrigin) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([b"0123456789", rest, b"abcdefghij"])
    async with edge.client() as whole, edge.client() as early, edge.client() as late:
        whole.ask("/a")
        await whole.head()
        early.ask("/a", "Range: bytes=2-5")
        assert (await early.reply()).body == b"2345"
        late.ask("/a", "Range: bytes=8-11")
        status, headers = await late.head()
        assert (status, headers["content-range"]) == (206, "bytes 8-11/20")
        assert await late.some(2) == b"89"
        rest.set()
        assert await late.some(2) == b"ab"
    assert origin.count("/a") == 1


async def test_chunked_answer_is_streamed_then_stored_with_its_length(
    edge: Edge, origin: CountingOrigin
) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([FIRST, rest, LAST], length=-1)
    async with edge.client() as client:
        client.ask("/a")
        _, headers = await client.head()
        assert headers["transfer-encoding"] == "chunked"
        await client.some(len(FIRST))
        rest.set()
    await edge.until(lambda: len(edge.node.fills) == 0)
    reply = await edge.get("/a")
    assert (reply.body, reply.headers["content-length"]) == (FIRST + LAST, "20000")


async def test_http_1_0_viewer_gets_an_unsized_answer_by_closing(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([FIRST], length=-1)
    async with edge.client() as client:
        client.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        reply = await client.reply()
        assert (reply.headers["connection"], reply.body) == ("close", FIRST)


async def test_truncated_answer_is_cut_for_all_and_never_stored(
    edge: Edge, origin: CountingOrigin
) -> None:
    for length in (20_000, -1):
        target = f"/cut{length}"
        cut = asyncio.Event()
        origin.scripts[target] = Script([FIRST, cut, CLOSE], length=length)
        async with edge.client() as one, edge.client() as other:
            for client in (one, other):
                client.ask(target)
            await edge.until(lambda: _viewers(edge) == 2)
            cut.set()
            replies = [await client.reply() for client in (one, other)]
        assert not any(reply.is_whole for reply in replies)
        assert edge.node.cache.variants(target.encode()) == []
        origin.scripts[target] = Script([FIRST + LAST])
        assert (await edge.get(target)).body == FIRST + LAST
    assert edge.node.metrics.counters.fills_truncated == 2


async def test_uncacheable_answer_releases_the_followers(
    edge: Edge, origin: CountingOrigin
) -> None:
    head = asyncio.Event()
    origin.scripts["/own"] = Script(headers={"Cache-Control": "private"}, before=head)
    asks = [asyncio.create_task(edge.get("/own")) for _ in range(10)]
    await origin.arrived("/own")
    await edge.until(lambda: _viewers(edge) == 10)
    head.set()
    assert {(await ask).status for ask in asks} == {200}
    assert origin.count("/own") == 10


async def test_key_known_to_be_uncacheable_waits_for_nobody(
    edge: Edge, origin: CountingOrigin
) -> None:
    gate = asyncio.Event()
    private = {"Cache-Control": "private"}
    scripts = [Script([b"1"], private), Script([b"2"], private, before=gate)]
    origin.scripts["/own"] = lambda _: scripts[origin.count("/own") == 2]
    await edge.get("/own")
    waiting = asyncio.create_task(edge.get("/own"))
    await origin.arrived("/own", 2)
    assert (await edge.get("/own")).body == b"1"
    gate.set()
    assert (await waiting).body == b"2"


async def test_server_error_does_not_end_the_collapsing(edge: Edge, origin: CountingOrigin) -> None:
    gate = asyncio.Event()
    scripts = [Script([b"oops"], {}, status=500), Script([b"good"], before=gate)]
    origin.scripts["/a"] = lambda _: scripts[origin.count("/a") > 1]
    assert (await edge.get("/a")).status == 500
    asks = [asyncio.create_task(edge.get("/a")) for _ in range(5)]
    await edge.until(lambda: _viewers(edge) == 5)
    gate.set()
    assert {(await ask).body for ask in asks} == {b"good"}
    assert origin.count("/a") == 2


async def test_uncacheable_answer_nobody_takes_is_given_up(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/own"] = Script(
        [FIRST, asyncio.Event()], {"Cache-Control": "private"}, length=20_000
    )
    async with edge.client() as client:
        client.ask("/own")
        await client.head()
    await edge.until(lambda: not edge.node.site.connections)
    assert len(edge.node.fills) == 0


async def test_object_over_the_bound_passes_through_unstored(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(max_object_size="16K")
    origin.scripts["/big"] = Script([FIRST, LAST])
    assert (await edge.get("/big")).body == FIRST + LAST
    part = await edge.get("/big", "Range: bytes=0-1")
    assert origin.seen[-1].headers["range"] == "bytes=0-1"
    assert part.status == 200  # this origin ignores ranges
    assert edge.node.cache.variants(b"/big") == []


async def test_unsized_object_over_the_bound_becomes_a_stream(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(max_object_size="16K")
    pieces: list[bytes | asyncio.Event | None] = [b"x" * 100_000 for _ in range(40)]
    origin.scripts["/big"] = Script(pieces, length=-1)
    async with edge.client() as one, edge.client() as other:
        for client in (one, other):
            client.ask("/big")
        replies = await asyncio.gather(one.reply(), other.reply())
    assert [len(reply.body) for reply in replies] == [4_000_000, 4_000_000]
    assert all(reply.is_whole for reply in replies)
    assert edge.node.cache.variants(b"/big") == []


async def test_refresh_that_outgrows_the_bound_is_given_up(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(max_object_size="16K")
    usable = {"Cache-Control": "max-age=1, stale-while-revalidate=60"}
    origin.scripts["/a"] = Script([b"small"], usable)
    await edge.get("/a")
    await edge.pass_time(2)
    origin.scripts["/a"] = Script([b"x" * 100_000] * 40, usable, length=-1)
    assert (await edge.get("/a")).body == b"small"
    await edge.until(lambda: edge.node.metrics.counters.fills_abandoned == 1)
    await edge.until(lambda: len(edge.node.fills) == 0)
    assert edge.node.fills.held_bytes == 0
    assert len((await edge.get("/a")).body) == 4_000_000
    origin.scripts["/a"] = Script([b"small again"], usable)
    assert (await edge.get("/a")).body == b"small again"
    assert "hit" in (await edge.get("/a")).cache_status


async def test_object_invalidated_while_it_is_fetched_is_not_stored(
    edge: Edge, origin: CountingOrigin
) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = lambda seen: (
        Script([b"done"]) if seen.method == "DELETE" else Script([FIRST, rest, LAST])
    )
    async with edge.client() as client:
        client.ask("/a")
        await client.head()
        assert (await edge.get("/a", method="DELETE")).status == 200
        rest.set()
        assert await client.some(20_000) == FIRST + LAST
    await edge.until(lambda: len(edge.node.fills) == 0)
    assert edge.node.cache.variants(b"/a") == []


async def test_slow_reader_does_not_hold_up_the_others(edge: Edge, origin: CountingOrigin) -> None:
    body = b"x" * 8_000_000
    origin.scripts["/a"] = Script([body])
    async with RawClient(edge.port) as slow:
        slow.ask("/a")
        await slow.head()
        assert (await edge.get("/a")).body == body
        assert await slow.some(len(body)) == body
    assert origin.count("/a") == 1


def _viewers(edge: Edge) -> int:
    return sum(fill.viewers for fill in edge.node.fills._running)
