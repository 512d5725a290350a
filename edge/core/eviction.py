"""Which objects leave a tier when room is needed: S3-FIFO, with a place for prefetched objects.

S3-FIFO (Yang et al., SOSP 2023): a new object enters a small queue that takes a tenth of the room.
One that was used more than once before it reaches the queue's end moves to the main queue, the
others leave and only their keys are remembered for a while; a key that comes back in that time
enters the main queue at once. The main queue gives used objects another round. So a scan of objects
that are used once passes through the small queue and touches nothing else.

An object that was fetched ahead of a viewer has no uses to judge by. It waits in a queue of its own
with a share of the room, until it is used (then it enters the small queue), until its time is over
(then it leaves first) or until the share is needed for a newer one.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

SMALL_SHARE = 0.1
WAITING_SHARE = 0.25
MAX_USES = 3

KeyT = TypeVar("KeyT")
Queue = OrderedDict[KeyT, "Slot[KeyT]"]


@dataclass(eq=False, slots=True)
class Slot(Generic[KeyT]):
    """An object's place in a tier. The reader adds to `uses`, up to MAX_USES, without asking."""

    key: KeyT
    size_bytes: int
    uses: int = 0
    waits_until: float | None = None


@dataclass
class S3Fifo(Generic[KeyT]):
    """The objects of one tier, bounded in bytes and in number."""

    capacity_bytes: int
    capacity_count: int
    used_bytes: int = 0
    small_bytes: int = 0
    waiting_bytes: int = 0
    _small: Queue[KeyT] = field(default_factory=OrderedDict)
    _main: Queue[KeyT] = field(default_factory=OrderedDict)
    _waiting: Queue[KeyT] = field(default_factory=OrderedDict)
    _ghosts: OrderedDict[KeyT, None] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._small) + len(self._main) + len(self._waiting)

    @property
    def waiting_capacity_bytes(self) -> int:
        """How much of the room objects may take that were fetched ahead and not used yet."""
        return int(self.capacity_bytes * WAITING_SHARE)

    def has_waiting_room(self, now: float) -> bool:
        """Whether another object may be fetched ahead without pushing out a hopeful one."""
        largest = max((slot.size_bytes for slot in self._waiting.values()), default=0)
        if self.waiting_bytes + largest <= self.waiting_capacity_bytes:
            return True
        oldest = next(iter(self._waiting.values()), None)
        return oldest is not None and (oldest.waits_until or 0.0) <= now

    def fits(self, size_bytes: int) -> bool:
        """Whether an object of this size can enter without emptying the tier for itself."""
        return size_bytes <= self.capacity_bytes // 2

    def admit(
        self, key: KeyT, size_bytes: int, now: float, *, waits_until: float | None = None
    ) -> tuple[Slot[KeyT], list[Slot[KeyT]]]:
        """Give a new object its place.

        Args:
            key: Not in the tier yet.
            size_bytes: With all overhead; `fits` must hold.
            now: The present.
            waits_until: For an object fetched ahead: when it is not worth keeping unused.

        Returns:
            Its slot, and the slots of the objects that left for it.
        """
        slot = Slot(key, size_bytes, waits_until=waits_until)
        self.used_bytes += size_bytes
        if waits_until is not None:
            self._waiting[key] = slot
            self.waiting_bytes += size_bytes
        else:
            self._enter(slot)
        return slot, self._make_room(now, keep=slot)

    def use(self, slot: Slot[KeyT]) -> None:
        """Record the first use of an object that was fetched ahead: it waits no more."""
        if slot.waits_until is None or self._waiting.pop(slot.key, None) is None:
            return
        self.waiting_bytes -= slot.size_bytes
        slot.waits_until = None
        self._enter(slot)

    def remove(self, slot: Slot[KeyT]) -> None:
        """Take an object out. One that left already is no error."""
        if self._waiting.get(slot.key) is slot:
            del self._waiting[slot.key]
            self.waiting_bytes -= slot.size_bytes
        elif self._small.get(slot.key) is slot:
            del self._small[slot.key]
            self.small_bytes -= slot.size_bytes
        elif self._main.get(slot.key) is slot:
            del self._main[slot.key]
        else:
            return
        self.used_bytes -= slot.size_bytes

    def _enter(self, slot: Slot[KeyT]) -> None:
        if slot.key in self._ghosts:
            del self._ghosts[slot.key]
            self._main[slot.key] = slot
        else:
            self._small[slot.key] = slot
            self.small_bytes += slot.size_bytes

    def _make_room(self, now: float, *, keep: Slot[KeyT]) -> list[Slot[KeyT]]:
        victims: list[Slot[KeyT]] = []
        while self.waiting_bytes > self.waiting_capacity_bytes and len(self._waiting) > 1:
            victims.append(self._drop_waiting())
        while self.used_bytes > self.capacity_bytes or len(self) > self.capacity_count:
            victim = self._next_victim(now, keep)
            if victim is None:
                break
            victims.append(victim)
        return victims

    def _next_victim(self, now: float, keep: Slot[KeyT]) -> Slot[KeyT] | None:
        oldest = next(iter(self._waiting.values()), None)
        if oldest is not None and oldest is not keep and (oldest.waits_until or 0.0) <= now:
            return self._drop_waiting()
        victim = self._from_queues(keep)
        if victim is None and oldest is not None and oldest is not keep:
            return self._drop_waiting()
        return victim

    def _from_queues(self, keep: Slot[KeyT]) -> Slot[KeyT] | None:
        prefers_small = self.small_bytes > self.capacity_bytes * SMALL_SHARE or not self._main
        if prefers_small:
            victim = self._from_small(keep)
            if victim is not None:
                return victim
        return self._from_main(keep) or self._from_small(keep)

    def _from_small(self, keep: Slot[KeyT]) -> Slot[KeyT] | None:
        """The next to leave the small queue; those used more than once move on meanwhile."""
        for _ in range(len(self._small)):
            key, slot = self._small.popitem(last=False)
            if slot is keep:
                self._small[key] = slot
                continue
            self.small_bytes -= slot.size_bytes
            if slot.uses > 1:
                slot.uses = 0
                self._main[key] = slot
                continue
            self.used_bytes -= slot.size_bytes
            self._remember(key)
            return slot
        return None

    def _from_main(self, keep: Slot[KeyT]) -> Slot[KeyT] | None:
        if not any(slot is not keep for slot in self._main.values()):
            return None
        while True:
            key, slot = self._main.popitem(last=False)
            if slot.uses > 0 or slot is keep:
                slot.uses = max(0, slot.uses - 1)
                self._main[key] = slot
                continue
            self.used_bytes -= slot.size_bytes
            return slot

    def _drop_waiting(self) -> Slot[KeyT]:
        _, slot = self._waiting.popitem(last=False)
        self.waiting_bytes -= slot.size_bytes
        self.used_bytes -= slot.size_bytes
        return slot

    def _remember(self, key: KeyT) -> None:
        self._ghosts[key] = None
        while len(self._ghosts) > max(len(self), 64):
            self._ghosts.popitem(last=False)
