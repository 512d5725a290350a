"""What the origin's log of purges names is gone from the edge, from memory and from disk."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from streamer.core.purge import Kind, Order
from tests.integration.edge.child import child_edge
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script
from tests.integration.edge.worker_node import owned_by, running_node

FAST = {"purge_interval_seconds": 0.02}


@pytest_asyncio.fixture
async def away() -> AsyncIterator[CountingOrigin]:
    """Another origin, with a log of its own."""
    origin = CountingOrigin()
    await origin.open()
    yield origin
    await origin.close()


async def has_obeyed(edge: Edge, purges: int) -> None:
    await edge.until(lambda: edge.node.metrics.counters.purges >= purges)


async def following(start_edge: StartEdge, origin: CountingOrigin) -> Edge:
    """An edge that has seen the end of the log, with which it begins."""
    edge = await start_edge(**FAST)
    await edge.until(lambda: origin.purge_reads > 0)
    return edge


async def _reads(path: Path, text: str) -> None:
    def reads() -> bool:
        return path.exists() and path.read_text(encoding="ascii") == text

    async with asyncio.timeout(10):
        while not reads():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_purged_path_is_fetched_again_with_all_its_queries(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    edge = await following(start_edge, origin)
    for target in ("/v/a/1", "/v/a/1?x=1", "/v/a/10"):
        origin.scripts[target] = Script()
        await edge.get(target)
    origin.purges.append("/v/a/1")
    await has_obeyed(edge, 1)
    for target in ("/v/a/1", "/v/a/1?x=1", "/v/a/10"):
        await edge.get(target)
    assert [origin.count(t) for t in ("/v/a/1", "/v/a/1?x=1", "/v/a/10")] == [2, 2, 1]
    assert edge.node.metrics.counters.purged_objects == 2


async def test_a_wildcard_covers_what_starts_so(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    edge = await following(start_edge, origin)
    for target in ("/v/a/1", "/v/b/1"):
        origin.scripts[target] = Script()
        await edge.get(target)
    origin.purges.append("/v/a/*")
    await has_obeyed(edge, 1)
    for target in ("/v/a/1", "/v/b/1"):
        await edge.get(target)
    assert (origin.count("/v/a/1"), origin.count("/v/b/1")) == (2, 1)


async def test_an_edge_that_was_away_obeys_what_it_missed(
    origin: CountingOrigin, start_edge: StartEdge, tmp_path: Path
) -> None:
    origin.purges.append("/before")
    first = await start_edge(**FAST, cache_dir=tmp_path)
    await first.until((tmp_path / "purges").exists)
    for target in ("/v/a/1", "/v/b/1"):
        origin.scripts[target] = Script()
        await first.get(target)
    await first.close()
    origin.purges.append("/v/a/*")

    second = await start_edge(**FAST, cache_dir=tmp_path)
    await has_obeyed(second, 1)
    for target in ("/v/a/1", "/v/b/1"):
        await second.get(target)
    assert (origin.count("/v/a/1"), origin.count("/v/b/1")) == (2, 1)


async def test_an_edge_that_was_away_for_longer_than_the_log_forgets_everything(
    origin: CountingOrigin, start_edge: StartEdge, tmp_path: Path
) -> None:
    origin.purges.extend(["/x", "/y"])
    first = await start_edge(**FAST, cache_dir=tmp_path)
    origin.scripts["/v/b/1"] = Script()
    await first.get("/v/b/1")
    await first.until((tmp_path / "purges").exists)
    await first.close()
    origin.purges.clear()  # a new database: its log begins anew

    second = await start_edge(**FAST, cache_dir=tmp_path)
    await has_obeyed(second, 1)
    await second.get("/v/b/1")
    assert origin.count("/v/b/1") == 2


async def test_an_edge_that_does_not_know_what_it_missed_forgets_everything(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    origin.purges.append("/v/a/*")
    origin.log_opened = asyncio.Event()
    edge = await start_edge(**FAST)
    origin.scripts["/v/a/1"] = Script()
    await edge.get("/v/a/1")
    origin.log_opened.set()
    await has_obeyed(edge, 1)
    await edge.get("/v/a/1")
    assert origin.count("/v/a/1") == 2


async def test_a_tag_covers_what_carries_it_whatever_its_path(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    edge = await following(start_edge, origin)
    fields = {
        "/a": {"Cache-Tag": "films, Poster"},
        "/b": {"Surrogate-Key": "poster other"},
        "/c": {"Cache-Tag": "films"},
        "/poster": {},
    }
    for target, tags in fields.items():
        origin.scripts[target] = Script([b"x"], {"Cache-Control": "max-age=60", **tags})
        await edge.get(target)
    origin.purges.append({"tag": "poster"})
    await has_obeyed(edge, 1)
    for target in fields:
        await edge.get(target)
    assert [origin.count(target) for target in fields] == [2, 2, 1, 1]
    assert edge.node.metrics.counters.purged_objects == 2


async def test_a_soft_purge_makes_stale_what_may_then_be_served_meanwhile(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    edge = await following(start_edge, origin)
    lenient = {"Cache-Control": "max-age=60, stale-while-revalidate=60", "ETag": '"1"'}
    strict = {"Cache-Control": "max-age=60, must-revalidate", "ETag": '"1"'}
    origin.scripts["/v/lenient"] = Script([b"old"], lenient)
    origin.scripts["/v/strict"] = Script([b"old"], strict)
    for target in ("/v/lenient", "/v/strict"):
        await edge.get(target)
        assert "hit" in (await edge.get(target)).cache_status
        origin.scripts[target] = Script([b"new"], lenient)
    origin.purges.append({"path": "/v/*", "soft": True})
    await has_obeyed(edge, 1)
    assert (await edge.get("/v/lenient")).body == b"old"
    assert (await edge.get("/v/strict")).body == b"new"
    await origin.arrived("/v/lenient", 2)


async def test_what_was_stored_just_before_a_soft_purge_stands_in_for_a_failing_origin(
    origin: CountingOrigin, edge: Edge
) -> None:
    origin.scripts["/a"] = Script([b"old"])
    await edge.get("/a")
    edge.node.clock.now -= 10  # the event loop is late
    await edge.node.cache.purge(Order(Kind.PATH, "/a", is_soft=True))
    await origin.close()
    assert (await edge.get("/a")).body == b"old"


async def test_a_304_under_way_does_not_undo_a_soft_purge(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    edge = await following(start_edge, origin)
    headers = {"Cache-Control": "max-age=60", "ETag": '"1"'}
    origin.scripts["/a"] = Script([b"old"], headers)
    await edge.get("/a")
    await edge.pass_time(61)
    said = asyncio.Event()
    origin.scripts["/a"] = Script(headers=headers, status=304, before=said)
    async with edge.client() as client:
        client.ask("/a")
        await origin.arrived("/a", 2)
        origin.purges.append({"path": "/a", "soft": True})
        await has_obeyed(edge, 1)
        said.set()
        assert (await client.reply()).body == b"old"
    origin.scripts["/a"] = Script([b"new"], {**headers, "ETag": '"2"'})
    assert (await edge.get("/a")).body == b"new"


async def test_the_answer_to_a_head_under_way_does_not_undo_a_soft_purge(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    edge = await following(start_edge, origin)
    headers = {"Cache-Control": "max-age=60", "ETag": '"1"'}
    origin.scripts["/a"] = Script([b"old"], headers)
    await edge.get("/a")
    said = asyncio.Event()
    origin.scripts["/a"] = Script([b"old"], headers, before=said)
    async with edge.client() as client:
        client.send(b"HEAD /a HTTP/1.1\r\nHost: edge\r\nCache-Control: no-cache\r\n\r\n")
        await origin.arrived("/a", 2)
        origin.purges.append({"path": "/a", "soft": True})
        await has_obeyed(edge, 1)
        said.set()
        assert (await client.reply(method="HEAD")).status == 200
    origin.scripts["/a"] = Script([b"new"], {**headers, "ETag": '"2"'})
    assert (await edge.get("/a")).body == b"new"


async def test_what_sleeps_on_the_disk_is_purged_too(
    origin: CountingOrigin, start_edge: StartEdge, tmp_path: Path
) -> None:
    targets = [f"/v/{n}" for n in range(4)]
    first = await start_edge(cache_dir=tmp_path)
    for number, target in enumerate(targets):
        headers = {"Cache-Control": "max-age=60", "Surrogate-Key": f"n{number}", "ETag": '"1"'}
        origin.scripts[target] = Script([b"x"], headers)
        await first.get(target)
    await first.until(lambda: first.node.metrics.counters.disk_writes == 4)
    await first.until((tmp_path / "purges").exists)
    await first.close()
    edge = await start_edge(**FAST, cache_dir=tmp_path)
    await edge.until(lambda: len(edge.node.cache.disk) == 4)
    origin.purges += [{"path": "/v/0"}, {"tag": "n1"}, {"path": "/v/2", "soft": True}]
    await has_obeyed(edge, 3)
    assert edge.node.metrics.counters.purged_objects == 3
    assert len(edge.node.cache.disk) == 2
    statuses = [(await edge.get(target)).cache_status for target in targets]
    assert ["fwd=uri-miss" in status for status in statuses] == [True, True, False, False]
    assert "fwd=stale" in statuses[2]
    assert "hit" in statuses[3]


@pytest.mark.parametrize("purge", ["/v/a/*", "/v/a/1", "/%76/a/%31", "/v//a/*"])
@pytest.mark.parametrize("target", ["/%76/a/1", "/v/x/../a/%31?q=1", "/v/a%2f1"])
async def test_a_purge_covers_all_spellings_of_a_path(
    origin: CountingOrigin, start_edge: StartEdge, tmp_path: Path, purge: str, target: str
) -> None:
    origin.scripts |= {one: Script([b"x"]) for one in (target, "/%76/b/1")}
    first = await start_edge(**FAST, cache_dir=tmp_path)
    await _reads(tmp_path / "purges", "0")
    for one in (target, "/%76/b/1"):
        await first.get(one)
    await first.until(lambda: first.node.metrics.counters.disk_writes == 2)
    origin.purges.append(purge)
    await has_obeyed(first, 1)
    await first.get(target)
    await first.until(lambda: first.node.metrics.counters.disk_writes == 3)
    await first.close()
    origin.purges.append(purge)
    asleep = await start_edge(**FAST, cache_dir=tmp_path)
    await has_obeyed(asleep, 1)
    for one in (target, "/%76/b/1"):
        await asleep.get(one)
    assert (origin.count(target), origin.count("/%76/b/1")) == (3, 1)


async def test_what_is_being_fetched_when_its_tag_is_purged_is_not_stored(
    origin: CountingOrigin, start_edge: StartEdge, tmp_path: Path
) -> None:
    edge = await start_edge(**FAST, cache_dir=tmp_path)
    await _reads(tmp_path / "purges", "0")
    gate = asyncio.Event()
    headers = {"Cache-Control": "max-age=60", "Cache-Tag": "t"}
    origin.scripts["/a"] = Script([b"x", gate, b"y"], headers)
    async with edge.client() as client:
        client.ask("/a")
        await client.head()
        origin.purges.append({"tag": "t"})
        await has_obeyed(edge, 1)
        gate.set()
        await edge.until(lambda: len(edge.node.fills) == 0)
    origin.scripts["/a"] = Script([b"zz"], headers)
    assert (await edge.get("/a")).body == b"zz"


@pytest.mark.parametrize("order", [{"path": "/a"}, {"tag": "films"}])
async def test_what_a_post_under_way_leaves_is_purged_too(
    origin: CountingOrigin, start_edge: StartEdge, order: dict[str, object]
) -> None:
    edge = await following(start_edge, origin)
    rest = asyncio.Event()
    made = {"Cache-Control": "max-age=60", "Content-Location": "/a", "Cache-Tag": "films"}
    origin.scripts["/a"] = Script([b"ma", rest, b"de"], made)
    async with edge.client() as client:
        client.ask("/a", "Content-Length: 0", method="POST")
        await client.head()
        origin.purges.append(order)
        await has_obeyed(edge, 1)
        rest.set()
        assert await client.some(4) == b"made"
    origin.scripts["/a"] = Script([b"new"])
    assert (await edge.get("/a")).body == b"new"


@pytest.mark.parametrize("purge", [{"path": "/a"}, {"tag": "t"}])
async def test_what_was_purged_does_not_come_back_after_a_kill(
    origin: CountingOrigin, start_edge: StartEdge, tmp_path: Path, purge: dict[str, object]
) -> None:
    headers = {"Cache-Control": "max-age=60", "Cache-Tag": "t"}
    origin.scripts["/a"] = Script([b"old"], headers)
    position = tmp_path / "purges"
    async with child_edge(origin.url, tmp_path, EDGE_PURGE_INTERVAL_SECONDS="0.02") as child:
        await _reads(position, "0")
        await child.get("/a")
        origin.purges.append(purge)
        await _reads(position, "1")
        await child.kill()
    origin.scripts["/a"] = Script([b"new"], headers)
    again = await start_edge(cache_dir=tmp_path)
    assert (await again.get("/a")).body == b"new"


PURGES: list[dict[str, object]] = [{"path": "/a"}, {"tag": "t"}, {"path": "/*", "soft": True}]


def tagged(body: bytes) -> Script:
    headers = {"Cache-Control": "max-age=60", "Cache-Tag": "t", "ETag": f'"{body.decode()}"'}
    return Script([body], headers)


@pytest.mark.parametrize("purge", PURGES)
async def test_what_is_purged_does_not_come_back_from_a_parent_that_is_slower(
    origin: CountingOrigin, start_edge: StartEdge, purge: dict[str, object]
) -> None:
    shield = await start_edge(purge_interval_seconds=3600)
    await shield.until(lambda: origin.purge_reads == 1)
    edge = await start_edge(**FAST, parents=_url(shield))
    await edge.until(lambda: origin.purge_reads > 1)
    origin.scripts["/a"] = tagged(b"old")
    assert (await edge.get("/a")).body == b"old"
    origin.scripts["/a"] = tagged(b"new")
    origin.purges.append(purge)
    await has_obeyed(edge, 1)
    assert (await edge.get("/a")).body == b"new"
    assert "hit" in (await edge.get("/a")).cache_status
    assert (await shield.get("/a")).body == b"new"
    assert origin.count("/a") == 2


@pytest.mark.parametrize("purge", PURGES)
async def test_a_parent_that_cannot_read_the_log_is_not_asked_for_what_it_stores(
    origin: CountingOrigin,
    away: CountingOrigin,
    start_edge: StartEdge,
    purge: dict[str, object],
) -> None:
    shield = await start_edge(**FAST, origin=away.url)
    await shield.until(lambda: away.purge_reads > 0)
    edge = await start_edge(**FAST, parents=_url(shield))
    await edge.until(lambda: origin.purge_reads > 0)
    away.scripts["/a"] = tagged(b"old")
    assert (await edge.get("/a")).body == b"old"
    origin.scripts["/a"] = tagged(b"new")
    origin.purges.append(purge)
    await has_obeyed(edge, 1)
    assert (await edge.get("/a")).body == b"new"
    assert (await edge.get("/a", method="POST")).body == b"old"  # it only passes this on
    away.scripts["/b"] = tagged(b"from the shield")
    away.purges.append(purge)
    await has_obeyed(shield, 1)
    assert (await edge.get("/b")).body == b"from the shield"


async def test_every_worker_of_a_parent_obeys_before_it_answers(
    origin: CountingOrigin, start_edge: StartEdge, tmp_path: Path
) -> None:
    targets = [owned_by(worker, "t") for worker in (0, 1)]
    slow = {"EDGE_PURGE_INTERVAL_SECONDS": "3600"}
    async with running_node(origin.url, tmp_path / "log", **slow) as node:
        await node.until(lambda: origin.purge_reads == 3)  # two workers and their supervisor
        edge = await start_edge(**FAST, parents=f"http://127.0.0.1:{node.port}")
        await edge.until(lambda: origin.purge_reads > 3)
        for target in targets:
            origin.scripts[target] = Script([b"old"])
            for worker in (0, 1):
                assert (await node.get(worker, target)).body == b"old"
            assert (await edge.get(target)).body == b"old"
            origin.scripts[target] = Script([b"new"])
        origin.purges.append("/t*")
        await has_obeyed(edge, 1)
        for target in targets:
            assert (await edge.get(target)).body == b"new"


async def test_a_worker_does_without_another_that_is_behind(
    origin: CountingOrigin, tmp_path: Path
) -> None:
    target = owned_by(1, "t")
    slow = {"EDGE_PURGE_INTERVAL_SECONDS": "3600"}
    async with running_node(origin.url, tmp_path / "log", **slow) as node:
        await node.until(lambda: origin.purge_reads == 3)
        origin.scripts[target] = Script([b"old"])
        assert (await node.get(0, target)).body == b"old"
        # Its owner looks for a purge that is not there yet, and not again for an hour.
        assert (await node.get(1, target, "Streamer-Purges: 1")).status == 503
        origin.scripts[target] = Script([b"new"])
        origin.purges.append(target)
        assert (await node.get(0, target, "Streamer-Purges: 1")).body == b"new"


async def test_a_viewer_that_claims_to_be_ahead_is_turned_away_and_costs_nothing(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    edge = await start_edge(purge_interval_seconds=3600)
    await edge.until(lambda: origin.purge_reads == 1)
    origin.scripts["/a"] = Script()
    for _ in range(3):
        reply = await edge.get("/a", "Streamer-Purges: 7")
        assert (reply.status, "detail=purges-behind" in reply.cache_status) == (503, True)
    assert (origin.purge_reads, origin.count("/a")) == (2, 0)
    for said in ("0", "-1", "x", "1, 2", "\u00b2", "9" * 99):
        assert (await edge.get("/a", f"Streamer-Purges: {said}")).status == 200
    assert "streamer-purges" not in origin.seen[0].headers


def _url(edge: Edge) -> str:
    return f"http://127.0.0.1:{edge.port}"
