"""Unfinished uploads on this machine's disk: `{id}.part` holds the bytes, `{id}.json` the record.

What a client was told to be received is in the file and synced, so it outlives the process. The
record is written aside and renamed. One process at a time writes to an upload (flock).
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from streamer.core.errors import NotFound, StorageFull, Unavailable
from streamer.core.keys import is_video_id
from streamer.origin.errors import Locked
from streamer.shared.threads import Threads

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_THREADS = 8
# Synced while more comes, so that the last byte of a large upload does not wait for all of them.
_SYNC_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """What does not change with every byte.

    `length_bytes` is None until the client knows it. `metadata` is Upload-Metadata as sent. Only
    `resumable` uploads are worth keeping when their request ends early. `unverified_from` is where
    bytes begin whose checksum was not compared yet: they do not count.
    """

    id: str
    length_bytes: int | None
    metadata: str = ""
    resumable: bool = True
    unverified_from: int | None = None


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """How far an upload has come.

    `is_taken_in` means that it is the source of its video already.
    """

    record: UploadRecord
    offset: int
    touched_at: datetime
    is_taken_in: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every byte is here."""
        return self.record.length_bytes == self.offset

    def expires_at(self, expiry_seconds: float) -> datetime:
        """When it is removed unless bytes come."""
        return self.touched_at + timedelta(seconds=expiry_seconds)


class PartFile:
    """The bytes of one upload, open for appending and locked. Every method may raise StorageFull.

    Attributes:
        offset: How many bytes count as received.
    """

    def __init__(self, file: BinaryIO, offset: int, threads: Threads) -> None:
        self._file = file
        self._threads = threads
        self._synced_offset = offset
        self.offset = offset

    async def write(self, data: bytes) -> None:
        """Append `data`; when that fails, what was written of it stays and counts."""
        await self._threads.run(self._write, data)

    async def truncate(self, offset: int) -> None:
        """Drop everything from `offset` on."""
        await self._threads.run(self._truncate, offset)

    async def sync(self) -> None:
        """Return when the bytes are on the disk."""
        await self._threads.run(self._sync)

    def close(self) -> None:
        """Give up the lock."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        with disk_failures():
            while rest:
                written = self._file.write(rest)
                self.offset += written
                rest = rest[written:]
        if self.offset - self._synced_offset >= _SYNC_BYTES:
            self._sync()

    def _truncate(self, offset: int) -> None:
        with disk_failures():
            self._file.truncate(offset)
            self._file.seek(offset)
        self.offset = offset

    def _sync(self) -> None:
        with disk_failures():
            os.fsync(self._file.fileno())
        self._synced_offset = self.offset


class Staging:
    """The directory of unfinished uploads; made when missing. Several processes may share it."""

    def __init__(self, directory: Path) -> None:
        with disk_failures():
            directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._threads = Threads(_THREADS, "staging")

    async def create(self, record: UploadRecord) -> None:
        """Begin an upload without bytes."""
        await self._threads.run(self._create, record)

    async def status(self, upload_id: str) -> UploadStatus:
        """How far an upload has come; NotFound when there is none."""
        return await self._threads.run(self._status, upload_id)

    async def change(self, record: UploadRecord) -> None:
        """Replace the record of an upload."""
        await self._threads.run(self._write_record, record)

    async def open(self, upload_id: str) -> PartFile:
        """The upload's bytes for appending; what was not verified is dropped.

        Raises:
            NotFound: There is no such upload.
            Locked: Another process is writing to it.
        """
        file, offset = await self._threads.run(self._open, upload_id)
        return PartFile(file, offset, self._threads)

    async def begin_again(self, record: UploadRecord) -> PartFile:
        """An upload without bytes, for appending; what there was of it is dropped.

        Raises:
            NotFound: It was removed meanwhile.
            Locked: Another process is writing to it.
        """
        return PartFile(await self._threads.run(self._begin_again, record), 0, self._threads)

    async def remove(self, upload_id: str) -> None:
        """Remove an upload; one that is not there is no error."""
        await self._threads.run(self._remove, upload_id)

    async def statuses(self) -> list[UploadStatus]:
        """Every upload on this machine."""
        return await self._threads.run(self._statuses)

    async def remove_strays(self, *, before: datetime) -> None:
        """Remove the bytes without a record and half records that a crash left, unless younger."""
        await self._threads.run(self._remove_strays, before)

    def path(self, upload_id: str) -> Path:
        """The file of an upload's bytes."""
        return self._directory / f"{_checked(upload_id)}.part"

    def close(self) -> None:
        """Release the threads."""
        self._threads.close()

    def _record_path(self, upload_id: str) -> Path:
        return self._directory / f"{_checked(upload_id)}.json"

    def _create(self, record: UploadRecord) -> None:
        path = self.path(record.id)
        with disk_failures():
            path.open("xb").close()
            with _removed_on_failure(path):
                self._write_record(record)

    def _write_record(self, record: UploadRecord) -> None:
        target = self._record_path(record.id)
        aside = target.with_suffix(".json.new")
        with disk_failures(), _removed_on_failure(aside):
            with aside.open("w") as file:
                json.dump(asdict(record), file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(target)

    def _read_record(self, upload_id: str) -> UploadRecord:
        try:
            return UploadRecord(**json.loads(self._record_path(upload_id).read_text()))
        except FileNotFoundError as error:
            raise NotFound("there is no such upload") from error

    def _status(self, upload_id: str) -> UploadStatus:
        with disk_failures():
            record = self._read_record(upload_id)
            try:
                found = self.path(upload_id).stat()
            except FileNotFoundError:
                # The bytes are in the store already; the crash came before the record was removed.
                touched = self._record_path(upload_id).stat().st_mtime
                return UploadStatus(record, record.length_bytes or 0, _moment(touched))
        offset = found.st_size
        if record.unverified_from is not None:
            offset = min(offset, record.unverified_from)
        return UploadStatus(record, offset, _moment(found.st_mtime))

    def _open(self, upload_id: str) -> tuple[BinaryIO, int]:
        with disk_failures():
            record = self._read_record(upload_id)
            try:
                file = self.path(upload_id).open("r+b", buffering=0)
            except FileNotFoundError as error:
                raise NotFound("there is no such upload") from error
            try:
                return file, self._lock_and_seek(file, record)
            except BaseException:
                file.close()
                raise

    def _begin_again(self, record: UploadRecord) -> BinaryIO:
        with disk_failures():
            file = self.path(record.id).open("ab", buffering=0)
            try:
                _lock(file)
                file.truncate(0)
                self._write_record(record)
            except BaseException:
                file.close()
                raise
            return file

    def _lock_and_seek(self, file: BinaryIO, record: UploadRecord) -> int:
        _lock(file)
        if record.unverified_from is not None:
            file.truncate(record.unverified_from)
            self._write_record(replace(record, unverified_from=None))
        return file.seek(0, os.SEEK_END)

    def _remove(self, upload_id: str) -> None:
        with disk_failures():
            self._record_path(upload_id).unlink(missing_ok=True)
            self.path(upload_id).unlink(missing_ok=True)

    def _remove_strays(self, before: datetime) -> None:
        with disk_failures():
            for path in self._strays():
                with suppress(FileNotFoundError):  # no stray: it was renamed since
                    if _moment(path.stat().st_mtime) < before:
                        path.unlink()

    def _strays(self) -> Iterator[Path]:
        """The bytes without a record, and the records that were written aside."""
        for path in self._directory.glob("*.part"):
            if not path.with_suffix(".json").exists():
                yield path
        yield from self._directory.glob("*.json.new")

    def _statuses(self) -> list[UploadStatus]:
        with disk_failures():
            ids = sorted(path.stem for path in self._directory.glob("*.json"))
        found = []
        for upload_id in filter(is_video_id, ids):
            try:
                found.append(self._status(upload_id))
            except NotFound:  # removed since it was listed
                continue
        return found


@contextmanager
def disk_failures() -> Iterator[None]:
    """Raise system errors as StorageFull or Unavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("the disk that takes uploads is full") from error
        raise Unavailable("the disk that takes uploads failed") from error


def _lock(file: BinaryIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Locked("another request is writing to this upload") from error
    if os.fstat(file.fileno()).st_nlink == 0:
        raise NotFound("there is no such upload")


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _checked(upload_id: str) -> str:
    if not is_video_id(upload_id):
        raise NotFound("there is no such upload")
    return upload_id


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
