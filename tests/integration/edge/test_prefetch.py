"""Segments are at the edge before they are asked for: once, in bounds, in nobody's way."""

import asyncio
import tracemalloc

from edge.core.behaviours import Behaviours
from edge.core.fields import Fields
from edge.fill import FillRequest
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CLOSE, CountingOrigin, Script

IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
PLAYLIST = {"Cache-Control": "public, max-age=60", "Content-Type": "application/vnd.apple.mpegurl"}
GROWING = PLAYLIST | {"Cache-Control": "public, max-age=1"}


def _media(names: list[str], *, ended: bool = True, target: int = 4) -> bytes:
    lines = ["#EXTM3U", f"#EXT-X-TARGETDURATION:{target}", "#EXT-X-PLAYLIST-TYPE:EVENT"]
    lines.append('#EXT-X-MAP:URI="init.mp4"')
    for name in names:
        lines += [f"#EXTINF:{target}.0,", name]
    return ("\n".join(lines + ["#EXT-X-ENDLIST"] * ended) + "\n").encode()


def _publish(
    origin: CountingOrigin, rendition: str, count: int, *, ended: bool = True, seconds: int = 4
) -> list[str]:
    names = [f"{n}.m4s" for n in range(count)]
    headers = PLAYLIST if ended else GROWING
    media = _media(names, ended=ended, target=seconds)
    origin.scripts[f"/v/{rendition}/index.m3u8"] = Script([media], headers)
    targets = [f"/v/{rendition}/{name}" for name in names]
    for target in (*targets, f"/v/{rendition}/init.mp4"):
        origin.scripts.setdefault(target, Script([target.encode() * 100], IMMUTABLE))
    return targets


def _publish_master(origin: CountingOrigin) -> None:
    origin.scripts["/v/index.m3u8"] = Script(
        [
            b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="e",URI="audio/index.m3u8"\n'
            b'#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nlow/index.m3u8\n'
            b'#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="a"\nhigh/index.m3u8\n'
        ],
        PLAYLIST,
    )


async def _settled(edge: Edge) -> None:
    await edge.until(lambda: not edge.node.prefetcher._wanted and not len(edge.node.fills))


def _asked(origin: CountingOrigin) -> list[str]:
    return [seen.target for seen in origin.seen if not seen.target.endswith(".m3u8")]


async def test_opened_playlist_brings_init_and_first_segment(
    edge: Edge, origin: CountingOrigin
) -> None:
    targets = _publish(origin, "low", 5)
    await edge.get("/v/low/index.m3u8")
    await edge.until(lambda: edge.node.metrics.counters.prefetch_requests == 2)
    await _settled(edge)
    assert _asked(origin) == ["/v/low/init.mp4", targets[0]]


async def test_next_segments_are_fetched_once_and_never_past_the_end(
    edge: Edge, origin: CountingOrigin
) -> None:
    targets = _publish(origin, "low", 5)
    await edge.get("/v/low/index.m3u8")
    await edge.get("/v/low/init.mp4")
    for index, target in enumerate(targets):
        await _settled(edge)
        reply = await edge.get(target)
        assert reply.body == target.encode() * 100
        assert "hit" in reply.cache_status, target
        await _settled(edge)
        expected = targets[: min(index + 3, len(targets))]
        assert sorted(set(_asked(origin)) - {"/v/low/init.mp4"}) == expected
    assert len(_asked(origin)) == len(set(_asked(origin)))
    counters = edge.node.metrics.counters
    assert counters.prefetch_used + counters.prefetch_late == 6
    assert counters.prefetch_requests == 6
    assert counters.prefetch_wasted == counters.prefetch_failed == 0
    assert counters.prefetch_used_bytes == counters.prefetch_bytes


async def test_first_hit_says_prefetched(edge: Edge, origin: CountingOrigin) -> None:
    targets = _publish(origin, "low", 3)
    await edge.get("/v/low/index.m3u8")
    await edge.until(lambda: bool(edge.node.cache.variants(targets[0].encode())))
    first, second = await edge.get(targets[0]), await edge.get(targets[0])
    assert first.cache_status.endswith("detail=prefetched")
    assert "detail" not in second.cache_status


async def test_hits_in_place_trigger_prefetch_too(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(prefetch_segments=1)
    targets = _publish(origin, "low", 4)
    await edge.get(targets[0])  # before any playlist: nothing is known of it
    await edge.get("/v/low/index.m3u8")
    await _settled(edge)
    async with edge.client() as client:
        for _ in range(2):
            client.ask(targets[0])
            await client.reply()
    assert edge.node.metrics.hits == 1
    await edge.until(lambda: bool(edge.node.cache.variants(targets[1].encode())))
    assert targets[2] not in _asked(origin)


async def test_matching_audio_comes_along(edge: Edge, origin: CountingOrigin) -> None:
    _publish_master(origin)
    video, audio = _publish(origin, "low", 6), _publish(origin, "audio", 6)
    _publish(origin, "high", 6)
    for playlist in ("/v/index.m3u8", "/v/low/index.m3u8", "/v/audio/index.m3u8"):
        await edge.get(playlist)
    await _settled(edge)
    await edge.get(video[2])
    await _settled(edge)
    asked = _asked(origin)
    assert {*video[2:5], *audio[2:5]} <= set(asked)
    assert not {video[5], audio[5]} & set(asked)
    assert not any("/high/" in target for target in asked)
    await edge.get(audio[3])
    await _settled(edge)
    assert {video[5], audio[5]} <= set(_asked(origin))
    assert len(_asked(origin)) == len(set(_asked(origin)))


async def test_viewer_joins_the_fetch_that_runs_ahead_of_it(
    edge: Edge, origin: CountingOrigin
) -> None:
    targets = _publish(origin, "low", 2)
    rest = asyncio.Event()
    origin.scripts[targets[0]] = Script([b"first", rest, b"last"], IMMUTABLE)
    await edge.get("/v/low/index.m3u8")
    await origin.arrived(targets[0])
    async with edge.client() as client:
        client.ask(targets[0])
        _, headers = await client.head()
        assert "collapsed" in headers["cache-status"]
        assert await client.some(5) == b"first"
        rest.set()
        assert await client.some(4) == b"last"
    assert origin.count(targets[0]) == 1
    counters = edge.node.metrics.counters
    assert counters.prefetch_late == 1
    await _settled(edge)
    assert counters.prefetch_wasted == 0


async def test_viewers_own_request_goes_first(edge: Edge, origin: CountingOrigin) -> None:
    targets = _publish(origin, "low", 4, seconds=60)
    await edge.get("/v/low/index.m3u8")
    await _settled(edge)
    rest = asyncio.Event()
    origin.scripts["/other"] = Script([b"first", rest, b"last"])
    async with edge.client() as client:
        client.ask("/other")
        await client.head()
        await edge.get(targets[0])
        await edge.until(lambda: len(edge.node.prefetcher._wanted) == 2)
        assert targets[1] not in _asked(origin)
        rest.set()
        await client.some(9)
    await _settled(edge)
    assert targets[1] in _asked(origin)


async def test_patience_ends_so_that_the_next_segment_comes_in_time(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/v/low/index.m3u8"] = Script([_media(["0.m4s", "1.m4s"], target=1)], PLAYLIST)
    for name in ("init.mp4", "0.m4s", "1.m4s"):
        origin.scripts[f"/v/low/{name}"] = Script([b"x"], IMMUTABLE)
    origin.scripts["/other"] = Script([b"first", asyncio.Event()], length=9)
    async with edge.client() as client:
        client.ask("/other")
        await client.head()
        await edge.get("/v/low/index.m3u8")
        await origin.arrived("/v/low/0.m4s")


async def test_growing_playlist_is_followed_ahead_of_the_viewer(
    edge: Edge, origin: CountingOrigin
) -> None:
    names = [f"{n}.m4s" for n in range(4)]
    playlist = "/v/low/index.m3u8"
    short = _media(names[:2], ended=False, target=1)
    origin.scripts[playlist] = Script([short], GROWING)
    for name in ("init.mp4", *names):
        origin.scripts[f"/v/low/{name}"] = Script([name.encode()], IMMUTABLE)
    await edge.get(playlist)
    await edge.get("/v/low/1.m4s")
    origin.scripts[playlist] = Script([_media(names, target=1)], PLAYLIST)
    await edge.until(lambda: bool(edge.node.cache.variants(b"/v/low/3.m4s")))
    assert "detail=prefetched" in (await edge.get("/v/low/2.m4s")).cache_status
    assert origin.count(playlist) <= 3
    await _settled(edge)
    assert not edge.node.prefetcher._refreshes


async def test_failure_to_look_at_a_playlist_never_meets_a_viewer(
    edge: Edge, origin: CountingOrigin
) -> None:
    playlist = "/v/low/index.m3u8"
    _publish(origin, "low", 2, ended=False, seconds=1)
    good = origin.scripts[playlist]
    assert isinstance(good, Script)
    moved = Script([], {"Cache-Control": "max-age=3600", "Location": playlist}, status=301)
    origin.scripts[playlist] = lambda _: moved if origin.count(playlist) == 2 else good
    await edge.get(playlist)
    await edge.get("/v/low/1.m4s")
    await origin.arrived(playlist, 2)
    await _settled(edge)
    reply = await edge.get(playlist)
    assert (reply.status, reply.body) == (200, good.pieces[0])


class _Resolving(Behaviours):
    """Counts how often a segment's key was looked for."""

    count = 0

    def beside(self, key: bytes, target: str) -> bytes | None:
        self.count += 1
        return super().beside(key, target)


async def test_growing_playlist_costs_what_is_added_to_it(
    edge: Edge, origin: CountingOrigin
) -> None:
    resolving = _Resolving()
    edge.node.explainer.rules.current = resolving
    for count in (40, 41):
        _publish(origin, "low", count, ended=False)
        resolving.count = 0
        edge.node.cache.invalidate(b"/v/low/index.m3u8")
        await edge.get("/v/low/index.m3u8")
        await edge.until(lambda: edge.node.prefetcher._index.knows(b"/v/low/%d.m4s" % (count - 1)))  # noqa: B023
    assert resolving.count <= 2


async def test_viewers_tokens_cost_no_memory(edge: Edge) -> None:
    body = _media([f"{n:05d}.m4s" for n in range(1000)])
    tracemalloc.start()
    held_bytes = []
    for number in range(21):
        edge.node.prefetcher.learn(b"/v/i.m3u8?token=%d" % number, Fields(), body)
        held_bytes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held_bytes[-1] - held_bytes[0] < held_bytes[0] / 2


async def test_failed_fetch_ahead_never_meets_a_viewer(edge: Edge, origin: CountingOrigin) -> None:
    targets = _publish(origin, "low", 3)
    good = origin.scripts[targets[0]]
    for broken in (
        Script([b"no"], {}, status=404),
        Script([b"no"], IMMUTABLE, status=500),
        Script([b"cut", CLOSE], IMMUTABLE, length=99),
    ):
        origin.scripts[targets[0]] = broken
        edge.node.cache.invalidate(b"/v/low/index.m3u8")
        before = edge.node.metrics.counters.prefetch_failed
        await edge.get("/v/low/index.m3u8")
        failed = before + 1
        await edge.until(lambda: edge.node.metrics.counters.prefetch_failed == failed)  # noqa: B023
        origin.scripts[targets[0]] = good
        reply = await edge.get(targets[0])
        assert (reply.status, reply.body) == (200, targets[0].encode() * 100)
        edge.node.cache.invalidate(targets[0].encode())
        edge.node.prefetcher._index._watches.clear()


async def test_viewer_joining_a_fetch_that_fails_gets_its_own(
    edge: Edge, origin: CountingOrigin
) -> None:
    targets = _publish(origin, "low", 2)
    gate = asyncio.Event()
    good = Script([b"good"], IMMUTABLE)
    scripts = [Script([b"no"], {}, status=404, before=gate), good]
    origin.scripts[targets[0]] = lambda _: scripts[min(origin.count(targets[0]), 2) - 1]
    await edge.get("/v/low/index.m3u8")
    await origin.arrived(targets[0])
    ask = asyncio.create_task(edge.get(targets[0]))
    await edge.until(lambda: any(fill.viewers for fill in edge.node.fills._running))
    gate.set()
    assert (await ask).status == 200


async def test_fetch_ahead_that_outgrows_the_bound_is_given_up(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(max_object_size="16K", prefetch_concurrency=1)
    origin.scripts["/v/low/init.mp4"] = Script([b"x" * 100_000] * 40, IMMUTABLE, length=-1)
    targets = _publish(origin, "low", 1)
    await edge.get("/v/low/index.m3u8")
    await edge.until(lambda: bool(edge.node.cache.variants(targets[0].encode())))
    assert edge.node.metrics.counters.fills_abandoned == 1
    assert edge.node.metrics.counters.prefetch_failed == 1


async def test_fetch_ahead_that_outgrows_the_bound_ends_when_its_viewer_leaves(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(max_object_size="16K")
    (target,) = _publish(origin, "low", 1)
    rest = asyncio.Event()
    large = Script([b"first", rest, b"x" * 100_000, asyncio.Event()], IMMUTABLE, length=-1)
    origin.scripts[target] = large
    await edge.get("/v/low/index.m3u8")
    await origin.arrived(target)
    async with edge.client() as client:
        client.ask(target)
        await client.head()
        rest.set()
        await client.some(100_000)
    await _settled(edge)
    assert edge.node.metrics.counters.fills_abandoned == 1


async def test_fetch_ahead_that_has_lost_its_worth_is_given_up(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([b"first", asyncio.Event(), b"last"])
    edge.node.fills.start(FillRequest(b"/a", Fields(), kept_until=edge.node.clock.now))
    await origin.arrived("/a")
    await _settled(edge)
    assert edge.node.metrics.counters.fills_abandoned == 1


async def test_unused_objects_keep_to_their_share_and_count_as_wasted(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(memory_size="1M")
    for n in range(12):
        targets = _publish(origin, f"r{n}", 1)
        origin.scripts[targets[0]] = Script([b"x" * 100_000], IMMUTABLE)
        await edge.get(f"/v/r{n}/index.m3u8")
        await _settled(edge)
    counters, memory = edge.node.metrics.counters, edge.node.cache.memory
    assert memory.waiting_bytes <= memory.waiting_capacity_bytes
    assert counters.prefetch_skipped > 0
    for n in range(12):
        origin.scripts[f"/fill{n}"] = Script([b"x" * 200_000])
        await edge.get(f"/fill{n}")
        await edge.get(f"/fill{n}")
    edge.node.cache.invalidate(b"/v/r0/0.m4s")
    assert counters.prefetch_wasted_bytes >= 100_000


async def test_zero_turns_it_off(start_edge: StartEdge, origin: CountingOrigin) -> None:
    edge = await start_edge(prefetch_segments=0)
    targets = _publish(origin, "low", 3)
    await edge.get("/v/low/index.m3u8")
    await edge.get(targets[0])
    assert _asked(origin) == [targets[0]]
    assert edge.node.metrics.counters.prefetch_requests == 0


async def test_unstored_playlist_is_read_in_passing(edge: Edge, origin: CountingOrigin) -> None:
    targets = _publish(origin, "low", 3)
    body = _media(["0.m4s", "1.m4s", "2.m4s"])
    origin.scripts["/v/low/index.m3u8"] = Script([body], {"Cache-Control": "no-store"})
    assert (await edge.get("/v/low/index.m3u8")).body == body
    await edge.until(lambda: bool(edge.node.cache.variants(targets[0].encode())))
