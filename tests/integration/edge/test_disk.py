"""The disk tier: survives restarts and kills, never serves what is damaged, may fill up."""

import asyncio
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from edge.heads import id_at
from streamer.core.errors import Conflict
from streamer.processes import end_with_parent
from tests.integration.edge.child import child_edge
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script
from tests.integration.edge.raw_client import RawClient, answers
from tests.servers import free_port


def _files(directory: Path) -> list[Path]:
    return [path for path in (directory / "objects").rglob("*") if path.is_file()]


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _rename(path: Path, later_by: int) -> None:
    """Give a file a later id."""
    number = int(path.name, 16) + later_by
    later = path.parent.parent / f"{number >> 12 & 0xFF:02x}" / f"{number:016x}"
    later.parent.mkdir(exist_ok=True)
    path.rename(later)


async def _left_by_an_earlier_run(
    start_edge: StartEdge, origin: CountingOrigin, directory: Path
) -> None:
    """The body of `/a` in a cache directory that nobody uses."""
    origin.scripts["/a"] = Script([b"body"])
    edge = await start_edge(cache_dir=directory)
    await edge.get("/a")
    await _written(edge, 1)
    await edge.close()


async def _written(edge: Edge, count: int) -> None:
    await edge.until(lambda: edge.node.metrics.counters.disk_writes >= count)


async def test_objects_survive_a_restart(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    origin.scripts["/a"] = Script([b"body"], {"Cache-Control": "max-age=60", "Vary": "X-V"})
    first = await start_edge(cache_dir=tmp_path)
    await first.get("/a", "X-V: 1")
    await _written(first, 1)
    identity = first.node.id
    await first.close()
    second = await start_edge(cache_dir=tmp_path)
    await second.until(lambda: len(second.node.cache.disk) == 1)
    reply = await second.get("/a", "X-V: 1")
    assert reply.body == b"body"
    assert "hit" in reply.cache_status
    assert "vary-miss" in (await second.get("/a", "X-V: 2")).cache_status
    assert origin.count("/a") == 2
    assert second.node.id == identity


async def test_what_leaves_memory_comes_back_from_disk(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    edge = await start_edge(cache_dir=tmp_path, memory_size="1M")
    bodies = {f"/{n}": bytes([n]) * 200_000 for n in range(12)}
    for number, (target, body) in enumerate(bodies.items(), 1):
        origin.scripts[target] = Script([body])
        await edge.get(target)
        await _written(edge, number)
    assert edge.node.cache.memory.used_bytes <= 1024**2
    for target, body in bodies.items():
        reply = await edge.get(target)
        assert reply.body == body
        assert "hit" in reply.cache_status
        assert origin.count(target) == 1


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
async def test_damaged_file_is_dropped_and_fetched_again(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path, damage: str
) -> None:
    origin.scripts["/a"] = Script([b"x" * 10_000])
    edge = await start_edge(cache_dir=tmp_path)
    await edge.get("/a")
    await _written(edge, 1)
    await edge.close()
    (path,) = _files(tmp_path)
    data = path.read_bytes()
    match damage:
        case "flip":
            path.write_bytes(data[:-1] + b"y")
        case "cut":
            path.write_bytes(data[:-1])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
    edge = await start_edge(cache_dir=tmp_path)
    reply = await edge.get("/a")
    assert reply.body == b"x" * 10_000
    assert "fwd=uri-miss" in reply.cache_status
    assert origin.count("/a") == 2
    assert edge.node.metrics.counters.disk_corrupt == 1


async def test_damaged_files_are_dropped_when_they_are_wanted(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    edge = await start_edge(cache_dir=tmp_path)
    for target in ("/a", "/b", "/c"):
        origin.scripts[target] = Script([target.encode() * 1000])
        await edge.get(target)
    await _written(edge, 3)
    await edge.close()
    cut, changed, _ = sorted(_files(tmp_path))
    cut.write_bytes(cut.read_bytes()[:-1])
    changed.write_bytes(b"\0" * 10 + changed.read_bytes()[10:])
    (tmp_path / "incoming" / "half").write_bytes(b"half")
    again = await start_edge(cache_dir=tmp_path)
    assert not any((tmp_path / "incoming").iterdir())
    for target in ("/a", "/b", "/c"):
        assert (await again.get(target)).body == target.encode() * 1000
        assert origin.count(target) <= 2
    assert again.node.metrics.counters.disk_corrupt == 2
    assert len(origin.seen) - sum(seen.target.startswith("/api") for seen in origin.seen) == 5


async def test_disk_tier_stays_within_its_bound(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    edge = await start_edge(cache_dir=tmp_path, disk_size="1M", memory_size="8M")
    for number in range(20):
        origin.scripts[f"/{number}"] = Script([b"x" * 200_000])
        await edge.get(f"/{number}")
    await _written(edge, 20)
    await edge.until(lambda: len(_files(tmp_path)) == len(edge.node.cache.disk))
    assert sum(path.stat().st_size for path in _files(tmp_path)) <= 1024**2
    replies = [await edge.get(f"/{number}") for number in range(20)]
    assert all("hit" in reply.cache_status for reply in replies)


async def test_replaced_and_invalidated_objects_leave_no_files(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    edge = await start_edge(cache_dir=tmp_path)
    origin.scripts["/a"] = Script([b"body"])
    for number in (1, 2):
        await edge.get("/a", "Cache-Control: no-cache")
        await _written(edge, number)
    await edge.until(lambda: len(_files(tmp_path)) == 1)
    await edge.get("/a", method="DELETE")
    await edge.until(lambda: not _files(tmp_path))


async def test_full_disk_degrades_to_memory(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    edge = await start_edge(cache_dir=tmp_path)
    origin.scripts["/a"] = Script([b"x" * 8_000_000])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, hard))  # writing more fails: EFBIG
    try:
        await edge.get("/a")
        await edge.until(lambda: edge.node.metrics.counters.disk_errors == 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _files(tmp_path) == []
    assert not any((tmp_path / "incoming").iterdir())
    reply = await edge.get("/a")
    assert len(reply.body) == 8_000_000
    assert "hit" in reply.cache_status
    origin.scripts["/b"] = Script()
    await edge.get("/b")
    await edge.until(lambda: edge.node.metrics.counters.disk_writes_skipped == 1)


async def test_file_that_cannot_be_opened_now_is_not_lost(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    await _left_by_an_earlier_run(start_edge, origin, tmp_path)
    second = await start_edge(cache_dir=tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with second.client() as client:
        await second.until(lambda: len(second.node.site.connections) == 1)
        await second.until(lambda: len(second.node.cache.disk) == 1)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # opening more fails: EMFILE
        try:
            client.ask("/a")
            assert (await client.reply()).status == 502
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "hit" in (await second.get("/a")).cache_status
    assert origin.count("/a") == 1


async def test_directory_that_is_emptied_meanwhile_is_filled_again(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    for target in ("/slept", "/awake", "/new"):
        origin.scripts[target] = Script([target.encode()])
    first = await start_edge(cache_dir=tmp_path)
    await first.get("/slept")
    await _written(first, 1)
    await first.close()
    second = await start_edge(cache_dir=tmp_path)
    await second.get("/awake")
    await _written(second, 1)
    _empty(tmp_path)
    assert (await second.get("/slept")).body == b"/slept"
    assert "hit" in (await second.get("/awake")).cache_status
    await second.get("/new")
    await _written(second, 3)
    assert second.node.metrics.counters.disk_errors == 0
    await second.close()
    third = await start_edge(cache_dir=tmp_path)
    assert [(await third.get(target)).body for target in ("/slept", "/new")] == [b"/slept", b"/new"]
    assert [origin.count(target) for target in ("/slept", "/awake", "/new")] == [2, 1, 1]


async def test_directory_belongs_to_one_edge(start_edge: StartEdge, tmp_path: Path) -> None:
    await start_edge(cache_dir=tmp_path)
    with pytest.raises(Conflict):
        await start_edge(cache_dir=tmp_path)


async def test_killed_in_the_middle_of_fills_serves_only_whole_objects_after(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    whole = {f"/{n}": bytes([65 + n]) * 300_000 for n in range(6)}
    for target, body in whole.items():
        origin.scripts[target] = Script([body])
    origin.scripts["/half"] = Script([b"h" * 100_000, asyncio.Event(), b"h" * 100_000])
    async with child_edge(origin.url, tmp_path) as child, RawClient(child.port) as half:
        half.ask("/half")
        await half.head()
        await half.some(100_000)
        for target in whole:
            assert (await child.get(target)).is_whole
        await child.kill()  # fills and writes are under way
    edge = await start_edge(cache_dir=tmp_path)
    origin.scripts["/half"] = Script([b"h" * 200_000])
    for target, body in [*whole.items(), ("/half", b"h" * 200_000)]:
        assert (await edge.get(target)).body == body
    assert origin.count("/half") == 2


async def test_killed_while_objects_come_and_go_serves_only_what_was_asked_for(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    """Writes, evictions from both tiers and wakings are under way when it ends."""
    bodies = {f"/{n}": bytes([n]) * 100_000 for n in range(40)}
    for target, body in bodies.items():
        origin.scripts[target] = Script([body])
    tight = {"EDGE_DISK_SIZE": "1M", "EDGE_MEMORY_SIZE": "1M"}
    for last in (15, 30, 39):
        async with child_edge(origin.url, tmp_path, **tight) as child:
            for number in [*range(last), *range(last, 0, -2)]:
                assert (await child.get(f"/{number}")).body == bodies[f"/{number}"]
            await child.kill()
    edge = await start_edge(cache_dir=tmp_path, disk_size="1M", memory_size="1M")
    for target, body in bodies.items():
        assert (await edge.get(target)).body == body


async def test_a_confirmed_object_has_its_new_head_after_a_restart(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    origin.scripts["/a"] = Script([b"body"], {"Cache-Control": "max-age=0", "ETag": '"1"'})
    first = await start_edge(cache_dir=tmp_path)
    await first.get("/a")
    await _written(first, 1)
    fresh = {"Cache-Control": "max-age=60", "ETag": '"1"', "X-New": "yes"}
    origin.scripts["/a"] = Script([], fresh, status=304)
    assert "fwd=stale" in (await first.get("/a")).cache_status
    (path,) = _files(tmp_path)
    written_at = path.stat().st_mtime_ns
    await first.close()
    second = await start_edge(cache_dir=tmp_path)
    reply = await second.get("/a")
    assert (reply.body, reply.headers["x-new"]) == (b"body", "yes")
    assert origin.count("/a") == 2
    assert path.stat().st_mtime_ns == written_at


async def test_a_lost_or_damaged_index_costs_the_objects_and_their_files(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    await _left_by_an_earlier_run(start_edge, origin, tmp_path)
    (path,) = _files(tmp_path)
    _rename(path, -id_at(120))  # younger ones may belong to another worker
    (tmp_path / "heads.sqlite").write_bytes(b"this is no database" * 1000)
    second = await start_edge(cache_dir=tmp_path)
    await second.until(lambda: not _files(tmp_path))
    assert (await second.get("/a")).body == b"body"
    assert origin.count("/a") == 2


async def test_objects_of_a_clock_that_was_ahead_are_found_again_or_deleted(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    day = id_at(86_400)
    for target in ("/rubbish", "/a", "/b"):
        origin.scripts[target] = Script([target.encode()])
    first = await start_edge(cache_dir=tmp_path)
    await first.get("/rubbish")
    await first.get("/a")
    await _written(first, 2)
    await first.close()
    rubbish, path = sorted(_files(tmp_path), key=lambda path: path.name)
    _rename(rubbish, day - id_at(120))
    _rename(path, day)
    with closing(sqlite3.connect(tmp_path / "heads.sqlite")) as heads, heads:
        heads.execute("DELETE FROM objects WHERE id = ?", (int(rubbish.name, 16),))
        heads.execute("UPDATE objects SET id = id + ?", (day,))
    second = await start_edge(cache_dir=tmp_path)
    await second.until(lambda: len(second.node.cache.disk) == len(_files(tmp_path)) == 1)
    await second.get("/b")
    await _written(second, 1)
    await second.close()
    third = await start_edge(cache_dir=tmp_path)
    await third.until(lambda: len(third.node.cache.disk) == 2)
    for target in ("/a", "/b"):
        assert "hit" in (await third.get(target)).cache_status
        assert origin.count(target) == 1


async def test_the_heads_of_another_version_are_not_read(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    await _left_by_an_earlier_run(start_edge, origin, tmp_path)
    with closing(sqlite3.connect(tmp_path / "heads.sqlite")) as heads:
        heads.execute("PRAGMA user_version = 1")
    second = await start_edge(cache_dir=tmp_path)
    assert "fwd=uri-miss" in (await second.get("/a")).cache_status
    await _written(second, 1)
    await second.close()
    third = await start_edge(cache_dir=tmp_path)
    assert "hit" in (await third.get("/a")).cache_status


async def test_what_sleeps_is_invalidated_by_an_unsafe_method(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    await _left_by_an_earlier_run(start_edge, origin, tmp_path)
    second = await start_edge(cache_dir=tmp_path)
    await second.get("/a", method="DELETE")
    assert "fwd=uri-miss" in (await second.get("/a")).cache_status


async def test_no_other_user_may_read_what_is_stored(
    origin: CountingOrigin, tmp_path: Path
) -> None:
    origin.scripts["/a"] = Script([b"body"], {"Cache-Control": "max-age=60"})
    port, cache = free_port(), tmp_path / "cache"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer", "edge", "--origin", origin.url),
        *("--port", str(port), "--admin-port", "0", "--cache-dir", str(cache)),
        preexec_fn=_let_others_read,
    )
    try:
        async with asyncio.timeout(60):
            while not (await answers(port) and _files(cache)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert [path for path in cache.rglob("*") if path.stat().st_mode & 0o007] == []
    finally:
        process.kill()
        await process.wait()


def _let_others_read() -> None:
    end_with_parent()
    os.umask(0o022)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk))
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("file systems may not be mounted here")
    yield disk
    subprocess.run(("umount", "-l", str(disk)), check=True)


async def test_a_node_begins_where_the_disk_is_full(
    start_edge: StartEdge, origin: CountingOrigin, small_disk: Path
) -> None:
    cache = small_disk / "cache"
    edge = await start_edge(cache_dir=cache)
    for number in range(6):
        origin.scripts[f"/{number}"] = Script([b"x" * 50_000])
        await edge.get(f"/{number}")
    await _written(edge, 6)
    await edge.close()
    with suppress(OSError), (small_disk / "other").open("wb", buffering=0) as other:
        while other.write(bytes(4096)):
            pass
    again = await start_edge(cache_dir=cache)
    kept = len(_files(cache))
    assert 0 < kept < 6
    replies = [await again.get(f"/{number}") for number in range(6)]
    assert {reply.body for reply in replies} == {b"x" * 50_000}
    assert sum("; hit" in reply.cache_status for reply in replies) == kept
    await again.close()
    for file in _files(cache):
        file.unlink()
    with suppress(OSError), (small_disk / "more").open("wb", buffering=0) as other:
        while other.write(bytes(4096)):
            pass
    with pytest.raises(OSError, match=str(cache)):
        await start_edge(cache_dir=cache)
