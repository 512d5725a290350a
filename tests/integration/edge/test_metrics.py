"""The metrics are true: scenarios, and what `/metrics` says of them."""

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CLOSE, CountingOrigin, Script, Seen

STALE = {"Cache-Control": "max-age=1", "ETag": '"1"'}


async def _samples(edge: Edge) -> dict[tuple[str, str | None], float]:
    _, text = await edge.admin("/metrics")
    return {
        (sample.name, sample.labels.get("result")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "le" not in sample.labels and "upstream" not in sample.labels
    }


async def test_every_result_is_counted_as_what_it_is(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge()
    rest = asyncio.Event()
    origin.scripts["/cold"] = Script([b"12345", rest, b"67890"])
    origin.scripts["/old"] = lambda seen: (
        Script([], STALE, 304) if "if-none-match" in seen.headers else Script([b"old"], STALE)
    )
    async with edge.client() as first, edge.client() as second:
        first.ask("/cold")
        await first.head()
        second.ask("/cold")
        await second.head()
        rest.set()
        await asyncio.gather(first.some(10), second.some(10))
    await edge.get("/cold")
    await edge.get("/old")
    await edge.pass_time(10)
    await edge.get("/old")
    await edge.get("/cold", "Content-Length: 0", method="POST")
    await edge.pass_time(10)
    await origin.close()
    await edge.get("/old")
    await edge.get("/gone")
    samples = await _samples(edge)
    for result, sent_bytes in {
        "hit": 10,
        "stale": 3,
        "revalidated": 3,
        "collapsed": 10,
        "miss": 13,
        "passed": 10,
        "error": 12,
    }.items():
        requests = {"miss": 2}.get(result, 1)
        assert samples["edge_requests_total", result] == requests, result
        assert samples["edge_sent_bytes_total", result] == sent_bytes, result
        for name in ("edge_first_byte_seconds", "edge_request_duration_seconds"):
            assert samples[f"{name}_count", result] == requests, result
    assert samples["edge_fetched_bytes_total", None] == 10 + 3 + 10
    assert samples["edge_revalidations_total", None] == 2
    assert samples["edge_fills_failed_total", None] == 2
    assert samples["edge_hit_ratio", None] == 4 / 8
    assert samples["edge_hit_ratio_bytes", None] == round(26 / 61, 9)


async def test_a_slow_first_byte_is_told_from_a_slow_body(
    edge: Edge, origin: CountingOrigin
) -> None:
    gate, rest = asyncio.Event(), asyncio.Event()
    origin.scripts["/slow"] = Script([b"12345", rest, b"67890"], before=gate)
    async with edge.client() as client:
        client.ask("/slow")
        await origin.arrived("/slow")
        await asyncio.sleep(0.02)
        gate.set()
        await client.head()
        await asyncio.sleep(0.03)
        rest.set()
        await client.some(10)
    # The edge counts when its task ends.
    await edge.until(lambda: not edge.node.fills.of(b"/slow"))
    samples = await _samples(edge)
    waited = samples["edge_first_byte_seconds_sum", "miss"]
    took = samples["edge_request_duration_seconds_sum", "miss"]
    # uvloop's clock counts whole milliseconds.
    assert waited >= 0.018
    assert took >= waited + 0.028


async def test_evictions_tiers_and_truncations_are_counted(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(memory_size="1M")
    origin.scripts["/cut"] = Script([b"x", CLOSE], length=9)
    await edge.get("/cut")

    def large(_: Seen) -> Script:
        return Script([b"x" * 200_000])

    for number in range(8):
        origin.scripts[f"/{number}"] = large
        await edge.get(f"/{number}")
    samples = await _samples(edge)
    stored = len(edge.node.cache.entries)
    assert samples["edge_fills_truncated_total", None] == 1
    assert samples["edge_evictions_total", None] == 8 - stored > 0
    assert samples["edge_memory_objects", None] == stored
    assert 200_000 * stored < samples["edge_memory_bytes", None] <= 1024**2
    assert samples["edge_memory_capacity_bytes", None] == 1024**2


async def test_the_loops_lag_and_the_software_are_told(edge: Edge) -> None:
    await edge.until(lambda: sum(edge.node.metrics.loop_lag.counts) > 0)
    samples = await _samples(edge)
    assert samples["edge_event_loop_lag_seconds_count", None] >= 1
    assert samples["edge_build_info", None] == 1
