"""What every object store promises, checked on a directory and on a real S3 server."""

import asyncio
import gc
import hashlib
import resource
import secrets
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamer.core.errors import Conflict, InvalidInput, NotFound, StorageFull, Unavailable
from streamer.seaweedfs import SeaweedFS
from streamer.shared.directory_store import DirectoryStore
from streamer.shared.object_store import CHUNK_BYTES, ObjectStore
from streamer.shared.s3 import S3Store
from streamer.shared.stores import open_store
from tests.servers import free_port

MIB = 1024 * 1024


@pytest.fixture(params=["directory", "s3"])
def store_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    if request.param == "directory":
        return (tmp_path / "a store").as_uri()
    server: SeaweedFS = request.getfixturevalue("seaweedfs")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{server.bucket}/{secrets.token_hex(8)}"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[ObjectStore]:
    store = open_store(store_url, s3_addressing_style="path")
    yield store
    await store.close()


async def read(store: ObjectStore, key: str, start: int = 0, stop: int | None = None) -> bytes:
    async with store.get(key, start=start, stop=stop) as body:
        return b"".join([chunk async for chunk in body.chunks])


async def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [info.key async for info in store.list(prefix)]


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def large(pieces: int) -> AsyncIterator[bytes]:
    """Pieces of 256 KiB, each different."""
    for number in range(pieces):
        yield number.to_bytes(4, "big") * (64 * 1024)


async def test_an_object_is_what_was_put(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    put = await store.put("videos/abc/source", b"bytes")
    head = await store.head("videos/abc/source")
    async with store.get("videos/abc/source") as body:
        assert [chunk async for chunk in body.chunks] == [b"bytes"]
        assert body.info == head
    assert head.size_bytes == put.size_bytes == 5
    assert head.etag == put.etag
    assert head.etag.startswith('"')
    assert head.etag.endswith('"')
    assert before <= head.modified_at <= datetime.now(UTC) + timedelta(seconds=2)
    assert head.modified_at.tzinfo is UTC
    assert abs(put.modified_at - head.modified_at) <= timedelta(minutes=1)


async def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    await store.put("empty", b"")
    await store.put_stream("streamed", stream())
    for key in ("empty", "streamed"):
        assert (await store.head(key)).size_bytes == 0
        assert await read(store, key) == b""
        assert await read(store, key, 0, 10) == b""


async def test_put_again_replaces_the_object(store: ObjectStore) -> None:
    first = await store.put("key", b"first")
    second = await store.put("key", b"other")
    assert await read(store, "key") == b"other"
    assert first.etag != second.etag


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 1, b"0"),
        (9, 10, b"9"),
        (3, 7, b"3456"),
        (3, None, b"3456789"),
        (3, 99, b"3456789"),
        (10, None, b""),
        (99, None, b""),
        (99, 100, b""),
        (5, 5, b""),
        (7, 3, b""),
        (0, 0, b""),
    ],
)
async def test_a_range_is_a_slice(
    store: ObjectStore, start: int, stop: int | None, expected: bytes
) -> None:
    await store.put("digits", b"0123456789")
    async with store.get("digits", start=start, stop=stop) as body:
        assert b"".join([chunk async for chunk in body.chunks]) == expected
        assert body.info == await store.head("digits")


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (0, -1)])
async def test_a_range_has_no_negative_ends(
    store: ObjectStore, start: int, stop: int | None
) -> None:
    await store.put("digits", b"0123456789")
    with pytest.raises(InvalidInput):
        await read(store, "digits", start, stop)


async def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    await store.put("videos/abc/one", b"1")
    for key in ("nothing", "videos/abc/two", "videos/abc", "videos/abc/one/deeper"):
        with pytest.raises(NotFound):
            await store.head(key)
        with pytest.raises(NotFound):
            await read(store, key)
        with pytest.raises(NotFound):
            await read(store, key, 3, 3)


async def test_list_finds_what_a_prefix_begins(store: ObjectStore) -> None:
    for key in ("b", "a/2", "a/10", "a/1", "ab/1", "a-1"):
        await store.put(key, key.encode())
    assert sorted(await keys(store)) == ["a-1", "a/1", "a/10", "a/2", "ab/1", "b"]
    assert await keys(store, "a/") == ["a/1", "a/10", "a/2"]
    assert await keys(store, "a/1") == ["a/1", "a/10"]
    assert sorted(await keys(store, "a")) == ["a-1", "a/1", "a/10", "a/2", "ab/1"]
    assert await keys(store, "c") == []
    assert await keys(store, "b/") == []
    assert await keys(store, "../") == []
    async for info in store.list("b"):
        assert info == await store.head("b")


async def test_list_goes_on_after_a_page(store: ObjectStore) -> None:
    wanted = [f"many/{number:04d}" for number in range(1050)]
    for first in range(0, len(wanted), 50):
        await asyncio.gather(*(store.put(key, b"") for key in wanted[first : first + 50]))
    assert await keys(store, "many/") == wanted
    assert await store.delete_prefix("many/") == len(wanted)
    assert await keys(store) == []


async def test_a_listing_may_be_left_early(store: ObjectStore) -> None:
    await asyncio.gather(*(store.put(f"some/{number}", b"") for number in range(5)))
    async for info in store.list("some/"):
        assert info.key == "some/0"
        break


@pytest.mark.parametrize(
    "key",
    [
        "a b/c+d&e=f?g#h%41.mp4",
        "videos/ünïcödé/видео-動画-🎬.mp4",
        "'quotes\" <and> `$(x);|",
        "trailing.dot./and space ",
        "-dash/--option",
        "~/x",
        "x" * 255 + "/" + "y" * 200,
    ],
)
async def test_odd_keys_are_kept_as_they_are(store: ObjectStore, key: str) -> None:
    await store.put(key, key.encode())
    assert await read(store, key) == key.encode()
    assert await keys(store, key[:3]) == [key]
    await store.delete(key)
    assert await keys(store) == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../escaped",
        "videos/../../escaped",
        "a/./b",
        "a//b",
        "a/",
        ".incoming/x",
        "a/.hidden",
        "back\\slash",
        "..\\escaped",
        "nul\0",
        "line\nbreak",
        "\ud800",
        "\uffff",
        "x" * 256,
        "é" * 128,
        "/".join(["x" * 100] * 11),
    ],
)
async def test_a_key_that_could_escape_is_refused(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    attempts = (
        store.put(key, b"x"),
        store.put_file(key, source),
        store.put_stream(key, stream(b"x")),
        store.head(key),
        read(store, key),
        store.delete(key),
        store.delete_prefix(key + "/"),
    )
    for attempt in attempts:
        with pytest.raises(InvalidInput):
            await attempt
    with pytest.raises(InvalidInput):
        store.local_path(key)
    assert source.read_bytes() == b"x"
    assert await keys(store) == []


async def test_only_one_of_many_conditional_puts_wins(store: ObjectStore) -> None:
    async def attempt(number: int) -> int | None:
        try:
            await store.put("lease", b"%d" % number, only_if_absent=True)
        except Conflict:
            return None
        return number

    results = await asyncio.gather(*(attempt(number) for number in range(24)))
    winners = [number for number in results if number is not None]
    assert len(winners) == 1
    assert await read(store, "lease") == b"%d" % winners[0]
    await store.delete("lease")
    await store.put("lease", b"again", only_if_absent=True)


async def test_a_file_is_copied_or_moved(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(b"film")
    await store.put_file("copied", source)
    assert source.read_bytes() == b"film"
    info = await store.put_file("moved", source, move=True)
    assert not source.exists()
    assert info.size_bytes == 4
    assert await read(store, "copied") == await read(store, "moved") == b"film"
    with pytest.raises(NotFound):
        await store.put_file("absent", source)
    assert await keys(store) == ["copied", "moved"]


async def test_a_moved_file_may_come_from_another_file_system(store: ObjectStore) -> None:
    source = Path("/dev/shm") / secrets.token_hex(8)
    source.write_bytes(b"film")
    await store.put_file("moved", source, move=True)
    assert not source.exists()
    assert await read(store, "moved") == b"film"


async def test_a_large_file_arrives_whole(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    expected = hashlib.sha256()
    with source.open("wb") as file:
        async for chunk in large(pieces=69):
            file.write(chunk)
            expected.update(chunk)
        file.write(b"and a bit")
        expected.update(b"and a bit")
    info = await store.put_file("large", source)
    assert info.size_bytes == source.stat().st_size
    actual = hashlib.sha256()
    async with store.get("large") as body:
        async for chunk in body.chunks:
            actual.update(chunk)
    assert actual.digest() == expected.digest()


async def test_a_large_stream_passes_in_bounded_memory(store: ObjectStore) -> None:
    actual, expected, longest = hashlib.sha256(), hashlib.sha256(), 0
    async for chunk in large(pieces=256):
        expected.update(chunk)
    tracemalloc.start()
    try:
        info = await store.put_stream("large", large(pieces=256))
        async with store.get("large") as body:
            async for chunk in body.chunks:
                actual.update(chunk)
                longest = max(longest, len(chunk))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert info.size_bytes == 64 * MIB
    assert actual.digest() == expected.digest()
    assert longest <= CHUNK_BYTES
    assert peak_bytes < 48 * MIB


@pytest.mark.parametrize("pieces", [2, 80])
async def test_a_stream_that_fails_leaves_nothing(store: ObjectStore, pieces: int) -> None:
    async def failing() -> AsyncIterator[bytes]:
        async for chunk in large(pieces):
            yield chunk
        raise ConnectionResetError("the uploader went away")

    with pytest.raises(ConnectionResetError):
        await store.put_stream("broken", failing())
    assert await keys(store) == []
    assert leftovers(store) == []


@pytest.mark.parametrize("pieces", [2, 80])
async def test_a_stream_that_is_cancelled_leaves_nothing(store: ObjectStore, pieces: int) -> None:
    waiting = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        async for chunk in large(pieces):
            yield chunk
        waiting.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(store.put_stream("broken", stalling()))
    await asyncio.wait_for(waiting.wait(), 30)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert await keys(store) == []
    assert leftovers(store) == []


def leftovers(store: ObjectStore) -> list[str]:
    """What an unfinished write left behind, where nobody lists it."""
    if isinstance(store, DirectoryStore):
        return [path.name for path in store._incoming.directory.iterdir()]
    assert isinstance(store, S3Store)
    uploads = store._client.list_multipart_uploads(Bucket=store._bucket).get("Uploads", [])
    return [upload["Key"] for upload in uploads if upload["Key"].startswith(store._prefix)]


async def test_a_reader_may_leave_early(store: ObjectStore) -> None:
    await store.put_stream("large", large(pieces=24))
    for _ in range(40):
        async with store.get("large") as body:
            assert len(await anext(body.chunks)) > 0
    with suppress(ConnectionResetError):
        async with store.get("large") as body:
            async for _ in body.chunks:
                raise ConnectionResetError("the viewer went away")
    assert len(await read(store, "large")) == 6 * MIB


async def test_a_reader_may_be_cancelled(store: ObjectStore) -> None:
    await store.put_stream("large", large(pieces=24))
    reading = asyncio.Event()

    async def stall() -> None:
        async with store.get("large") as body:
            await anext(body.chunks)
            reading.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stall())
    await asyncio.wait_for(reading.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await read(store, "large")) == 6 * MIB


async def test_readers_and_writers_may_be_cancelled_at_any_time(store: ObjectStore) -> None:
    """Whatever they had opened is closed: warnings of the collector are errors."""
    await store.put("key", b"x" * MIB)
    for pauses in range(30):
        tasks = [
            asyncio.create_task(read(store, "key")),
            asyncio.create_task(store.put_stream("broken", never_ending())),
        ]
        for _ in range(pauses):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[1], asyncio.CancelledError)
    gc.collect()
    assert await keys(store) == ["key"]
    assert leftovers(store) == []


async def never_ending() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(0)
        yield b"x" * MIB


async def test_a_reader_keeps_what_it_opened(store: ObjectStore) -> None:
    await store.put("key", b"old" * 100_000)
    async with store.get("key") as body:
        first = await anext(body.chunks)
        await store.put("key", b"new")
        rest = [chunk async for chunk in body.chunks]
    assert b"".join([first, *rest]) == b"old" * 100_000
    assert await read(store, "key") == b"new"


async def test_delete_may_be_repeated(store: ObjectStore) -> None:
    await store.put("a/b/c", b"x")
    await store.delete("a/b/c")
    await store.delete("a/b/c")
    await store.delete("a/b")
    assert await keys(store) == []
    with pytest.raises(NotFound):
        await store.head("a/b/c")


async def test_delete_prefix_leaves_siblings_alone(store: ObjectStore) -> None:
    for key in ("videos/ab/1", "videos/ab/240p/1", "videos/abc/1", "videos/ab-c"):
        await store.put(key, b"x")
    assert await store.delete_prefix("videos/ab/") == 2
    assert await store.delete_prefix("videos/ab/") == 0
    assert sorted(await keys(store)) == ["videos/ab-c", "videos/abc/1"]
    for prefix in ("videos/ab", "", "/", "videos"):
        with pytest.raises(InvalidInput):
            await store.delete_prefix(prefix)
    assert sorted(await keys(store)) == ["videos/ab-c", "videos/abc/1"]


async def test_puts_and_deletes_may_overlap(store: ObjectStore) -> None:
    async def come_and_go(number: int) -> None:
        for _ in range(5):
            await store.put(f"shared/directory/{number}", b"x")
            await store.delete(f"shared/directory/{number}")

    await asyncio.gather(*(come_and_go(number) for number in range(8)))
    assert await keys(store) == []


async def test_check_returns_when_the_store_answers(store: ObjectStore) -> None:
    await store.check()


async def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    source = tmp_path / "source"
    source.write_bytes(b"x" * MIB)
    await store.put("small", b"fits")
    with file_size_limit(512 * 1024):
        for attempt in (
            store.put("key", b"x" * MIB),
            store.put_stream("key", large(pieces=8)),
            store.put_file("key", source),
        ):
            with pytest.raises(StorageFull):
                await attempt
        assert await read(store, "small") == b"fits"
    assert await keys(store, "key") == []
    assert leftovers(store) == []
    await store.close()


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """No file may grow beyond the limit, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_server_that_is_down_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store = open_store("s3://bucket", s3_addressing_style="path")
    for attempt in (store.check(), store.head("key"), store.put("key", b"x"), keys(store)):
        with pytest.raises(Unavailable):
            await attempt
    await store.close()


async def test_wrong_credentials_are_unavailable(
    seaweedfs: SeaweedFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in seaweedfs.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    store = open_store(f"s3://{seaweedfs.bucket}", s3_addressing_style="path")
    for attempt in (store.check(), store.put("key", b"x"), read(store, "key")):
        with pytest.raises(Unavailable):
            await attempt
    await store.close()
