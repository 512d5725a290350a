"""The access log: serving only adds to a list; a thread renders and writes.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from edge.core.access import Access, Ending, Peer
from edge.core.access_lines import Lines
from edge.core.fields import Fields
from edge.core.head import FieldBlock
from edge.entry import Entry
from edge.metrics import Counters

_HAND_OVER_SECONDS = 0.5
_CLOSE_SECONDS = 5.0
_MAX_WAITING = 131_072
_LINES_AT_ONCE = 256
_LINES_IN_A_HURRY = 4096
_REST_SECONDS = 0.0001
_NO_FIELDS = Fields()

# A hit answered in place: when, to whom, for which target, the head sent, the entry and the
# request's fields. Their parts lie one after another in one list, which so grows without an object
# for each hit that the garbage collector would have to look at.
Hit = tuple[float, Peer, bytes, bytes, Entry, FieldBlock | None]
_HIT_PARTS = 6
_PADDING = (None,) * (_HIT_PARTS - 1)

_log = logging.getLogger(__name__)


class AccessLog:
    """Writes a line for each request, or counts it as lost when the disk is too slow.

    Args:
        path: The file, created when missing.
        lines: The format.
        counters: Where lines written and lost are counted.
        max_waiting: More records than this do not wait for the disk.

    Attributes:
        add_hit: Takes a hit answered in place, cheaply.
    """

    def __init__(
        self, path: Path, lines: Lines, counters: Counters, *, max_waiting: int = _MAX_WAITING
    ) -> None:
        self._path = path
        self._lines = lines
        self._counters = counters
        self._max_waiting = max_waiting
        self._batches: SimpleQueue[list[Any] | None] = SimpleQueue()
        self._handed_over = 0
        self._dropped = 0
        self._written = 0
        self._failed = 0
        self._trouble: str | None = None
        self._begin_batch()

    def add(self, access: Access) -> None:
        """Take any other answer."""
        self._parts.extend((access, *_PADDING))

    def add_slow_hit(self, hit: Hit, now: float, untaken_bytes: int, ending: Ending) -> None:
        """Take a hit answered in place that its viewer did not take at once, when it is over."""
        access = _access_of(*hit)
        self.add(
            access._replace(
                at=now,
                sent_bytes=max(0, access.sent_bytes - untaken_bytes),
                seconds=now - access.at,
                ending=ending,
            )
        )

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
        parts = self._parts
        count = len(parts) // _HIT_PARTS
        self._begin_batch()
        waiting = self._handed_over - self._written - self._failed
        if waiting + count > self._max_waiting:
            self._dropped += count
        elif count:
            self._handed_over += count
            self._batches.put(parts)
        self._counters.access_log_lines = self._written
        self._counters.access_log_lines_lost = self._dropped + self._failed

    def _begin_batch(self) -> None:
        self._parts: list[Any] = []
        self.add_hit: Callable[[Hit], None] = self._parts.extend

    def _write_batches(self) -> None:
        while (parts := self._batches.get()) is not None:
            before = self._written
            trouble = None
            try:
                self._write(parts)
            except OSError as error:
                self._failed += len(parts) // _HIT_PARTS - (self._written - before)
                trouble = type(error).__name__
            self._note(trouble)

    def _write(self, parts: list[Any]) -> None:
        columns = [iter(parts)] * _HIT_PARTS
        lines = self._lines.render(map(_access_of, *columns))
        with _opened(self._path, self._lines.header.encode("ascii")) as file:
            while some := list(islice(lines, self._lines_at_once())):
                with _locked(file):
                    _write_all(file, "".join(some).encode("ascii"))
                self._written += len(some)
                time.sleep(_REST_SECONDS)

    def _lines_at_once(self) -> int:
        """Few, so that serving need not wait; many, when lines would be lost otherwise."""
        waiting = self._handed_over - self._written - self._failed
        return _LINES_AT_ONCE if waiting < self._max_waiting // 2 else _LINES_IN_A_HURRY

    def _note(self, trouble: str | None) -> None:
        """Say once for each change what is wrong."""
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble is None:
                _log.info("the access log is written again")
            else:
                _log.warning("the access log %s is not written: %s", self._path, trouble)


def check_writable(path: Path) -> None:
    """Open the file of an access log once, as for writing; OSError when it cannot be."""
    with _opened(path, b""):
        pass


def _access_of(
    at: float | Access,
    peer: Peer,
    target: bytes,
    head: bytes,
    entry: Entry,
    block: FieldBlock | None,
) -> Access:
    if isinstance(at, Access):
        return at
    response, size_bytes = entry.response, entry.size_bytes
    return Access(
        at,
        peer,
        "GET",
        target.decode("latin-1"),
        1,
        _NO_FIELDS if block is None else block.fields,
        0,
        response.status,
        response.fields,
        size_bytes,
        size_bytes,
        len(head),
        "hit",
    )


@contextmanager
def _opened(path: Path, header: bytes) -> Iterator[int]:
    """The file, to append whole lines to; it begins with `header`."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        if stat.S_ISREG(os.fstat(file).st_mode):
            with _locked(file):
                _begin(file, header)
        yield file
    finally:
        os.close(file)


def _begin(file: int, header: bytes) -> None:
    """Write what must come before our lines."""
    size_bytes = os.fstat(file).st_size
    if size_bytes == 0:
        _write_all(file, header)
    elif os.pread(file, 1, size_bytes - 1) != b"\n":
        _write_all(file, b"\n")  # a line was cut short by a full disk or a crash


@contextmanager
def _locked(file: int) -> Iterator[None]:
    """Let no other process write, nor look for the end of what we write."""
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
