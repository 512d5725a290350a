"""Several workers are one cache: real processes, real sockets, an origin that counts."""

import asyncio
import json
import os
import random
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from tests.integration.edge.counting_origin import CLOSE, CountingOrigin, Script, Seen
from tests.integration.edge.worker_node import (
    WorkerNode,
    json_lines,
    owned_by,
    rows_on_disk,
    running_node,
    start_node,
)
from tests.processes import children, is_running
from tests.servers import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST = b"f" * 10_000
LAST = b"l" * 10_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin() -> AsyncIterator[CountingOrigin]:
    origin = CountingOrigin()
    await origin.open()
    yield origin
    await origin.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(
    origin: CountingOrigin, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WorkerNode]:
    home = tmp_path_factory.mktemp("workers")
    async with running_node(
        origin.url, home / "log", "--cache-dir", str(home / "cache")
    ) as running:
        yield running


async def test_hundred_first_requests_are_one_fetch_and_get_bytes_as_they_arrive(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([FIRST, rest, LAST])
    got_first = asyncio.Barrier(101)

    async def view(number: int) -> tuple[str, bytes]:
        async with node.client(number % 2) as client:
            client.ask("/a")
            _, headers = await client.head()
            first = await client.some(len(FIRST))
            async with asyncio.timeout(60):
                await got_first.wait()
            return headers["cache-status"], first + await client.some(len(LAST))

    viewers = [asyncio.create_task(view(number)) for number in range(100)]
    async with asyncio.timeout(60):
        await got_first.wait()
    assert not rest.is_set()
    rest.set()
    seen = await asyncio.gather(*viewers)
    assert {body for _, body in seen} == {FIRST + LAST}
    assert sum("collapsed" in status for status, _ in seen) == 99
    assert origin.count("/a") == 1


async def test_the_inner_hop_leaves_no_trace(node: WorkerNode, origin: CountingOrigin) -> None:
    target = owned_by(0, "trace")
    origin.scripts[target] = Script(headers={"Cache-Control": "max-age=60", "Via": "1.1 shield"})
    miss = await node.get(1, target, "X-Forwarded-For: 192.0.2.7")
    assert re.fullmatch(
        r"edge-test; fwd=uri-miss; fwd-status=200; ttl=(5\d|60); stored", miss.cache_status
    )
    seen = next(one for one in origin.seen if one.target == target)
    own = miss.headers["via"].removeprefix("1.1 shield, ")
    assert own.count("1.1") == 1
    assert seen.headers["via"] == own
    assert seen.headers["x-forwarded-for"] == "192.0.2.7, 127.0.0.1"
    assert seen.headers["cdn-loop"].count("node=") == 1
    for worker in (1, 0):
        hit = await node.get(worker, target)
        assert hit.cache_status.startswith("edge-test; hit; ttl=")
        assert hit.headers["via"] == miss.headers["via"]
    assert origin.count(target) == 1


async def test_what_the_owner_has_is_a_hit_at_every_worker(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target = owned_by(1, "had")
    origin.scripts[target] = Script(headers={"Cache-Control": "max-age=60", "Age": "20"})
    await node.get(1, target)
    hits = await node.metric("edge_requests_total", 'result="hit"')
    reply = await node.get(0, target)
    assert reply.cache_status.startswith("edge-test; hit; ttl=")
    assert 20 <= int(reply.headers["age"]) < 30
    assert await node.metric("edge_requests_total", 'result="hit"') == hits + 1
    assert origin.count(target) == 1


async def test_a_copy_is_validated_with_the_owner_and_the_owner_with_the_origin(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target = owned_by(0, "validated")

    def answer(seen: Seen) -> Script:
        headers = {"Cache-Control": "max-age=0, stale-if-error=60", "ETag": '"1"'}
        return Script(headers=headers, status=304 if "if-none-match" in seen.headers else 200)

    origin.scripts[target] = answer
    await node.get(1, target)
    reply = await node.get(1, target)
    assert (reply.status, reply.body) == (200, b"body")
    assert "fwd=stale; fwd-status=304" in reply.cache_status
    assert origin.count(target) == 2


async def test_a_reload_goes_to_the_origin_through_both(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target = owned_by(0, "reload")
    origin.scripts[target] = Script(headers={"Cache-Control": "max-age=60", "ETag": '"1"'})
    await node.get(1, target)
    origin.scripts[target] = Script(
        [b"new"], headers={"Cache-Control": "max-age=60", "ETag": '"2"'}
    )
    reply = await node.get(1, target, "Cache-Control: no-cache")
    assert reply.body == b"new"
    assert "fwd=request; fwd-status=200" in reply.cache_status
    assert (await node.get(0, target)).body == b"new"
    assert origin.count(target) == 2


async def test_stale_answers_while_the_origin_is_asked_once(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target = owned_by(0, "meanwhile")
    stale = {"Cache-Control": "max-age=0, stale-while-revalidate=60", "ETag": '"1"'}
    origin.scripts[target] = Script(headers=stale)
    await node.get(1, target)
    held = asyncio.Event()
    origin.scripts[target] = Script([b"new"], {"Cache-Control": "max-age=60"}, before=held)
    first = await node.get(1, target)
    await origin.arrived(target, 2)
    second = await node.get(0, target)
    assert (first.body, second.body) == (b"body", b"body")
    held.set()
    async with asyncio.timeout(10):
        while (await node.get(1, target)).body != b"new":
            pass
    assert origin.count(target) == 2


async def test_stale_answers_for_an_origin_that_fails(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target = owned_by(0, "failing")
    headers = {"Cache-Control": "max-age=0, stale-if-error=60", "ETag": '"1"'}
    origin.scripts[target] = Script(headers=headers)
    await node.get(1, target)
    origin.scripts[target] = Script(status=503)
    reply = await node.get(1, target)
    assert (reply.status, reply.body) == (200, b"body")
    assert "fwd=stale" in reply.cache_status


async def test_an_origin_that_is_gone_is_asked_once_for_all(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target = owned_by(0, "gone-origin")
    asked = asyncio.Event()
    origin.scripts[target] = Script([CLOSE], length=4, before=asked)
    clients = [node.client(1) for _ in range(5)]
    async with AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(client) for client in clients]
        for viewer in viewers:
            viewer.ask(target)
        await origin.arrived(target)
        await node.until_metric("edge_fills_in_flight", 2)
        asked.set()
        replies = [await viewer.reply() for viewer in viewers]
    assert {reply.is_whole for reply in replies} == {False}
    assert origin.count(target) == 1


async def test_the_owners_failure_is_every_workers_failure(
    tmp_path: Path, origin: CountingOrigin
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with running_node(nowhere, tmp_path / "log") as node:
        for worker in (0, 1):
            reply = await node.get(worker, owned_by(0, "nowhere"))
            assert reply.status == 502
            assert reply.cache_status == "edge-test; fwd=uri-miss; detail=upstream-connect"
        assert await node.metric("edge_fills_failed_total") == 2
        assert await node.metric("edge_worker_fetches_total") == 1


async def test_a_large_object_is_fetched_once_in_slices(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target, size = owned_by(0, "large"), 20 * 1024 * 1024
    content = random.Random(7).randbytes(size)
    headers = {"Cache-Control": "max-age=600", "ETag": '"v1"', "Accept-Ranges": "bytes"}

    def answer(seen: Seen) -> Script:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.headers.get("range", ""))
        if wanted is None:
            return Script([content], headers)
        start, stop = int(wanted[1]), min(int(wanted[2]) + 1, size)
        ranged = {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return Script([content[start:stop]], ranged, status=206)

    origin.scripts[target] = answer
    fetched = await node.metric("edge_fetched_bytes_total")
    for worker in (1, 0, 1):
        reply = await node.get(worker, target)
        assert reply.body == content
    assert await node.metric("edge_fetched_bytes_total") - fetched <= size + 4 * 1024 * 1024


async def test_what_passes_goes_straight_to_the_origin(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    before = await node.metric("edge_worker_fetches_total")
    target = owned_by(0, "passing")
    origin.scripts[target] = Script(headers={"Cache-Control": "no-store"})
    reply = await node.get(1, target, "Content-Length: 0", method="POST")
    assert reply.cache_status == "edge-test; fwd=method; fwd-status=200"
    await node.get(1, target, method="HEAD")
    assert await node.metric("edge_worker_fetches_total") == before


async def test_answers_that_are_not_shared_do_not_wait_for_one_another(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target = owned_by(0, "private")
    all_there = asyncio.Event()
    numbers = iter(range(100))

    async def answer(_: Seen) -> Script:
        number = next(numbers)
        if number >= 2:
            await all_there.wait()
        return Script([b"for %d" % number], {"Cache-Control": "private"})

    origin.scripts[target] = answer
    for worker in (1, 0):  # that it is not shared, each finds out for itself
        await node.get(worker, target)
    views = [asyncio.create_task(node.get(number % 2, target)) for number in range(6)]
    await origin.arrived(target, 8)
    all_there.set()
    replies = await asyncio.gather(*views)
    assert len({reply.body for reply in replies}) == 6


async def test_an_unsafe_request_is_felt_by_all_workers(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    for owner in (0, 1):
        target = owned_by(owner, "changed")
        origin.scripts[target] = Script()
        for worker in (0, 1):
            await node.get(worker, target)
        await node.get(0, target, "Content-Length: 0", method="POST")
        origin.scripts[target] = Script([b"new"])
        for worker in (1, 0):
            assert (await node.get(worker, target)).body == b"new"
        assert origin.count(target) == 3


async def test_a_purge_reaches_every_worker(node: WorkerNode, origin: CountingOrigin) -> None:
    await node.until(Path(node.option("--cache-dir"), "purges").exists)
    targets = [owned_by(worker, "purged") for worker in (0, 1)]
    for target in targets:
        origin.scripts[target] = Script()
        for worker in (0, 1):
            await node.get(worker, target)
        origin.scripts[target] = Script([b"new"])
    origin.purges.append("/purged-*")
    await node.until_metric("edge_purges_total", 1)
    for target in targets:
        for worker in (0, 1):
            assert (await node.get(worker, target)).body == b"new"
        assert origin.count(target) == 2
    assert await node.metric("edge_purged_objects_total") == 4


async def test_segments_are_fetched_ahead_once_for_the_node(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    names = [f"ahead-{number}.m4s" for number in range(6)]
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXT-X-PLAYLIST-TYPE:VOD"]
    for name in names:
        lines += ["#EXTINF:4,", name]
    playlist = "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode()
    headers = {"Cache-Control": "max-age=60", "Content-Type": "application/vnd.apple.mpegurl"}
    target = owned_by(0, "ahead")
    origin.scripts[target] = Script([playlist], headers)
    for name in names:
        origin.scripts[f"/{name}"] = Script([name.encode()])
    await node.get(0, target)
    async with asyncio.timeout(10):  # worker 1 hears of the playlist that it has not seen
        while not origin.count("/ahead-3.m4s"):
            await node.get(1, "/ahead-2.m4s")
    await origin.arrived("/ahead-4.m4s")
    await node.get(0, "/ahead-2.m4s")
    await node.until_metric("edge_prefetch_requests_total", 3)
    for worker in (0, 1):
        for name in names[3:5]:
            assert "; hit" in (await node.get(worker, f"/{name}")).cache_status
    assert [origin.count(f"/{name}") for name in names[2:5]] == [1, 1, 1]
    assert await node.metric("edge_prefetch_used_total") == 2


async def test_all_workers_say_how_a_viewer_came(origin: CountingOrigin, tmp_path: Path) -> None:
    names = [f"{number}.m4s" for number in range(8)]
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXT-X-PLAYLIST-TYPE:VOD"]
    for name in names:
        lines += ["#EXTINF:1,", name]
        origin.scripts[f"/https/{name}"] = Script([name.encode()])
    playlist = "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode()
    origin.scripts["/https/i.m3u8"] = Script([playlist])
    log, trusted = tmp_path / "log", "127.0.0.1"
    async with running_node(origin.url, log, EDGE_TRUSTED_PROXIES=trusted) as node:
        for name in ("i.m3u8", "0.m4s", "2.m4s", "4.m4s"):
            await node.get(0, f"/https/{name}", "X-Forwarded-Proto: https")
            await node.get(0, f"/https/{name}", "X-Forwarded-Proto: https")
        for name in names[:7]:
            await origin.arrived(f"/https/{name}")
    asked = [seen for seen in origin.seen if seen.target.startswith("/https/")]
    assert {seen.headers["x-forwarded-proto"] for seen in asked} == {"https"}


async def test_nobody_outside_can_speak_as_a_worker(
    node: WorkerNode, origin: CountingOrigin
) -> None:
    target = owned_by(0, "outside")
    origin.scripts[target] = Script()
    own = (await node.get(1, target)).headers["via"].removeprefix("1.1 ")
    target = owned_by(0, "pretending")
    origin.scripts[target] = Script()
    lie = (f"CDN-Loop: streamer;node={own}", "Cache-Status: edge-test; hit", "X-Forwarded-For: ")
    reply = await node.get(1, target, *lie)
    assert reply.cache_status.startswith("edge-test; fwd=uri-miss; fwd-status=200")
    explained = json.loads((await node.admin(f"/explain?url={target}"))[1])
    assert (explained["worker"], explained["copies"]) == (0, [1])
    seen = next(one for one in origin.seen if one.target == target)
    assert "127.0.0.1" in seen.headers["x-forwarded-for"]


async def test_a_worker_that_is_killed_is_missed_by_nobody(
    origin: CountingOrigin, tmp_path: Path
) -> None:
    kept, purged, fresh = (owned_by(0, stem) for stem in ("kept", "gone", "fresh"))
    for target in (kept, purged, fresh):
        origin.scripts[target] = Script()
    purges = len(origin.purges)
    options = ("--cache-dir", str(tmp_path / "cache"))
    position = tmp_path / "cache" / "purges"
    async with running_node(origin.url, tmp_path / "log", *options) as node:
        await node.until(position.exists)
        for target in (kept, purged):
            await node.get(0, target)
        await node.until(lambda: rows_on_disk(tmp_path / "cache") == 2)
        assert await node.metric("edge_fills_total") == 2
        pid = node.pid(0)
        os.kill(pid, signal.SIGKILL)
        await node.until(lambda: node.pid(0) != pid)
        origin.purges.append(purged)
        origin.scripts[purged] = Script([b"new"])
        reply = await node.get(1, fresh)
        assert (reply.status, origin.count(fresh)) == (200, 1)
        assert await node.metric("edge_fills_total") == 3
        await node.until_ready()
        assert await node.metric("edge_worker_starts_total", 'worker="0"') == 2
        await node.until(lambda: position.read_text() == str(purges + 1))
        assert "; hit" in (await node.get(0, kept)).cache_status
        assert (await node.get(1, purged)).body == b"new"
        assert origin.count(kept) == 1
    assert len(origin.purges) == purges + 1


async def test_a_worker_that_cannot_be_started_at_once_is_started_later(
    origin: CountingOrigin, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with running_node(origin.url, log) as node:
        await node.until(lambda: "listening on " in log.read_text())
        supervisor, pid = psutil.Process(node.process.pid), node.pid(0)
        limits = supervisor.rlimit(psutil.RLIMIT_NOFILE)
        supervisor.rlimit(psutil.RLIMIT_NOFILE, (3, limits[1]))
        os.kill(pid, signal.SIGKILL)
        told = "edge-worker 0 cannot be started: "
        await node.until(lambda: log.read_text().count(told) > 1)
        supervisor.rlimit(psutil.RLIMIT_NOFILE, limits)
        await node.until(lambda: node.pid(0) not in (0, pid))
        await node.until_ready()


async def test_drain_finishes_answers_in_all_workers_and_leaves_nothing(
    origin: CountingOrigin, tmp_path: Path
) -> None:
    rest = asyncio.Event()
    target, log = owned_by(0, "drain"), tmp_path / "access.log"
    origin.scripts[target] = Script([FIRST, rest, LAST])
    async with running_node(origin.url, tmp_path / "log", EDGE_ACCESS_LOG=str(log)) as node:
        pids = [node.pid(0), node.pid(1)]
        async with node.client(0) as one, node.client(1) as other:
            for client in (one, other):
                client.ask(target)
                await client.head()
                await client.some(len(FIRST))
            node.process.terminate()
            await node.until_draining()
            rest.set()
            for client in (one, other):
                assert await client.some(len(LAST)) == LAST
        async with asyncio.timeout(60):
            assert await node.process.wait() == 0
    assert not any(map(is_running, pids))
    assert len(json_lines(log)) == 2


async def test_a_node_ends_before_its_workers_are_ready(
    origin: CountingOrigin, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    port, admin_port = free_port(), free_port()
    process = await start_node(log, origin.url, port, admin_port)
    node = WorkerNode(process, port, admin_port)
    await node.until(lambda: bool(node.pid(0) and node.pid(1)))
    held, other = psutil.Process(node.pid(0)), node.pid(1)
    held.suspend()
    try:
        process.terminate()
        await node.until(lambda: not is_running(other))
    finally:
        with suppress(psutil.NoSuchProcess):  # its node does not wait for ever
            held.resume()
    async with asyncio.timeout(60):
        assert await process.wait() == 0
    assert not is_running(held.pid)
    assert "listening on" not in log.read_text()


async def test_workers_end_with_their_supervisor(origin: CountingOrigin, tmp_path: Path) -> None:
    async with running_node(origin.url, tmp_path / "log") as node:
        pids = [node.pid(0), node.pid(1)]
        node.process.kill()
        await node.process.wait()
        await node.until(lambda: not any(map(is_running, pids)))


@pytest.mark.parametrize("taken", ["port", "directory"])
async def test_what_is_taken_is_said_at_once(
    node: WorkerNode, origin: CountingOrigin, tmp_path: Path, taken: str
) -> None:
    log = tmp_path / "log"
    port = node.port if taken == "port" else free_port()
    options = ("--cache-dir", node.option("--cache-dir")) if taken == "directory" else ()
    second = await start_node(log, origin.url, port, free_port(), *options)
    async with asyncio.timeout(60):
        assert await second.wait() == 1
    said = log.read_text()
    assert "streamer: " in said
    assert "Traceback" not in said
    assert len(children(node.process.pid)) == 2
