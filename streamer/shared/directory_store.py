"""The object store in a directory of this machine.

An object is a file at `root/key`. It is written aside, in `root/.incoming`, synced, and given its
name in one step, so that neither a reader nor a crash ever sees half of it.
"""

import errno
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from streamer.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    StorageFull,
    StreamerError,
    Unavailable,
)
from streamer.shared.incoming import Incoming, install, prune, write_all
from streamer.shared.object_store import (
    CHUNK_BYTES,
    ObjectBody,
    ObjectInfo,
    check_key,
    check_prefix,
)
from streamer.shared.pieces import regroup
from streamer.shared.threads import Threads

_WRITE_BYTES = 1024 * 1024
_LIST_BATCH = 256
_THREADS = 8
_READING: dict[int, type[StreamerError]] = {
    errno.ENOENT: NotFound,
    errno.ENOTDIR: NotFound,
    errno.EISDIR: NotFound,
}
_WRITING: dict[int, type[StreamerError]] = {
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,
    errno.ENOENT: NotFound,
    errno.EEXIST: Conflict,
    errno.EISDIR: Conflict,
    errno.ENOTDIR: Conflict,
}
_DETAILS: dict[type[StreamerError], str] = {
    StorageFull: "the store's disk is full",
    NotFound: "there is no such object",
    Conflict: "the key, or a part of it, is taken by another object",
}


class DirectoryStore:
    """Objects as files below `root`, which is made when it is missing.

    Raises:
        Unavailable: The directory cannot be made or written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        try:
            self._incoming = Incoming(self._root / ".incoming")
        except OSError as error:
            raise Unavailable(f"no store can be in {self._root}: {error.strerror}") from error
        self._threads = Threads(_THREADS, "directory-store")

    async def put(self, key: str, data: bytes, *, only_if_absent: bool = False) -> ObjectInfo:
        """Store `data`; see `ObjectStore.put`."""
        return await self._threads.run(self._put, check_key(key), data, only_if_absent)

    async def put_file(self, key: str, path: Path, *, move: bool = False) -> ObjectInfo:
        """Store a file; with `move` it is renamed, or copied from another file system."""
        return await self._threads.run(self._put_file, check_key(key), path, move)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> ObjectInfo:
        """Store what `chunks` yields; nothing is visible if it raises."""
        check_key(key)
        creation = self._incoming.create()
        with _translated(_WRITING):
            file = await self._threads.acquire(
                creation.__enter__, lambda _: creation.__exit__(None, None, None)
            )
        try:
            async for piece in regroup(chunks, _WRITE_BYTES):
                with _translated(_WRITING):
                    await self._threads.run(write_all, file, piece)
            with _translated(_WRITING):
                return await self._threads.run(self._install, key, file, Path(file.name))
        finally:
            await self._threads.run(creation.__exit__, None, None, None)

    @asynccontextmanager
    async def get(
        self, key: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[ObjectBody]:
        """Read an object or a part of it; see `ObjectStore.get`."""
        if start < 0 or (stop is not None and stop < 0):
            raise InvalidInput("a range has no negative ends")
        file, info = await self._threads.acquire(
            partial(self._open, check_key(key)), lambda opened: opened[0].close()
        )
        end = info.size_bytes if stop is None else min(stop, info.size_bytes)
        chunks = self._read(file, start, end)
        try:
            yield ObjectBody(info, chunks)
        finally:
            await chunks.aclose()
            file.close()

    async def head(self, key: str) -> ObjectInfo:
        """What is known of an object; NotFound when there is none."""
        return await self._threads.run(self._head, check_key(key))

    async def list(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """All objects whose key starts with `prefix`; see `ObjectStore.list`."""
        objects = self._objects(prefix)
        while batch := await self._threads.run(_take, objects):
            for info in batch:
                yield info

    async def delete(self, key: str) -> None:
        """Remove an object, and the directories it leaves empty."""
        await self._threads.run(self._delete, (check_key(key),))

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every object below `prefix` (which ends with `/`); returns how many."""
        return await self._threads.run(self._delete_prefix, check_prefix(prefix))

    def local_path(self, key: str) -> Path | None:
        """The file that holds the object, or would."""
        return self._root / check_key(key)

    async def check(self) -> None:
        """Return when the directory can be written; raise Unavailable when it cannot."""
        directory, mode = self._incoming.directory, os.R_OK | os.W_OK | os.X_OK
        if not await self._threads.run(os.access, directory, mode):
            raise Unavailable("the store's directory cannot be written")

    async def close(self) -> None:
        """Release the threads."""
        self._threads.close()

    def _put(self, key: str, data: bytes, only_if_absent: bool) -> ObjectInfo:
        with _translated(_WRITING), self._incoming.create() as file:
            write_all(file, data)
            return self._install(key, file, Path(file.name), only_if_absent=only_if_absent)

    def _put_file(self, key: str, path: Path, move: bool) -> ObjectInfo:
        with _translated(_WRITING), path.open("rb") as source:
            if move and os.fstat(source.fileno()).st_dev == self._root.stat().st_dev:
                return self._install(key, source, path)
            with self._incoming.create() as file:
                while piece := source.read(_WRITE_BYTES):
                    write_all(file, piece)
                info = self._install(key, file, Path(file.name))
            if move:
                path.unlink(missing_ok=True)
            return info

    def _install(
        self, key: str, file: BinaryIO, path: Path, *, only_if_absent: bool = False
    ) -> ObjectInfo:
        install(file, path, self._root / key, only_if_absent=only_if_absent)
        return _info(key, os.fstat(file.fileno()))

    def _open(self, key: str) -> tuple[BinaryIO, ObjectInfo]:
        with _translated(_READING):
            file = (self._root / key).open("rb", buffering=0)
        return file, _info(key, os.fstat(file.fileno()))

    async def _read(self, file: BinaryIO, position: int, end: int) -> AsyncGenerator[bytes]:
        while position < end:
            wanted = min(CHUNK_BYTES, end - position)
            with _translated(_READING):
                chunk = await self._threads.run(os.pread, file.fileno(), wanted, position)
            if not chunk:
                raise Unavailable("an object is shorter than it was")
            position += len(chunk)
            yield chunk

    def _head(self, key: str) -> ObjectInfo:
        file, info = self._open(key)
        file.close()
        return info

    def _objects(self, prefix: str) -> Iterator[ObjectInfo]:
        folder = prefix[: prefix.rfind("/") + 1]
        if not folder:
            return _walk(self._root, "", prefix)
        try:
            check_prefix(folder)
        except InvalidInput:  # nothing can be stored there
            return iter(())
        return _walk(self._root / folder, folder, prefix)

    def _delete(self, keys: Sequence[str]) -> None:
        paths = [self._root / key for key in keys]
        with _translated({}):
            for path in paths:
                _unlink(path)
            for directory in {path.parent for path in paths}:
                prune(directory, self._root)

    def _delete_prefix(self, prefix: str) -> int:
        keys = [info.key for info in self._objects(prefix)]
        self._delete(keys)
        return len(keys)


def _walk(directory: Path, base: str, prefix: str) -> Iterator[ObjectInfo]:
    """The objects in a directory whose keys start with `base`, in the order of their bytes."""
    for name, entry in _entries(directory):
        key = base + name
        if not (key.startswith(prefix) or prefix.startswith(key)):
            continue
        if name.endswith("/"):
            yield from _walk(directory / entry.name, key, prefix)
        elif entry.is_file() and key.startswith(prefix):
            try:
                yield _info(key, entry.stat())
            except FileNotFoundError:  # deleted since it was listed
                continue


def _entries(directory: Path) -> list[tuple[str, os.DirEntry[str]]]:
    with _translated(_READING):
        try:
            with os.scandir(directory) as found:
                visible = [entry for entry in found if not entry.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []
    named = [(e.name + "/" if e.is_dir(follow_symlinks=False) else e.name, e) for e in visible]
    return sorted(named, key=lambda pair: os.fsencode(pair[0]))


def _take(objects: Iterator[ObjectInfo]) -> list[ObjectInfo]:
    return list(islice(objects, _LIST_BATCH))


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return


def _info(key: str, stat: os.stat_result) -> ObjectInfo:
    """An etag of size, time and inode is strong here: objects are only ever replaced whole."""
    return ObjectInfo(
        key=key,
        size_bytes=stat.st_size,
        etag=f'"{stat.st_size:x}-{stat.st_mtime_ns:x}-{stat.st_ino:x}"',
        modified_at=datetime.fromtimestamp(stat.st_mtime, UTC),
    )


@contextmanager
def _translated(kinds: Mapping[int, type[StreamerError]]) -> Iterator[None]:
    """Raise system errors as `kinds` says, the others as Unavailable."""
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        kind = kinds.get(code, Unavailable)
        reason = _DETAILS.get(kind, f"the store failed: {errno.errorcode.get(code, code)}")
        raise kind(reason) from error
