"""The disk tier's files: written aside and renamed, read whole and verified, never on the loop."""

import asyncio
import fcntl
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from edge.core.policy import StoredResponse
from edge.core.record import (
    PREAMBLE_BYTES,
    CorruptRecordError,
    RecordHead,
    check_body,
    decode_head,
    decode_preamble,
    encode_head,
)
from streamer.core.errors import Conflict

_THREADS = 4
_BLOCK_BYTES = 4096
_SCAN_BATCH = 256

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of the tier. `size_bytes` is what it takes on the disk."""

    name: str
    size_bytes: int


class DirectoryLock:
    """A node's hold on its cache directory, made ready for it; a context manager.

    Args:
        directory: Created when missing.

    Raises:
        Conflict: Another node uses the directory.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = _lock(directory / "lock")
        for leftover in (directory / "incoming").glob("*"):
            leftover.unlink()

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
    """A directory of records, which the workers of one node may share.

    Args:
        directory: Created when missing.
    """

    def __init__(self, directory: Path) -> None:
        self._objects = directory / "objects"
        self._incoming = directory / "incoming"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        self._run_id = uuid.uuid4().hex[:8]
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="edge-disk")

    async def write(self, key: bytes, response: StoredResponse, body: bytes) -> StoredFile:
        """Store an object.

        Raises:
            OSError: There is no room, or the disk fails. Nothing is left behind.
        """
        return await self._in_thread(lambda: self._write(key, response, body))

    async def read(self, file: StoredFile) -> tuple[RecordHead, bytes]:
        """An object, verified.

        Raises:
            CorruptRecordError: The file is not what was written.
            OSError: It is gone, or the disk fails.
        """
        return await self._in_thread(lambda: self._read(file))

    async def remove(self, file: StoredFile) -> None:
        """Delete a file; one that is gone is no error."""
        await self._in_thread(lambda: self._path(file.name).unlink(missing_ok=True))

    async def scan(self, adopt: Callable[[StoredFile, RecordHead], None]) -> int:
        """Report every intact head of earlier runs, without reading bodies.

        Returns:
            How many damaged files were dropped.
        """
        walk = self._walk()
        dropped = 0
        while batch := await self._in_thread(lambda: _take(walk, _SCAN_BATCH)):
            for file, head in batch:
                if head is None:
                    dropped += 1
                else:
                    adopt(file, head)
        return dropped

    def close(self) -> None:
        """Finish what was begun."""
        self._threads.shutdown()

    async def _in_thread(self, work: Callable[[], ValueT]) -> ValueT:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _path(self, name: str) -> Path:
        return self._objects / name[:2] / name

    def _write(self, key: bytes, response: StoredResponse, body: bytes) -> StoredFile:
        name = f"{uuid.uuid4().hex}-{self._run_id}"
        head = encode_head(key, response, body)
        aside = self._incoming / name
        try:
            with aside.open("xb", buffering=0) as file:
                _write_all(file.fileno(), head)
                _write_all(file.fileno(), body)
                os.fdatasync(file.fileno())
            target = self._path(name)
            target.parent.mkdir(exist_ok=True)
            aside.rename(target)
        except OSError:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise
        return StoredFile(name, _occupied(len(head) + len(body)))

    def _read(self, file: StoredFile) -> tuple[RecordHead, bytes]:
        with self._path(file.name).open("rb") as stream:
            preamble = decode_preamble(stream.read(PREAMBLE_BYTES))
            head = decode_head(preamble, stream.read(preamble.head_bytes))
            body = stream.read()
        check_body(head, body)
        return head, body

    def _walk(self) -> Iterator[tuple[StoredFile, RecordHead | None]]:
        """Every file of earlier runs with its head; None for a damaged one, which is deleted."""
        for folder in sorted(self._objects.iterdir()):
            for path in folder.iterdir():
                if path.name.endswith(self._run_id):
                    continue
                try:
                    yield self._read_head(path)
                except (CorruptRecordError, OSError, ValueError):
                    path.unlink(missing_ok=True)
                    yield StoredFile(path.name, 0), None

    def _read_head(self, path: Path) -> tuple[StoredFile, RecordHead]:
        with path.open("rb") as stream:
            preamble = decode_preamble(stream.read(PREAMBLE_BYTES))
            head = decode_head(preamble, stream.read(preamble.head_bytes))
            size_bytes = os.fstat(stream.fileno()).st_size
        if size_bytes != PREAMBLE_BYTES + preamble.head_bytes + preamble.body_bytes:
            raise CorruptRecordError("the file is cut short")
        return StoredFile(path.name, _occupied(size_bytes)), head


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


def _take(walk: Iterator[ValueT], count: int) -> list[ValueT]:
    return list(islice(walk, count))
