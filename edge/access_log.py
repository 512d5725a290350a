"""The access log: serving only appends to a list; a thread renders and writes.

The thread renders a few lines at a time and rests between, so that serving never waits long for
the interpreter. Lines of several processes may go to one file: each write appends whole lines. The
file is opened anew with each batch, so that renaming it is all that log rotation takes.
"""

import asyncio
import fcntl
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from edge.core.access import Access, Peer
from edge.core.access_lines import Lines
from edge.core.fields import Fields
from edge.core.head import FieldBlock
from edge.entry import Entry
from edge.metrics import Counters, Result

_HAND_OVER_SECONDS = 0.5
_CLOSE_SECONDS = 5.0
_MAX_WAITING = 131_072
_LINES_AT_ONCE = 64
_REST_SECONDS = 0.0001
_NO_FIELDS = Fields()

# A hit answered in place: when, to whom, for which target, the head sent, the entry and the
# request's fields. A plain tuple: this is what the hot path makes.
Hit = tuple[float, Peer, bytes, bytes, Entry, FieldBlock | None]
Record = Hit | Access

_log = logging.getLogger(__name__)


class AccessLog:
    """Writes a line for each request, or counts it as lost when the disk is too slow.

    Args:
        path: The file, created when missing.
        lines: The format.
        counters: Where lines written and lost are counted.
        max_waiting: More records than this do not wait for the disk.

    Attributes:
        add: Takes a record.
    """

    def __init__(
        self, path: Path, lines: Lines, counters: Counters, *, max_waiting: int = _MAX_WAITING
    ) -> None:
        self._path = path
        self._lines = lines
        self._counters = counters
        self._max_waiting = max_waiting
        self._batches: SimpleQueue[Sequence[Record] | None] = SimpleQueue()
        self._handed_over = 0
        self._dropped = 0
        self._written = 0
        self._failed = 0
        self._trouble: str | None = None
        self._records: list[Record] = []
        self.add: Callable[[Record], None] = self._records.append

    async def run(self) -> None:
        """Hand records to the thread until cancelled, and then the last ones."""
        thread = Thread(target=self._write_batches, name="edge-access-log", daemon=True)
        thread.start()
        try:
            while True:
                await asyncio.sleep(_HAND_OVER_SECONDS)
                self.hand_over()
        finally:
            self.hand_over()
            self._batches.put(None)
            await asyncio.to_thread(thread.join, _CLOSE_SECONDS)

    def hand_over(self) -> None:
        """Give what was recorded to the thread, unless too much waits for it already."""
        batch, self._records = self._records, []
        self.add = self._records.append
        waiting = self._handed_over - self._written - self._failed
        if waiting + len(batch) > self._max_waiting:
            self._dropped += len(batch)
        elif batch:
            self._handed_over += len(batch)
            self._batches.put(batch)
        self._counters.access_log_lines = self._written
        self._counters.access_log_lines_lost = self._dropped + self._failed

    def _write_batches(self) -> None:
        while (batch := self._batches.get()) is not None:
            before = self._written
            trouble = None
            try:
                self._write(batch)
            except OSError as error:
                self._failed += len(batch) - (self._written - before)
                trouble = type(error).__name__
            self._note(trouble)

    def _write(self, batch: Sequence[Record]) -> None:
        lines = self._lines.render(map(_access_of, batch))
        with _opened(self._path, self._lines.header.encode("ascii")) as file:
            while some := list(islice(lines, _LINES_AT_ONCE)):
                _write_all(file, "".join(some).encode("ascii"))
                self._written += len(some)
                time.sleep(_REST_SECONDS)

    def _note(self, trouble: str | None) -> None:
        """Say once for each change what is wrong."""
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble is None:
                _log.info("the access log is written again")
            else:
                _log.warning("the access log is not written: %s", trouble)


def _access_of(record: Record) -> Access:
    if isinstance(record, Access):
        return record
    at, peer, target, head, entry, block = record
    return Access(
        at=at,
        peer=peer,
        method="GET",
        target=target.decode("latin-1"),
        minor_version=1,
        asked=_NO_FIELDS if block is None else block.fields,
        received_body_bytes=0,
        status=entry.response.status,
        answered=entry.response.fields,
        content_length=entry.size_bytes,
        sent_bytes=entry.size_bytes,
        head_bytes=len(head),
        result=Result.HIT,
    )


@contextmanager
def _opened(path: Path, header: bytes) -> Iterator[int]:
    """The file, to append whole lines to; it begins with `header`."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        if stat.S_ISREG(os.fstat(file).st_mode):
            _begin(file, header)
        yield file
    finally:
        os.close(file)


def _begin(file: int, header: bytes) -> None:
    """Write what must come before our lines; no other process does the same meanwhile."""
    fcntl.flock(file, fcntl.LOCK_EX)
    size_bytes = os.fstat(file).st_size
    if size_bytes == 0:
        _write_all(file, header)
    elif os.pread(file, 1, size_bytes - 1) != b"\n":
        _write_all(file, b"\n")  # a line was cut short by a full disk or a crash
    fcntl.flock(file, fcntl.LOCK_UN)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
