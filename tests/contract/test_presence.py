"""What the catalog promises of edges and workers, in both databases."""

from dataclasses import replace
from datetime import timedelta

from streamer.core.edges import Edge
from streamer.shared.catalog import Catalog
from tests.catalogs import NOW


def edge(edge_id: str, region: str = "fra") -> Edge:
    return Edge(edge_id, region, f"https://{edge_id}.example.org", "0.1.0", NOW, NOW)


async def test_edges_live_while_they_report(catalog: Catalog) -> None:
    await catalog.heartbeat(edge("edge-2"), now=NOW)
    await catalog.heartbeat(edge("edge-1"), now=NOW)
    await catalog.heartbeat(edge("edge-3", "ams"), now=NOW)
    later = NOW + timedelta(seconds=30)
    await catalog.heartbeat(replace(edge("edge-2"), version="0.2.0"), now=later)
    living = await catalog.living_edges(now=later, within_seconds=30)
    assert [found.id for found in living] == ["edge-3", "edge-1", "edge-2"]
    living = await catalog.living_edges(now=later, within_seconds=29)
    assert living == [replace(edge("edge-2"), version="0.2.0", seen_at=later)]


async def test_edges_silent_for_days_are_forgotten(catalog: Catalog) -> None:
    await catalog.heartbeat(edge("edge-1"), now=NOW)
    later = NOW + timedelta(days=2)
    await catalog.heartbeat(edge("edge-2"), now=later)
    living = await catalog.living_edges(now=later, within_seconds=timedelta(days=9).total_seconds())
    assert [found.id for found in living] == ["edge-2"]


async def test_workers_are_known_by_their_last_heartbeat_until_they_are_forgotten(
    catalog: Catalog,
) -> None:
    earlier, later = NOW - timedelta(seconds=10), NOW + timedelta(seconds=10)
    await catalog.worker_heartbeat("worker-1", now=NOW)
    await catalog.worker_heartbeat("worker-2", now=later)
    await catalog.worker_heartbeat("worker-2", now=earlier)
    assert await catalog.worker_heartbeats() == {"worker-1": NOW, "worker-2": earlier}
    await catalog.forget_worker("worker-1")
    await catalog.forget_worker("worker-1")
    assert await catalog.worker_heartbeats() == {"worker-2": earlier}


async def test_a_release_looks_after_workers_of_its_own_and_earlier_ones(
    catalog: Catalog, newer: Catalog
) -> None:
    await catalog.worker_heartbeat("earlier", now=NOW)
    await newer.worker_heartbeat("later", now=NOW)
    both = {"earlier": NOW, "later": NOW}
    for release in (catalog, newer):
        assert await release.worker_heartbeats() == both
    assert await newer.worker_heartbeats(but_newer=True) == both
    assert await catalog.worker_heartbeats(but_newer=True) == {"earlier": NOW}
