"""Files written aside until they are whole: synced, then given their name in one step."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_ABANDONED_AFTER_SECONDS = 24 * 3600.0
_INSTALL_ATTEMPTS = 20


class Incoming:
    """A directory of unfinished files, on the file system of their targets.

    Several processes may share it. What a crash left in it is removed when it is opened a day
    later. Every method raises OSError as the system reports it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()

    @contextmanager
    def create(self) -> Iterator[BinaryIO]:
        """A new unbuffered file, removed at the end unless it was moved away."""
        path = self.directory / secrets.token_hex(16)
        with path.open("xb", buffering=0) as file:
            try:
                yield file
            finally:
                path.unlink(missing_ok=True)

    def _remove_abandoned(self) -> None:
        oldest = time.time() - _ABANDONED_AFTER_SECONDS
        for path in self.directory.iterdir():
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:  # another process finished or removed it
                continue


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of `data` to an unbuffered file, which may take it in several parts."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def install(file: BinaryIO, source: Path, target: Path, *, only_if_absent: bool = False) -> None:
    """Sync `file`, which is open at `source`, and make it visible at `target`, durably.

    `target` is replaced, or, with `only_if_absent`, FileExistsError is raised when it is there.
    Its directories are made.
    """
    os.fsync(file.fileno())
    name = os.link if only_if_absent else os.replace
    for attempt in range(_INSTALL_ATTEMPTS):
        _make_directories(target.parent)
        try:
            name(source, target)
            break
        except FileNotFoundError:  # somebody pruned the empty directory in between
            if attempt + 1 == _INSTALL_ATTEMPTS or not source.exists():
                raise
    sync_directory(target.parent)


def prune(directory: Path, root: Path) -> None:
    """Remove `directory` and its parents below `root` as far as they are empty, durably."""
    while directory != root:
        try:
            directory.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # not empty
            break
        directory = directory.parent
    sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable; one that vanished has none."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_directories(directory: Path) -> None:
    if directory.is_dir():
        return
    _make_directories(directory.parent)
    # Others make it, or prune its parent, at the same time: install tries again where that fails.
    with suppress(FileExistsError, FileNotFoundError):
        directory.mkdir()
    sync_directory(directory.parent)
