"""The two tiers: what is in memory, and what sleeps on the disk.

Every object enters memory; where there is a disk tier, a copy is written to it in the background.
What leaves memory then *falls asleep*: nothing is kept of it but its key and its place in the disk
tier, until somebody asks for its key and it is woken, head and body, with one reading. What an
earlier run left is asleep at first. Entries are changed on the event loop only; files and heads are
touched in threads only.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from functools import partial
from heapq import nlargest

from edge.asleep import Asleep
from edge.clock import Clock
from edge.core.eviction import MAX_USES, S3Fifo, Slot
from edge.core.key import large_key
from edge.core.policy import MAX_VARIANTS, StoredResponse
from edge.core.purging import softened
from edge.core.record import CorruptRecordError
from edge.disk import DiskFiles, Loaded, StoredFile
from edge.entry import Entry, Identity
from edge.index import Index
from edge.metrics import Counters
from streamer.core.purge import Order

MAX_MEMORY_OBJECTS = 5_000_000
_MAX_PENDING_BYTES = 64 * 1024 * 1024
_DISK_PAUSE_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Cache:
    """Stored objects by key.

    Args:
        name: This cache's name in `Cache-Status`.
        clock: The present.
        counters: Where evictions, writes and failures are counted.
        memory_bytes: The bound of the memory tier, overhead included.
        disk: The files of the disk tier; None: there is none.
        disk_bytes: The bound of the disk tier.
        disk_files: The bound on the number of its files.
        owns: Whether the object of a key is written to the disk tier by this cache. Several caches
            may share the directory; the files of others are left alone.
        is_current: Whether what was stored for a key is still what would be.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        counters: Counters,
        *,
        memory_bytes: int,
        disk: DiskFiles | None = None,
        disk_bytes: int = 0,
        disk_files: int = 0,
        owns: Callable[[bytes], bool] = lambda _: True,
        is_current: Callable[[bytes, StoredResponse], bool] = lambda *_: True,
    ) -> None:
        self.memory: S3Fifo[Slot[Identity]] = S3Fifo(memory_bytes, MAX_MEMORY_OBJECTS)
        self.disk: S3Fifo[StoredFile] = S3Fifo(disk_bytes, disk_files)
        self._index = Index()
        self.entries = self._index.entries
        self._asleep = Asleep()
        self._name = name
        self._clock = clock
        self._counters = counters
        self._files = disk
        self._owns = owns
        self._is_current = is_current
        self._tasks: set[asyncio.Task[None]] = set()
        self._wakings: dict[bytes, asyncio.Task[None]] = {}
        self._pending_bytes = 0
        self._disk_paused_until = 0.0

    def variants(self, key: bytes) -> list[Entry]:
        """The entries of a key that are awake, newest first."""
        return self.entries.get(key, [])

    def has(self, key: bytes) -> bool:
        """Whether anything is stored for a key, awake or asleep."""
        return key in self.entries or (self._files is not None and self._asleep.has(key))

    async def wake(self, key: bytes) -> None:
        """Bring everything that is stored for a key into memory."""
        for one in (key, large_key(key)):
            if self._files is None or not self._asleep.has(one):
                continue
            waking = self._wakings.get(one)
            if waking is None:
                waking = self._wakings[one] = asyncio.create_task(self._wake(self._files, one))
                waking.add_done_callback(partial(self._end_waking, one))
            await asyncio.shield(waking)

    def selectable(self, key: bytes) -> list[Entry]:
        """The entries that may answer for a key, and the heads of those that are large."""
        return [*self.variants(key), *self.variants(large_key(key))]

    def accepts(self, size_bytes: int) -> bool:
        """Whether an object of this size can be stored."""
        return self.memory.fits(size_bytes + 4096)

    def store(
        self, key: bytes, response: StoredResponse, body: bytes, *, waits_until: float | None = None
    ) -> Entry:
        """Store an object in place of the variant it supersedes.

        Args:
            key: Its cache key.
            response: Its head.
            body: Its whole body, verified.
            waits_until: For an object fetched ahead: when it is not worth keeping unused.
        """
        entry = Entry(self._name, key, response, len(body))
        entry.is_unused = waits_until is not None
        self._supersede(entry)
        self._index.add(entry)
        self._remember(entry, body, waits_until=waits_until)
        if self._files is not None and self._owns(key):
            self._persist(self._files, entry, body)
            if self._asleep.has(key):  # it may supersede what sleeps
                self._start(self.wake(key))
        return entry

    def renew(self, entry: Entry, response: StoredResponse) -> None:
        """Give an entry a new head, on the disk too."""
        entry.used_at = time.monotonic()
        is_indexed = entry in self.variants(entry.key)
        self._index.discard(entry)
        entry.renew(response)
        if is_indexed:
            self._index.add(entry)
        if self._files is not None and entry.file is not None and entry.file.queue is not None:
            self._files.renew(entry.file, response)

    def use(self, entry: Entry) -> bool:
        """Record that a viewer gets an entry; True if it had been fetched ahead for this."""
        entry.used_at = time.monotonic()
        slot = entry.slot
        if slot is not None and slot.uses < MAX_USES:
            slot.uses += 1
        if not entry.is_unused:
            return False
        if slot is not None:
            self.memory.use(slot)
        entry.is_unused = False
        entry.settle()
        self._counters.prefetch_used += 1
        self._counters.prefetch_used_bytes += entry.size_bytes
        return True

    def invalidate(self, key: bytes) -> int:
        """Forget everything stored for a key; returns how many entries that were."""
        keys = (key, large_key(key))
        variants = [entry for one in keys for entry in self.variants(one)]
        for entry in variants:
            self.drop(entry)
        files = [file for one in keys for file in self._asleep.forget(one)]
        for file in files:
            self._remove_file(file)
        return len(variants) + len(files)

    async def purge(self, order: Order) -> int:
        """Obey a purge; returns how many objects it covered.

        What is awake goes first and again last: what was being woken meanwhile is awake then.

        Raises:
            OSError: It has to be obeyed again: the disk fails.
        """
        covered = self._purge_awake(order)
        if self._files is None:
            return covered
        rows = await self._files.purge(order, time.time(), self._owns)
        if self._wakings:
            await asyncio.wait(set(self._wakings.values()))
        for number, key in rows:
            if order.is_soft:
                covered += self._asleep.holds(number, key)
            else:
                covered += 1
                self._vacate(number, key)
        self._purge_awake(order)
        return covered

    async def read(self, entry: Entry) -> bytes | None:
        """The body of an entry; None if it cannot be read. If it is lost, so is the entry."""
        file = entry.file
        if entry.body is not None:
            return entry.body
        if self._files is None or file is None or file.queue is None:
            self.drop(entry)
            return None
        try:
            return await self._files.read(file)
        except CorruptRecordError as error:
            self._lose(file, str(error))
            self.drop(entry)
        except OSError:
            self._counters.disk_errors += 1
        return None

    async def recover(self) -> None:
        """Index what an earlier run left on the disk. Meanwhile it is looked for there by key."""
        if self._files is None:
            return
        try:
            await self._files.index(self._owns, self._adopt)
            self._asleep.complete()
            _log.info("disk tier: %d objects indexed", len(self.disk))
            self._counters.disk_swept += await self._files.sweep()
        except OSError as error:
            self._counters.disk_errors += 1
            _log.warning("disk tier: what earlier runs left was not indexed: %s", error)

    async def close(self) -> None:
        """Finish writing."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        if self._files is not None:
            await self._files.close()

    def _supersede(self, entry: Entry) -> None:
        variants = self.variants(entry.key)
        vary = entry.response.vary
        # A response that varies by other fields than those before was selected by other rules.
        names = [name for name, _ in vary]
        others = [
            other
            for other in variants
            if other.response.vary != vary and [name for name, _ in other.response.vary] == names
        ]
        kept = nlargest(MAX_VARIANTS - 1, others, key=lambda other: other.used_at)
        for other in list(variants):
            if other not in kept:
                self.drop(other)

    def _remember(self, entry: Entry, body: bytes, *, waits_until: float | None = None) -> None:
        """Put a body into memory, and take out what must leave for it."""
        entry.body = body
        entry.slot = Slot(entry.identity, entry.memory_bytes, waits_until=waits_until)
        victims = self.memory.admit(entry.slot, self._clock.now)
        entry.settle()
        for slot in victims:
            self._on_memory_victim(slot)

    def _on_memory_victim(self, slot: Slot[Identity]) -> None:
        entry = self._find(slot.key)
        self._counters.evictions += 1
        if entry is None or entry.slot is not slot:
            return
        file = entry.file
        if file is None or file.queue is None:
            self.drop(entry)
            return
        # The disk tier does not see hits in memory: pass on what they say.
        file.uses = min(MAX_USES, file.uses + slot.uses)
        entry.file = None
        self.drop(entry)
        entry.file = file
        self._asleep.add(file)

    def _on_disk_victim(self, file: StoredFile) -> None:
        self._counters.evictions += 1
        self._asleep.take(file.id, file.key)
        for entry in self.variants(file.key):
            if entry.file is file:
                entry.file = None
        self._remove_file(file)

    def drop(self, entry: Entry) -> None:
        """Forget one entry."""
        self._index.discard(entry)
        if not entry.is_live:
            return
        self._count_if_wasted(entry)
        entry.is_live = entry.is_unused = False
        if entry.slot is not None:
            self.memory.remove(entry.slot)
        if entry.file is not None:
            self._remove_file(entry.file)
        entry.body = entry.slot = entry.file = None
        entry.settle()

    def _purge_awake(self, order: Order) -> int:
        covered = self._index.covered(order)
        for entry in covered:
            if order.is_soft:
                self.renew(entry, softened(entry.response, time.time()))
            else:
                self.drop(entry)
        return len(covered)

    def _count_if_wasted(self, entry: Entry) -> None:
        if entry.is_unused:
            self._counters.prefetch_wasted += 1
            self._counters.prefetch_wasted_bytes += entry.size_bytes

    def _find(self, identity: Identity) -> Entry | None:
        key, vary = identity
        return next((e for e in self.variants(key) if e.response.vary == vary), None)

    def _end_waking(self, key: bytes, _: asyncio.Task[None]) -> None:
        del self._wakings[key]

    async def _wake(self, files: DiskFiles, key: bytes) -> None:
        asleep = self._asleep.ids(key)
        try:
            loaded = await files.load(key, lambda n: self._is_wanted(files, n, key))
        except OSError:
            self._counters.disk_errors += 1
            return
        for one in loaded:
            asleep.discard(one.found.id)
            self._admit_loaded(key, one)
        for number in asleep:  # what has no row any more
            self._vacate(number, key)

    def _is_wanted(self, files: DiskFiles, number: int, key: bytes) -> bool:
        if self._asleep.holds(number, key):
            return True
        return files.is_old(number) and self._asleep.may_hold(number, key)

    def _vacate(self, number: int, key: bytes) -> None:
        """Give up the place of an object whose row and file are gone."""
        file = self._asleep.take(number, key)
        if file is not None:
            self.disk.remove(file)

    def _admit_loaded(self, key: bytes, loaded: Loaded) -> None:
        """Index an object that was read, unless it is not current or was superseded or removed."""
        found = loaded.found
        file = self._asleep.take(found.id, key)
        if file is None:
            if not self._asleep.claim(found.id, key):
                return
            file = StoredFile(key, found.size_bytes, id=found.id)
            self._place(file)
        if loaded.body is None:
            self._lose(file, "lost or damaged")
            return
        entry = Entry(self._name, key, found.response, len(loaded.body))
        is_wanted = self._is_current(key, found.response) and self.accepts(entry.size_bytes)
        if self._find(entry.identity) or not is_wanted:
            self._remove_file(file)
            return
        file.uses = min(MAX_USES, file.uses + 1)
        entry.file = file
        self._index.add(entry, is_newest=False)
        self._remember(entry, loaded.body)

    def _lose(self, file: StoredFile, why: str) -> None:
        _log.warning("disk tier: dropped %016x: %s", file.id, why)
        self._counters.disk_corrupt += 1
        self._asleep.take(file.id, file.key)
        self._remove_file(file)

    def _persist(self, files: DiskFiles, entry: Entry, body: bytes) -> None:
        is_paused = self._clock.now < self._disk_paused_until
        if is_paused or self._pending_bytes + len(body) > _MAX_PENDING_BYTES:
            self._counters.disk_writes_skipped += 1
            return
        if not self.disk.fits(len(body)):
            return
        self._pending_bytes += len(body)
        self._start(self._write(files, entry, body))

    async def _write(self, files: DiskFiles, entry: Entry, body: bytes) -> None:
        try:
            file = await files.write(entry.key, entry.response, body)
        except OSError as error:
            self._counters.disk_errors += 1
            self._disk_paused_until = self._clock.now + _DISK_PAUSE_SECONDS
            _log.warning("disk tier: writing failed (errno %s), memory only now", error.errno)
            return
        finally:
            self._pending_bytes -= len(body)
        self._counters.disk_writes += 1
        if entry.is_live:
            entry.file = file
            self._place(file)
        else:
            files.remove(file)

    def _place(self, file: StoredFile) -> None:
        """Give a file its place in the disk tier, and take out what must leave for it."""
        for victim in self.disk.admit(file, self._clock.now):
            self._on_disk_victim(victim)

    def _adopt(self, file: StoredFile) -> None:
        """Take in an object of an earlier run, unless it has been already."""
        if not (self._asleep.is_forgotten(file.key) or self._asleep.claim(file.id, file.key)):
            return
        if self._asleep.is_forgotten(file.key) or not self.disk.fits(file.size_bytes):
            self._remove_file(file)
            return
        self._asleep.add(file)
        self._place(file)

    def _remove_file(self, file: StoredFile) -> None:
        self.disk.remove(file)
        if self._files is not None:
            self._files.remove(file)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
