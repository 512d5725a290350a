"""What the origin's log of purges names is gone from the edge, from memory and from disk."""

from pathlib import Path

from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script

FAST = {"purge_interval_seconds": 0.02}


async def has_obeyed(edge: Edge, purges: int) -> None:
    await edge.until(lambda: edge.node.metrics.counters.purges >= purges)


async def test_a_purged_path_is_fetched_again_with_all_its_queries(
    origin: CountingOrigin, start_edge: StartEdge
) -> None:
    edge = await start_edge(**FAST)
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
    edge = await start_edge(**FAST)
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
