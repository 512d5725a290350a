"""The two tiers behind one index.

Every object enters memory; where there is a disk tier, a copy is written to it in the background.
What leaves memory stays readable from its file and comes back with the next reading. Entries are
changed on the event loop only; files are touched in threads only.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress

from edge.clock import Clock
from edge.core.eviction import MAX_USES, S3Fifo, Slot
from edge.core.key import large_key, path_of
from edge.core.policy import MAX_VARIANTS, StoredResponse
from edge.core.record import CorruptRecordError, RecordHead
from edge.disk import DiskFiles, StoredFile
from edge.entry import Entry, Identity
from edge.metrics import Counters
from streamer.core.purge import matches

MAX_MEMORY_OBJECTS = 5_000_000
_MAX_PENDING_BYTES = 64 * 1024 * 1024
_DISK_PAUSE_SECONDS = 30.0
_PURGE_SLICE = 4096

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
    ) -> None:
        self.entries: dict[bytes, list[Entry]] = {}
        self.memory: S3Fifo[Identity] = S3Fifo(memory_bytes, MAX_MEMORY_OBJECTS)
        self.disk: S3Fifo[Identity] = S3Fifo(disk_bytes, disk_files)
        self._name = name
        self._clock = clock
        self._counters = counters
        self._files = disk
        self._owns = owns
        self._tasks: set[asyncio.Task[None]] = set()
        self._readings: dict[Entry, asyncio.Task[bytes | None]] = {}
        self._pending_bytes = 0
        self._disk_paused_until = 0.0

    def variants(self, key: bytes) -> list[Entry]:
        """The entries of a key, newest first."""
        return self.entries.get(key, [])

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
        self._index(entry)
        self._remember(entry, body, waits_until=waits_until)
        if self._files is not None and self._owns(key):
            self._persist(self._files, entry, body)
        return entry

    def use(self, entry: Entry) -> bool:
        """Record that a viewer gets an entry; True if it had been fetched ahead for this."""
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
        variants = [*self.entries.pop(key, []), *self.entries.pop(large_key(key), [])]
        for entry in variants:
            self._release(entry)
        return len(variants)

    async def purge(self, pattern: str) -> int:
        """Forget every object whose path a purge covers; returns how many entries that were."""
        removed = 0
        for number, key in enumerate(list(self.entries)):
            if number % _PURGE_SLICE == _PURGE_SLICE - 1:
                await asyncio.sleep(0)  # viewers first
            if matches(pattern, path_of(key)):
                removed += self.invalidate(key)
        return removed

    async def read(self, entry: Entry) -> bytes | None:
        """The body of an entry; None when it turns out to be lost, and then so is the entry."""
        if entry.body is not None:
            return entry.body
        reading = self._readings.get(entry)
        if reading is None:
            reading = asyncio.create_task(self._promote(entry))
            self._readings[entry] = reading
            reading.add_done_callback(lambda _: self._readings.pop(entry, None))
        return await asyncio.shield(reading)

    async def recover(self) -> None:
        """Index what an earlier run left on the disk."""
        if self._files is None:
            return
        dropped = await self._files.scan(self._adopt)
        self._counters.disk_corrupt += dropped
        _log.info("disk tier: %d objects indexed, %d dropped", len(self.disk), dropped)

    async def close(self) -> None:
        """Finish writing."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        if self._files is not None:
            await asyncio.to_thread(self._files.close)

    def _index(self, entry: Entry) -> None:
        variants = self.entries.setdefault(entry.key, [])
        vary = entry.response.vary
        # A response that varies by other fields than those before was selected by other rules.
        names = [name for name, _ in vary]
        kept = [
            other
            for other in variants
            if other.response.vary != vary and [name for name, _ in other.response.vary] == names
        ][: MAX_VARIANTS - 1]
        for other in variants:
            if other not in kept:
                self._release(other)
        variants[:] = [entry, *kept]

    def _remember(self, entry: Entry, body: bytes, *, waits_until: float | None = None) -> None:
        """Put a body into memory, and take out what must leave for it."""
        entry.body = body
        entry.slot, victims = self.memory.admit(
            entry.identity, entry.memory_bytes, self._clock.now, waits_until=waits_until
        )
        entry.settle()
        for slot in victims:
            self._on_memory_victim(slot)

    def _on_memory_victim(self, slot: Slot[Identity]) -> None:
        entry = self._find(slot.key)
        self._counters.evictions += 1
        if entry is None or entry.slot is not slot:
            return
        if entry.disk_slot is not None:
            # The disk tier does not see hits in memory: pass on what they say.
            entry.disk_slot.uses = min(MAX_USES, entry.disk_slot.uses + slot.uses)
        if entry.file is None:
            self.drop(entry)
            return
        self._count_if_wasted(entry)
        entry.body = entry.slot = None
        entry.is_unused = False
        entry.settle()

    def _on_disk_victim(self, slot: Slot[Identity]) -> None:
        entry = self._find(slot.key)
        self._counters.evictions += 1
        if entry is None or entry.disk_slot is not slot:
            return
        if entry.file is not None:
            self._remove_file(entry.file)
        entry.file = entry.disk_slot = None
        if entry.body is None:
            self.drop(entry)

    def drop(self, entry: Entry) -> None:
        """Forget one entry."""
        variants = self.entries.get(entry.key)
        if variants is not None and entry in variants:
            variants.remove(entry)
            if not variants:
                del self.entries[entry.key]
        self._release(entry)

    def _release(self, entry: Entry) -> None:
        if not entry.is_live:
            return
        self._count_if_wasted(entry)
        entry.is_live = False
        if entry.slot is not None:
            self.memory.remove(entry.slot)
        if entry.disk_slot is not None:
            self.disk.remove(entry.disk_slot)
        if entry.file is not None:
            self._remove_file(entry.file)
        entry.body = entry.slot = entry.disk_slot = entry.file = None
        entry.settle()

    def _count_if_wasted(self, entry: Entry) -> None:
        if entry.is_unused:
            self._counters.prefetch_wasted += 1
            self._counters.prefetch_wasted_bytes += entry.size_bytes

    def _find(self, identity: Identity) -> Entry | None:
        key, vary = identity
        return next((e for e in self.variants(key) if e.response.vary == vary), None)

    async def _promote(self, entry: Entry) -> bytes | None:
        files, file = self._files, entry.file
        if files is None or file is None:
            self.drop(entry)
            return None
        try:
            head, body = await files.read(file)
        except (CorruptRecordError, OSError) as error:
            _log.warning("disk tier: dropped %s: %s", file.name, type(error).__name__)
            self._counters.disk_corrupt += 1
            self.drop(entry)
            return None
        if head.key != entry.key or len(body) != entry.size_bytes:
            self.drop(entry)
            return None
        if entry.disk_slot is not None and entry.disk_slot.uses < MAX_USES:
            entry.disk_slot.uses += 1
        if entry.is_live and entry.body is None:
            self._remember(entry, body)
        return body

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
            self._attach(entry, file)
        else:
            await files.remove(file)

    def _attach(self, entry: Entry, file: StoredFile) -> None:
        entry.file = file
        entry.disk_slot, victims = self.disk.admit(entry.identity, file.size_bytes, self._clock.now)
        for slot in victims:
            self._on_disk_victim(slot)

    def _adopt(self, file: StoredFile, head: RecordHead) -> None:
        """Index a file of an earlier run, unless something newer is stored already."""
        if not self._owns(head.key):
            return
        if self._find((head.key, head.response.vary)) or not self.disk.fits(file.size_bytes):
            self._remove_file(file)
            return
        entry = Entry(self._name, head.key, head.response, head.body_bytes)
        self._index(entry)
        self._attach(entry, file)

    def _remove_file(self, file: StoredFile) -> None:
        if self._files is not None:
            self._start(_suppressing_os_errors(self._files, file))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _suppressing_os_errors(files: DiskFiles, file: StoredFile) -> None:
    with suppress(OSError):
        await files.remove(file)
