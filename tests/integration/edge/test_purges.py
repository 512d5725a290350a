"""What the origin's log of purges names is gone from the edge, from memory and from disk."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.edge.child import child_edge
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script

FAST = {"purge_interval_seconds": 0.02}


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
    for target in ("/v/a/1", "/v/b/1"):
        origin.scripts[target] = Script()
        await first.get(target)
    await first.until((tmp_path / "purges").exists)
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
