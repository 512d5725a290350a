"""The heads of all objects on the disk, in one SQLite file that the workers of a node share.

With it a node knows what it has without opening a file, changes a head without writing the body
again, and finds what a purge covers by key or tag. The files stay the authority on bodies: each
says whose it is and carries digests (`edge.core.record`), so what this file says and a crash has
made untrue costs a fetch and never a wrong answer. Rows are removed before their files; a file
without a row is rubbish.
"""

import errno
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.core.key import path_of
from edge.core.policy import StoredResponse
from edge.core.purging import key_ranges, path_ranges, respelled, softened
from edge.core.record import decode_response, encode_response
from streamer.core.purge import Kind, Order, parse_tags

_VERSION = 3
_BUSY_SECONDS = 10.0
_WORKER_BITS = 10
_SCHEMA = """
DROP TABLE IF EXISTS objects;
DROP TABLE IF EXISTS tags;
DROP TABLE IF EXISTS spellings;
CREATE TABLE objects (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL, size_bytes INTEGER NOT NULL, head BLOB NOT NULL,
    stale_at REAL
);
CREATE INDEX objects_by_key ON objects (key);
CREATE TABLE tags (tag TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tag, id)) WITHOUT ROWID;
CREATE INDEX tags_by_id ON tags (id);
CREATE TABLE spellings (path TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (path, id))
    WITHOUT ROWID;
CREATE INDEX spellings_by_id ON spellings (id);
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Added:
    """An object was written."""

    id: int
    key: bytes
    size_bytes: int
    response: StoredResponse


@dataclass(frozen=True, slots=True)
class Renewed:
    """An object's head was replaced."""

    id: int
    key: bytes
    response: StoredResponse


@dataclass(frozen=True, slots=True)
class Removed:
    """An object is gone."""

    id: int


Change = Added | Renewed | Removed


@dataclass(frozen=True, slots=True)
class Found:
    """An object on the disk. Ids grow with time; `size_bytes` is what its file takes."""

    id: int
    size_bytes: int
    response: StoredResponse


class Heads:
    """The rows, for one thread at a time.

    Every method raises OSError when the disk fails or is full; then nothing was changed.

    Args:
        path: Of the file. One that is damaged or of another version is begun anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = _open_or_begin_anew(path)
        self._inode = _inode(path)

    def follow(self) -> None:
        """Open the file that is there now, if this one was deleted: what it said is gone."""
        if _inode(self._path) == self._inode:
            return
        _log.warning("the heads of the disk tier were deleted")
        deleted, self._rows = self._rows, _open_or_begin_anew(self._path)
        self._inode = _inode(self._path)
        deleted.close()

    def apply(self, changes: Sequence[Change]) -> None:
        """Record changes, all or none."""
        if not changes:
            return
        with self._writing():
            for change in changes:
                self._apply(change)

    def find(self, key: bytes) -> list[Found]:
        """The objects of a key, newest first."""
        with _as_os_errors():
            rows = self._rows.execute(
                "SELECT id, size_bytes, head, stale_at FROM objects WHERE key = ? ORDER BY id DESC",
                (key,),
            ).fetchall()
        return [Found(number, size, _response(head, stale)) for number, size, head, stale in rows]

    def newest(self) -> int:
        """The highest id of an object; 0 if there is none."""
        with _as_os_errors():
            (newest,) = self._rows.execute("SELECT max(id) FROM objects").fetchone()
        return newest or 0

    def page(self, after: int, before: int, limit: int) -> list[tuple[int, bytes, int]]:
        """Ids, keys and sizes of objects whose ids are between two, oldest first."""
        query = (
            "SELECT id, key, size_bytes FROM objects WHERE id > ? AND id < ? ORDER BY id LIMIT ?"
        )
        with _as_os_errors():
            return self._rows.execute(query, (after, before, limit)).fetchall()

    def lacks(self, ids: Iterable[int]) -> list[int]:
        """Those ids that belong to no object."""
        query = "SELECT 1 FROM objects WHERE id = ?"
        with _as_os_errors():
            return [n for n in ids if self._rows.execute(query, (n,)).fetchone() is None]

    def purge(
        self, order: Order, now: float, owns: Callable[[bytes], bool]
    ) -> list[tuple[int, bytes]]:
        """Obey a purge; when this returns it outlives a loss of power.

        Args:
            order: What to purge.
            now: When objects become stale, if it is a soft one.
            owns: Whose objects to purge, by key.

        Returns:
            Ids and keys of the objects it covers.
        """
        with self._writing(is_durable=True):
            covered = [row for row in dict.fromkeys(self._covered(order)) if owns(row[1])]
            ids = [(number,) for number, _ in covered]
            if order.is_soft:
                stale = "UPDATE objects SET stale_at = coalesce(stale_at, ?) WHERE id = ?"
                self._rows.executemany(stale, [(now, number) for (number,) in ids])
            else:
                self._rows.executemany("DELETE FROM objects WHERE id = ?", ids)
                self._rows.executemany("DELETE FROM tags WHERE id = ?", ids)
                self._rows.executemany("DELETE FROM spellings WHERE id = ?", ids)
        return covered

    def close(self) -> None:
        """Close the file."""
        with _as_os_errors():
            self._rows.close()

    def _covered(self, order: Order) -> Iterator[tuple[int, bytes]]:
        if order.kind is Kind.TAG:
            yield from self._rows.execute(
                "SELECT id, key FROM tags JOIN objects USING (id) WHERE tag = ?", (order.value,)
            ).fetchall()
        for bounds in key_ranges(order):
            rows = self._rows.execute(
                "SELECT id, key FROM objects WHERE key >= ? AND key < ?", bounds
            ).fetchall()
            yield from (row for row in rows if order.covers(path_of(row[1]), frozenset()))
        for paths in path_ranges(order):
            yield from self._rows.execute(
                "SELECT id, key FROM spellings JOIN objects USING (id)"
                " WHERE path >= ? AND path < ?",
                paths,
            ).fetchall()

    def _apply(self, change: Change) -> None:
        match change:
            case Added(number, key, size_bytes, response):
                self._rows.execute(
                    "INSERT INTO objects (id, key, size_bytes, head) VALUES (?, ?, ?, ?)",
                    (number, key, size_bytes, encode_response(key, response)),
                )
                self._tag(number, response)
                path = respelled(key)
                if path is not None:
                    self._rows.execute("INSERT INTO spellings VALUES (?, ?)", (path, number))
            case Renewed(number, key, response):
                found = self._rows.execute(
                    "UPDATE objects SET head = ?, stale_at = NULL WHERE id = ?",
                    (encode_response(key, response), number),
                )
                self._rows.execute("DELETE FROM tags WHERE id = ?", (number,))
                if found.rowcount:
                    self._tag(number, response)
            case Removed(number):
                self._rows.execute("DELETE FROM objects WHERE id = ?", (number,))
                self._rows.execute("DELETE FROM tags WHERE id = ?", (number,))
                self._rows.execute("DELETE FROM spellings WHERE id = ?", (number,))

    def _tag(self, number: int, response: StoredResponse) -> None:
        tags = parse_tags(response.fields.combined)
        self._rows.executemany("INSERT INTO tags VALUES (?, ?)", [(tag, number) for tag in tags])

    @contextmanager
    def _writing(self, *, is_durable: bool = False) -> Iterator[None]:
        with _as_os_errors():
            self._rows.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
            self._rows.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._rows.execute("COMMIT")
            except BaseException:
                if self._rows.in_transaction:
                    self._rows.execute("ROLLBACK")
                raise


def _open_or_begin_anew(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(errno.EIO, str(error)) from error
        _log.warning("the heads of the disk tier are lost: %s", type(error).__name__)
        for damaged in path.parent.glob(path.name + "*"):
            damaged.unlink()
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        rows.execute("PRAGMA journal_mode = WAL")
        rows.execute("PRAGMA secure_delete = OFF")  # dropping tables must not rewrite their pages
        rows.execute("BEGIN IMMEDIATE")
        (version,) = rows.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            for statement in _SCHEMA.split(";"):
                rows.execute(statement)
            rows.execute(f"PRAGMA user_version = {_VERSION}")
        rows.execute("COMMIT")
    except BaseException:
        rows.close()
        raise
    return rows


def _inode(path: Path) -> int | None:
    """What tells a file from another of its name; None: there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _response(head: bytes, stale_at: float | None) -> StoredResponse:
    _, response = decode_response(head)
    return response if stale_at is None else softened(response, stale_at)


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(errno.EIO, f"heads: {error}") from error


def new_id(last: int, worker: int) -> int:
    """An id later than `last`: the microsecond, then the worker's number.

    So workers never give the same id.
    """
    microsecond = max(time.time_ns() // 1000, (last >> _WORKER_BITS) + 1)
    return microsecond << _WORKER_BITS | worker


def id_at(seconds: float) -> int:
    """The first id of a time."""
    return int(seconds * 1_000_000) << _WORKER_BITS
