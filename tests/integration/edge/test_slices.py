"""Large objects: put together from slices, each fetched once, whole or not at all."""

import asyncio
import hashlib
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from edge.metrics import Result
from streamer.core.purge import Kind, Order
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script
from tests.integration.edge.large_origin import LargeObject, LargeOrigin
from tests.integration.edge.raw_client import RawClient
from tests.integration.edge.worker_node import running_node

KIB, MIB, GIB = 1024, 1024**2, 1024**3
SLICE = 256 * KIB
SMALL = {"slice_threshold": "1M", "slice_size": "256K"}
TARGET = "/big.mp4"
KEY = b"/big.mp4"

_CHILD = """
import asyncio, sys
from contextlib import AsyncExitStack
import uvloop
from edge.node import Node
from edge.settings import EdgeSettings

async def main():
    settings = EdgeSettings(origin=sys.argv[1], port=0, admin_port=0, memory_size="64M")
    async with AsyncExitStack() as stack:
        node = await Node.open(settings, stack)
        print((await node.serve(stack)).port, flush=True)
        await asyncio.Event().wait()

uvloop.run(main())
"""


@pytest_asyncio.fixture
async def large() -> AsyncIterator[LargeOrigin]:
    origin = LargeOrigin()
    await origin.open()
    yield origin
    await origin.close()


def bounds(start: int, stop: int) -> str:
    return f"Range: bytes={start}-{stop - 1}"


async def settled(edge: Edge) -> None:
    await edge.until(lambda: len(edge.node.fills) == 0)


async def test_range_of_four_gigabytes_costs_the_slices_it_touches(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url)
    big = large.objects[TARGET] = LargeObject(4 * GIB)
    start = 3 * GIB + 12_345
    reply = await edge.get(TARGET, bounds(start, start + MIB))
    assert (reply.status, reply.body) == (206, big.bytes(start, start + MIB))
    assert reply.headers["content-range"] == f"bytes {start}-{start + MIB - 1}/{4 * GIB}"
    assert reply.headers["etag"] == '"v1"'
    assert "fwd=uri-miss" in reply.cache_status
    await settled(edge)
    assert large.ranges() == [f"bytes={3 * GIB}-{3 * GIB + 2 * MIB - 1}"]
    assert edge.node.metrics.counters.fetched_bytes == 2 * MIB
    assert edge.node.cache.memory.used_bytes < 3 * MIB
    assert large.sent_bytes < 12 * MIB  # with what the kernel took of the answer that was closed
    asked = len(large.seen)
    again = await edge.get(TARGET, bounds(start + 1000, start + 1900 * KIB))
    assert again.body == big.bytes(start + 1000, start + 1900 * KIB)
    assert "test; hit" in again.cache_status
    assert len(large.seen) == asked


async def test_whole_object_is_fetched_once_and_right(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url)
    big = large.objects[TARGET] = LargeObject(50 * MIB + 17)
    reply = await edge.get(TARGET)
    assert (reply.status, reply.headers["content-length"]) == (200, str(big.size))
    assert reply.body == big.bytes(0, big.size)
    assert "fwd=uri-miss; fwd-status=200" in reply.cache_status
    assert edge.node.metrics.counters.fetched_bytes == big.size
    again = await edge.get(TARGET)
    assert again.body == reply.body
    assert "test; hit" in again.cache_status
    assert edge.node.metrics.counters.fetched_bytes == big.size


async def test_viewers_of_one_object_share_its_slices(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(6 * MIB)
    whole = big.bytes(0, big.size)
    chooser = random.Random(7)
    wanted = [sorted(chooser.sample(range(big.size), 2)) for _ in range(20)]

    async def view(start: int, stop: int) -> bool:
        reply = await edge.get(TARGET, bounds(start, stop))
        return (reply.status, reply.body) == (206, whole[start:stop])

    views = [view(start, stop) for start, stop in wanted]
    full = [edge.get(TARGET) for _ in range(3)]
    assert all(await asyncio.gather(*views))
    assert {reply.body for reply in await asyncio.gather(*full)} == {whole}
    await settled(edge)
    assert edge.node.metrics.counters.fetched_bytes == big.size
    assert len(set(large.ranges())) == len(large.ranges())


async def test_answer_says_what_was_stored_of_it(start_edge: StartEdge, large: LargeOrigin) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    large.objects[TARGET] = LargeObject(4 * MIB)
    for want, said in [
        (bounds(SLICE, SLICE + 9), "fwd=uri-miss; fwd-status=200"),
        (bounds(SLICE, SLICE + 9), "hit"),
        (bounds(SLICE - 5, SLICE + 5), "fwd=partial"),
        (bounds(SLICE - 5, SLICE + 5), "hit"),
    ]:
        assert f"test; {said}" in (await edge.get(TARGET, want)).cache_status
    assert edge.node.metrics.requests(Result.HIT) == 2
    assert edge.node.metrics.requests(Result.MISS) == 2


async def test_head_answers_conditions_and_ranges(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB)
    await edge.get(TARGET, bounds(0, 10))
    asked = len(large.seen)
    head = await edge.get(TARGET, method="HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str(big.size))
    assert "age" in head.headers
    assert (await edge.get(TARGET, 'If-None-Match: "v1"')).status == 304
    assert (await edge.get(TARGET, 'If-Match: "v2"')).status == 412
    beyond = await edge.get(TARGET, f"Range: bytes={big.size}-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{big.size}")
    assert len(large.seen) == asked
    suffix = await edge.get(TARGET, "Range: bytes=-5")
    assert (suffix.status, suffix.body) == (206, big.bytes(big.size - 5, big.size))
    other = await edge.get(TARGET, "Range: bytes=1-5", 'If-Range: "v2"')
    assert (other.status, other.body) == (200, big.bytes(0, big.size))
    same = await edge.get(TARGET, "Range: bytes=1-5", 'If-Range: "v1"')
    assert (same.status, same.body) == (206, big.bytes(1, 6))


async def test_only_if_cached_gets_stored_slices_alone(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB)
    await edge.get(TARGET, bounds(0, 10))
    await settled(edge)
    asked, only = len(large.seen), "Cache-Control: only-if-cached"
    assert (await edge.get(TARGET, bounds(0, SLICE), only)).body == big.bytes(0, SLICE)
    assert (await edge.get(TARGET, bounds(0, SLICE + 1), only)).status == 504
    assert (await edge.get(TARGET, only, method="HEAD")).status == 200
    assert len(large.seen) == asked


async def test_viewer_that_stops_reading_stops_the_fetching(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url)
    big = large.objects[TARGET] = LargeObject(4 * GIB)
    async with edge.client() as client:
        client.ask(TARGET)
        await client.head()
        assert await client.some(MIB) == big.bytes(0, MIB)
        await settled(edge)
        assert edge.node.metrics.counters.fetched_bytes <= 8 * 2 * MIB
    await edge.until(lambda: not edge.node.site.connections)
    await settled(edge)
    assert edge.node.metrics.counters.fetched_bytes <= 8 * 2 * MIB


async def test_object_that_changes_meanwhile_is_cut_short_and_then_new(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(64 * MIB)
    old = big.bytes(0, big.size)
    async with edge.client() as client:
        client.ask(TARGET)
        _, headers = await client.head()
        assert headers["content-length"] == str(big.size)
        start = await client.some(SLICE)
        big.version = 2
        with pytest.raises(asyncio.IncompleteReadError) as cut:
            await client.some(big.size - SLICE)
    assert old.startswith(start + cut.value.partial)
    assert edge.node.metrics.counters.large_objects_changed == 1
    reply = await edge.get(TARGET, bounds(100, 2 * MIB))
    assert (reply.headers["etag"], reply.body) == ('"v2"', big.bytes(100, 2 * MIB))
    await settled(edge)
    versions = {key.split(b" ")[1].split(b".")[0] for key in edge.node.cache.entries}
    assert len(versions - {b""}) == 1


@pytest.mark.parametrize("honours_if_range", [True, False])
async def test_object_that_changed_is_sent_anew_while_nothing_was_sent(
    start_edge: StartEdge, large: LargeOrigin, honours_if_range: bool
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB, honours_if_range=honours_if_range)
    await edge.get(TARGET, bounds(0, 10))
    big.version, big.size = 2, 5 * MIB
    reply = await edge.get(TARGET, bounds(2 * MIB, 3 * MIB))
    assert (reply.status, reply.headers["etag"]) == (206, '"v2"')
    assert reply.headers["content-range"].endswith(f"/{5 * MIB}")
    assert reply.body == big.bytes(2 * MIB, 3 * MIB)


async def test_object_that_became_small_takes_the_place_of_the_large_one(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB)
    await edge.get(TARGET, bounds(0, 10))
    big.version, big.size = 2, 1000
    assert (await edge.get(TARGET, "Cache-Control: no-cache")).body == big.bytes(0, 1000)
    assert [entry.size_bytes for entry in edge.node.cache.variants(KEY)] == [1000]
    assert edge.node.cache.variants(KEY + b" ") == []


@pytest.mark.parametrize(
    "headers",
    [{"ETag": ""}, {"ETag": 'W/"v1"'}, {"Accept-Ranges": "none"}],
    ids=["no-validator", "weak-validator", "no-ranges"],
)
async def test_object_that_cannot_be_sliced_passes_through(
    start_edge: StartEdge, large: LargeOrigin, headers: dict[str, str]
) -> None:
    edge = await start_edge(origin=large.url, max_object_size="2M", **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB, headers=headers, has_ranges=False)
    reply = await edge.get(TARGET)
    assert reply.body == big.bytes(0, big.size)
    assert large.ranges() == []
    assert edge.node.cache.entries == {}


@pytest.mark.parametrize("promised", ["", "bytes"])
async def test_origin_that_ignores_ranges_is_found_out_and_left_alone(
    start_edge: StartEdge, large: LargeOrigin, promised: str
) -> None:
    edge = await start_edge(origin=large.url, max_object_size="8M", **SMALL)
    headers = {"Accept-Ranges": promised}
    big = large.objects[TARGET] = LargeObject(4 * MIB, headers=headers, has_ranges=False)
    wanted = bounds(2 * MIB, 3 * MIB)
    reply = await edge.get(TARGET, wanted)
    assert (reply.status, reply.body) == (200, big.bytes(0, big.size))
    asked = len(large.ranges())
    part = await edge.get(TARGET, wanted)
    assert (part.status, part.body) == (206, big.bytes(2 * MIB, 3 * MIB))
    assert len(large.ranges()) == asked
    await settled(edge)
    assert edge.node.cache.variants(KEY)[0].size_bytes == big.size


async def test_origin_without_the_promise_may_still_serve_ranges(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB, headers={"Accept-Ranges": ""})
    reply = await edge.get(TARGET)
    assert reply.body == big.bytes(0, big.size)
    assert len(large.ranges()) == 16


async def test_date_is_a_validator_when_it_is_old_enough(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    headers = {"ETag": "", "Last-Modified": "Tue, 01 Jan 2019 00:00:00 GMT"}
    big = large.objects[TARGET] = LargeObject(4 * MIB, headers=headers)
    assert (await edge.get(TARGET)).body == big.bytes(0, big.size)
    assert large.seen[-1].headers["if-range"] == headers["Last-Modified"]


async def test_slice_that_is_cut_short_is_fetched_again_and_never_stored(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB, cut_at=2 * MIB + 100_000)
    assert (await edge.get(TARGET)).body == big.bytes(0, big.size)
    assert edge.node.metrics.counters.fills_truncated == 1
    assert large.ranges().count(f"bytes={2 * MIB}-{2 * MIB + SLICE - 1}") == 2
    assert (await edge.get(TARGET)).body == big.bytes(0, big.size)


async def test_slice_that_is_too_short_is_fetched_again_and_never_stored(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB)
    await edge.get(TARGET, bounds(0, 10))
    big.ends_early = True
    reply = await edge.get(TARGET, bounds(2 * MIB, 2 * MIB + SLICE))
    assert reply.body == big.bytes(2 * MIB, 2 * MIB + SLICE)
    assert edge.node.metrics.counters.fills_truncated == 1


async def test_slice_of_which_little_was_wanted_is_completed(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, slice_size="8M")
    big = large.objects[TARGET] = LargeObject(40 * MIB)
    assert (await edge.get(TARGET, bounds(9 * MIB, 9 * MIB + 10))).status == 206
    await settled(edge)
    end = await edge.get(TARGET, bounds(16 * MIB - 10, 16 * MIB))
    assert end.body == big.bytes(16 * MIB - 10, 16 * MIB)
    assert "test; hit" in end.cache_status
    assert edge.node.metrics.counters.fills_abandoned == 0


async def test_head_outlives_the_slices_it_is_asked_for_with(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, memory_size="4M", **SMALL)
    large.objects[TARGET] = LargeObject(20 * MIB)
    await edge.get(TARGET)
    assert edge.node.metrics.counters.evictions > 0
    asked = len(large.seen) - len(large.ranges())
    assert "fwd=partial" in (await edge.get(TARGET, bounds(0, 10))).cache_status
    assert len(large.seen) - len(large.ranges()) == asked


async def test_without_room_slices_are_streams_of_their_own(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, slice_size="8M")
    big = large.objects[TARGET] = LargeObject(30 * MIB)
    object.__setattr__(edge.node.fills._limits, "in_flight_bytes", 0)
    replies = await asyncio.gather(*(edge.get(TARGET, bounds(5, 29 * MIB)) for _ in range(3)))
    assert {reply.body for reply in replies} == {big.bytes(5, 29 * MIB)}
    await settled(edge)
    assert list(edge.node.cache.entries) == [KEY + b" "]


async def test_stream_of_another_viewer_is_not_read_from_its_middle(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, slice_size="16M")
    big = large.objects[TARGET] = LargeObject(48 * MIB)
    first, second, third = 0, 16 * MIB, 32 * MIB
    await edge.get(TARGET, bounds(first, 10))
    await settled(edge)
    object.__setattr__(edge.node.fills._limits, "in_flight_bytes", 0)
    gate = big.gates[third] = asyncio.Event()
    async with edge.client() as quick, edge.client() as slow:
        quick.ask(TARGET, bounds(third, third + 16 * MIB))
        await edge.until(lambda: f"bytes={third}-{3 * second - 1}" in large.ranges())
        slow.ask(TARGET, bounds(second, third + 16 * MIB))
        await slow.head()
        gate.set()
        assert (await quick.reply()).body == big.bytes(third, third + 16 * MIB)
        assert await slow.some(32 * MIB) == big.bytes(second, third + 16 * MIB)


async def test_origin_that_goes_away_cuts_the_answer_short(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, connect_timeout_seconds=1, **SMALL)
    big = large.objects[TARGET] = LargeObject(64 * MIB)
    async with edge.client() as client:
        client.ask(TARGET)
        await client.head()
        start = await client.some(SLICE)
        await large.close()
        with pytest.raises(asyncio.IncompleteReadError) as cut:
            await client.some(big.size - SLICE)
    assert big.bytes(0, big.size).startswith(start + cut.value.partial)
    stored = await edge.get(TARGET, bounds(0, SLICE))
    assert (stored.status, stored.body) == (206, big.bytes(0, SLICE))
    missing = await edge.get(TARGET, bounds(60 * MIB, 61 * MIB))
    assert missing.status == 502


async def test_stale_head_is_validated_and_the_slices_stay(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(4 * MIB)
    await edge.get(TARGET)
    await edge.pass_time(120)
    ranges = len(large.ranges())
    reply = await edge.get(TARGET, bounds(5, MIB))
    assert reply.body == big.bytes(5, MIB)
    assert "fwd=stale; fwd-status=304" in reply.cache_status
    assert len(large.ranges()) == ranges
    assert "test; hit" in (await edge.get(TARGET)).cache_status


@pytest.mark.parametrize("how", ["purge", "wildcard", "delete"])
async def test_what_is_purged_is_gone_with_its_slices(
    start_edge: StartEdge, large: LargeOrigin, how: str
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    large.objects[TARGET] = LargeObject(4 * MIB)
    large.objects["/other"] = LargeObject(2 * MIB)
    await edge.get(TARGET)
    await edge.get("/other")
    if how == "delete":
        await edge.get(TARGET, method="DELETE")
    else:
        path = "/big*" if how == "wildcard" else TARGET
        await edge.node.cache.purge(Order(Kind.PATH, path))
    asked = len(large.seen)
    assert "fwd=uri-miss" in (await edge.get(TARGET)).cache_status
    assert len(large.seen) == asked + (1 if how == "delete" else 16)
    assert "test; hit" in (await edge.get("/other")).cache_status


async def test_slices_survive_a_restart(
    start_edge: StartEdge, large: LargeOrigin, tmp_path: Path
) -> None:
    options = {"origin": large.url, "cache_dir": tmp_path, "memory_size": "4M", **SMALL}
    big = large.objects[TARGET] = LargeObject(8 * MIB)
    first = await start_edge(**options)
    await first.get(TARGET)
    await first.until(lambda: first.node.metrics.counters.disk_writes == 33)
    await first.close()
    second = await start_edge(**options)
    await second.until(lambda: len(second.node.cache.disk) == 33)
    asked = len(large.seen)
    reply = await second.get(TARGET)
    assert reply.body == big.bytes(0, big.size)
    assert "test; hit" in reply.cache_status
    assert len(large.seen) == asked


async def test_parts_are_no_targets_of_their_own(start_edge: StartEdge, large: LargeOrigin) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    large.objects[TARGET] = LargeObject(4 * MIB)
    await edge.get(TARGET)
    for key in list(edge.node.cache.entries):
        async with edge.client() as client:
            client.ask(TARGET)  # its header section is remembered
            await client.reply()
            client.ask(key.decode())
            assert (await client.head())[0] == 400


async def test_variants_of_a_large_object_do_not_mix(
    start_edge: StartEdge, large: LargeOrigin
) -> None:
    edge = await start_edge(origin=large.url, **SMALL)
    big = large.objects[TARGET] = LargeObject(2 * MIB, headers={"Vary": "X-V"})
    first = await edge.get(TARGET, "X-V: 1")
    big.version = 2
    second = await edge.get(TARGET, "X-V: 2")
    assert first.body != second.body
    assert second.body == big.bytes(0, big.size)
    assert (await edge.get(TARGET, "X-V: 1")).body == first.body
    assert len({first.headers["etag"], second.headers["etag"]}) == 2


async def test_edge_behind_an_edge_slices_too(start_edge: StartEdge, large: LargeOrigin) -> None:
    shield = await start_edge(origin=large.url, region="shield")
    edge = await start_edge(origin=f"http://127.0.0.1:{shield.port}")
    big = large.objects[TARGET] = LargeObject(1 * GIB)
    start = 700 * MIB + 5
    reply = await edge.get(TARGET, bounds(start, start + MIB))
    assert reply.body == big.bytes(start, start + MIB)
    await settled(edge)
    await settled(shield)
    assert shield.node.metrics.counters.fetched_bytes <= 5 * 2 * MIB
    assert edge.node.metrics.counters.fetched_bytes == 2 * MIB


async def test_workers_of_a_node_fetch_a_slice_once(large: LargeOrigin, tmp_path: Path) -> None:
    big = large.objects[TARGET] = LargeObject(4 * MIB)
    settings = {f"EDGE_{name.upper()}": value for name, value in SMALL.items()}
    async with running_node(large.url, tmp_path / "log", **settings) as node:
        part = bounds(MIB + 5, 2 * MIB)
        parts = await asyncio.gather(*(node.get(n, TARGET, part) for n in (0, 1)))
        wholes = await asyncio.gather(*(node.get(n, TARGET) for n in (0, 1)))
        again = [await node.get(n, TARGET) for n in (0, 1)]
    assert {reply.body for reply in parts} == {big.bytes(MIB + 5, 2 * MIB)}
    assert {reply.body for reply in (*wholes, *again)} == {big.bytes(0, big.size)}
    assert all("test; hit" in reply.cache_status for reply in again)
    # One that was begun ahead for the other worker, which then asked for slices itself, may end.
    assert len(large.ranges()) <= len(set(large.ranges())) + 1
    assert len(large.seen) - len(large.ranges()) == 1


async def test_what_is_fetched_ahead_is_fetched_whole(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(**SMALL)
    listed = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.m4s\n#EXT-X-ENDLIST\n"
    headers = {"Cache-Control": "max-age=60", "ETag": '"v"', "Accept-Ranges": "bytes"}
    origin.scripts["/v/index.m3u8"] = Script([listed], headers)
    origin.scripts["/v/0.m4s"] = Script([b"x" * 2 * MIB], headers)
    await edge.get("/v/index.m3u8")
    await edge.until(lambda: edge.node.metrics.counters.prefetch_bytes == 2 * MIB)
    reply = await edge.get("/v/0.m4s")
    assert (reply.body, origin.count("/v/0.m4s")) == (b"x" * 2 * MIB, 1)
    assert "hit" in reply.cache_status


async def test_memory_stays_bounded_while_much_passes(large: LargeOrigin) -> None:
    big = large.objects[TARGET] = LargeObject(4 * GIB)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, large.url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            port = int(await process.stdout.readline())
        before = _resident_bytes(process.pid, "VmRSS")
        async with RawClient(port) as client:
            client.ask(TARGET, bounds(GIB, GIB + 300 * MIB))
            await client.head()
            got = hashlib.blake2b()
            for _ in range(300):
                got.update(await client.some(MIB))
        wanted = hashlib.blake2b()
        for place in range(GIB, GIB + 300 * MIB, MIB):
            wanted.update(big.bytes(place, place + MIB))
        assert got.digest() == wanted.digest()
        assert _resident_bytes(process.pid, "VmHWM") - before < 140 * MIB
        process.send_signal(signal.SIGTERM)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _resident_bytes(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(field))
    return int(line.split()[1]) * KIB
