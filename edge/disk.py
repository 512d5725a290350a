"""The disk tier's files and heads, as the event loop uses them: never blocking it.

A file holds one whole object (`edge.core.record`). It is written aside, synced and renamed; its row
among the heads (`edge.heads`) follows within a fraction of a second, with others in one
transaction. Nothing depends on the two being written together: a row without a file is found out
when its object is wanted, and a file without a row is deleted by the next run. A directory that is
emptied meanwhile is filled again.
"""

import asyncio
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from edge.core.eviction import Slot
from edge.core.policy import StoredResponse
from edge.core.record import (
    PREAMBLE_BYTES,
    CorruptRecordError,
    check_body,
    decode_head,
    decode_preamble,
    encode_head,
)
from edge.heads import Added, Change, Found, Heads, Removed, Renewed, id_at, new_id
from edge.metrics import Counters
from streamer.core.errors import Conflict
from streamer.core.purge import Order

_THREADS = 4
_BLOCK_BYTES = 4096
_INDEX_BATCH = 1024
_FLUSH_SECONDS = 0.2
_FLUSH_CHANGES = 512
# Another worker may have written a file whose row is still to come.
_RUBBISH_SECONDS = 60.0
# What the heads and the node's own small files take at a start.
_ROOM_BYTES = 128 * 1024

# What a process lacks says nothing about the file that it wanted to read.
_LACKS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

ValueT = TypeVar("ValueT")
Adopt = Callable[["StoredFile"], None]


@dataclass(eq=False, slots=True)
class StoredFile(Slot[bytes]):
    """A file and its place in the tier; `size_bytes` is what it takes on the disk.

    `key` is its object's cache key, `id` its name and its row.
    """

    id: int = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """An object read from the disk; `body` is None if its file is lost or damaged."""

    found: Found
    body: bytes | None


class DirectoryLock:
    """A node's hold on its cache directory, made ready for it; a context manager.

    Args:
        directory: Created when missing.

    Raises:
        Conflict: Another node uses the directory.
        OSError: The directory cannot be used, or there is no room to begin with.
    """

    def __init__(self, directory: Path) -> None:
        with _naming(directory):
            directory.mkdir(parents=True, exist_ok=True)
            self._descriptor = _lock(directory / "lock")
            try:
                for leftover in (directory / "incoming").glob("*"):
                    leftover.unlink()
                _make_room(directory)
            except BaseException:
                os.close(self._descriptor)
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)


class DiskFiles:
    """A directory of objects, which the workers of one node may share.

    Args:
        directory: Created when missing.
        counters: Where it is counted that heads could not be written: the objects that they are
            about are forgotten with this run.
        worker: The number of this process among those that share the directory.

    Raises:
        OSError: The directory cannot be used.
    """

    def __init__(self, directory: Path, counters: Counters, worker: int) -> None:
        self._objects = directory / "objects"
        self._incoming = directory / "incoming"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        self._heads = Heads(directory / "heads.sqlite")
        self._counters = counters
        self._worker = worker
        # The clock of an earlier run may have been ahead.
        self._last_id = self._first_id = new_id(self._heads.newest(), worker)
        self._changes: list[Change] = []
        self._flushing: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="edge-disk")
        self._head_thread = ThreadPoolExecutor(1, thread_name_prefix="edge-heads")

    async def write(self, key: bytes, response: StoredResponse, body: bytes) -> StoredFile:
        """Store an object.

        Raises:
            OSError: There is no room, or the disk fails. Nothing is left behind.
        """
        self._last_id = number = new_id(self._last_id, self._worker)
        size_bytes = await self._in_thread(lambda: self._write(number, key, response, body))
        self._note(Added(number, key, size_bytes, response))
        return StoredFile(key, size_bytes, id=number)

    async def read(self, file: StoredFile) -> bytes:
        """The body of an object, verified.

        Raises:
            CorruptRecordError: The file is lost or damaged.
            OSError: It cannot be read now.
        """
        return await self._in_thread(lambda: self._read(file.id, file.key))

    async def load(self, key: bytes, wanted: Callable[[int], bool]) -> list[Loaded]:
        """The objects of a key whose ids are wanted, newest first.

        Raises:
            OSError: The heads, or a file, cannot be read now.
        """
        found = await self._with_heads(lambda heads: heads.find(key))
        loads = (self._load(one, key) for one in found if wanted(one.id))
        return await asyncio.gather(*loads)

    def renew(self, file: StoredFile, response: StoredResponse) -> None:
        """Replace an object's head."""
        self._note(Renewed(file.id, file.key, response))

    def remove(self, file: StoredFile) -> None:
        """Delete an object."""
        self._note(Removed(file.id))
        self._unlink(file.id)

    async def purge(
        self, order: Order, now: float, owns: Callable[[bytes], bool]
    ) -> list[tuple[int, bytes]]:
        """Obey a purge; returns the ids and keys of what it covers (`Heads.purge`).

        Raises:
            OSError: It was not obeyed: the disk fails.
        """
        covered = await self._with_heads(lambda heads: heads.purge(order, now, owns))
        if not order.is_soft:
            for number, _ in covered:
                self._unlink(number)
        return covered

    async def index(self, owns: Callable[[bytes], bool], adopt: Adopt) -> None:
        """Report what earlier runs left of the objects whose keys are owned, oldest first."""
        last = 0
        while True:
            after = last
            rows = await self._with_heads(
                lambda heads: heads.page(after, self._first_id, _INDEX_BATCH)  # noqa: B023
            )
            for number, key, size_bytes in rows:
                if owns(key):
                    adopt(StoredFile(key, size_bytes, id=number))
            if not rows:
                return
            last = rows[-1][0]

    async def sweep(self) -> int:
        """Delete files of earlier runs that have no row; returns how many there were."""
        swept = 0
        for folder in await self._in_thread(lambda: list(self._objects.iterdir())):
            ids = await self._in_thread(lambda: self._old_ids(folder))  # noqa: B023
            rubbish = await self._with_heads(lambda heads: heads.lacks(ids))  # noqa: B023
            for number in rubbish:
                self._unlink(number)
            swept += len(rubbish)
        return swept

    async def close(self) -> None:
        """Finish what was begun."""
        if self._flushing is not None:
            await self._flushing
        with suppress(OSError):
            await self._with_heads(lambda heads: heads.close())
        for threads in (self._threads, self._head_thread):
            await asyncio.to_thread(threads.shutdown)

    def is_old(self, number: int) -> bool:
        """Whether an id is of an earlier run."""
        return number < self._first_id

    async def _load(self, found: Found, key: bytes) -> Loaded:
        try:
            body = await self._in_thread(lambda: self._read(found.id, key))
        except CorruptRecordError:
            return Loaded(found, None)
        return Loaded(found, body)

    def _note(self, change: Change) -> None:
        self._changes.append(change)
        if self._flushing is None or len(self._changes) == _FLUSH_CHANGES:
            pause = _FLUSH_SECONDS if self._flushing is None else 0.0
            self._flushing = asyncio.get_running_loop().create_task(self._flush(pause))

    async def _flush(self, pause_seconds: float) -> None:
        await asyncio.sleep(pause_seconds)
        self._flushing = None
        with suppress(OSError):
            await self._with_heads(lambda _: None)

    async def _with_heads(self, work: Callable[[Heads], ValueT]) -> ValueT:
        """Work with the heads as they are after all changes noted so far."""
        changes, self._changes = self._changes, []
        loop = asyncio.get_running_loop()

        def carry_out() -> ValueT:
            try:
                self._heads.follow()
                self._heads.apply(changes)
            except OSError:
                loop.call_soon_threadsafe(self._count_error)
            return work(self._heads)

        return await loop.run_in_executor(self._head_thread, carry_out)

    def _count_error(self) -> None:
        self._counters.disk_errors += 1

    async def _in_thread(self, work: Callable[[], ValueT]) -> ValueT:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _unlink(self, number: int) -> None:
        self._threads.submit(_unlink_quietly, self._path(number))

    def _path(self, number: int) -> Path:
        return self._objects / f"{number >> 12 & 0xFF:02x}" / f"{number:016x}"

    def _write(self, number: int, key: bytes, response: StoredResponse, body: bytes) -> int:
        head = encode_head(key, response, body)
        target = self._path(number)
        aside = self._incoming / target.name
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            with aside.open("xb", buffering=0) as file:
                _write_all(file.fileno(), head)
                _write_all(file.fileno(), body)
                os.fdatasync(file.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            aside.rename(target)
        except OSError:
            _unlink_quietly(aside)
            raise
        return _occupied(len(head) + len(body))

    def _read(self, number: int, key: bytes) -> bytes:
        try:
            with self._path(number).open("rb") as stream:
                preamble = decode_preamble(stream.read(PREAMBLE_BYTES))
                head = decode_head(preamble, stream.read(preamble.head_bytes))
                body = stream.read()
        except OSError as error:
            if error.errno in _LACKS:
                raise
            raise CorruptRecordError("the file is lost") from error
        check_body(head, body)
        if head.key != key:
            raise CorruptRecordError("the file is another object's")
        return body

    def _old_ids(self, folder: Path) -> list[int]:
        """The ids of a folder's files that are old enough to have rows; what is no file goes."""
        limit = self._first_id - id_at(_RUBBISH_SECONDS)
        ids = []
        for path in folder.iterdir():
            try:
                number = int(path.name, 16)
            except ValueError:
                number = -1
            if number < 0 or self._path(number) != path:
                _unlink_quietly(path)
            elif number < limit:
                ids.append(number)
        return ids


def _unlink_quietly(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


@contextmanager
def _naming(directory: Path) -> Iterator[None]:
    """Around what readies a directory: an OSError says which one."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"the cache directory {directory}: {reason}") from error


def _make_room(directory: Path) -> None:
    """Let a node begin where there is no room left: objects go, in any order, until there is.

    What says that they are there is found out to be untrue when they are wanted.

    Raises:
        OSError: There is no room without them either.
    """
    objects = (path for path in (directory / "objects").rglob("*") if path.is_file())
    probe = directory / "room"
    while True:
        try:
            with probe.open("wb", buffering=0) as file:
                _write_all(file.fileno(), bytes(_ROOM_BYTES))
                os.fdatasync(file.fileno())
        except OSError as error:
            victim = next(objects, None) if error.errno == errno.ENOSPC else None
            if victim is None:
                raise
            victim.unlink(missing_ok=True)
        else:
            return
        finally:
            probe.unlink(missing_ok=True)


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Conflict(f"another edge uses the cache directory {path.parent}") from error
    return descriptor


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _occupied(size_bytes: int) -> int:
    """What a file takes on a disk: whole blocks, and one for its name and inode."""
    return (size_bytes // _BLOCK_BYTES + 2) * _BLOCK_BYTES
