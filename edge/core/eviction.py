"""Which objects leave a tier when room is needed: S3-FIFO, with a place for prefetched objects.

S3-FIFO (Yang et al., SOSP 2023): a new object enters a small queue that takes a tenth of the room.
One that is used again before it reaches the queue's end moves to the main queue, the others leave
and only their keys are remembered for a while; a key that comes back in that time enters the main
queue at once. The main queue gives used objects another round. So a scan of objects that are used
once passes through the small queue and touches nothing else. (The authors' library asks for two
uses in the small queue; on the traces of `bench/hit_ratio.py` one is better.)

An object that was fetched ahead of a viewer has no uses to judge by. It waits in a queue of its own
with a share of the room, until it is used (then it enters the small queue), until its time is over
(then it leaves first) or until the share is needed for a newer one.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

SMALL_SHARE = 0.1
WAITING_SHARE = 0.25
MAX_USES = 3
_MIN_GONE = 1024

KeyT = TypeVar("KeyT")


@dataclass(eq=False, slots=True)
class Slot(Generic[KeyT]):
    """An object's place in a tier. The reader adds to `uses`, up to MAX_USES, without asking.

    Attributes:
        key: What is remembered of it after it has left.
        size_bytes: With all overhead.
        uses: How often it was used lately.
        waits_until: For an object fetched ahead: when it is not worth keeping unused.
        queue: Where it is; None: nowhere any more.
    """

    key: KeyT
    size_bytes: int
    uses: int = 0
    waits_until: float | None = None
    queue: "Queue[Any] | None" = None


SlotT = TypeVar("SlotT", bound=Slot[Any])


class Queue(Generic[SlotT]):
    """Slots in the order in which they came: 8 bytes for each.

    One that leaves from the middle stays in its place until its turn comes, or until there are
    more of those than of the others.
    """

    __slots__ = ("_count", "_slots", "used_bytes")

    def __init__(self) -> None:
        self._slots: deque[SlotT] = deque()
        self._count = 0
        self.used_bytes = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SlotT]:
        return (slot for slot in self._slots if slot.queue is self)

    def push(self, slot: SlotT) -> None:
        """Put a slot at the end."""
        slot.queue = self
        self._slots.append(slot)
        self._count += 1
        self.used_bytes += slot.size_bytes

    def first(self) -> SlotT | None:
        """The slot that came first."""
        while self._slots:
            if self._slots[0].queue is self:
                return self._slots[0]
            self._slots.popleft()
        return None

    def remove(self, slot: SlotT) -> None:
        """Take out a slot that is in this queue."""
        slot.queue = None
        self._count -= 1
        self.used_bytes -= slot.size_bytes
        if self._slots[0] is slot:
            self._slots.popleft()
        elif len(self._slots) > 2 * self._count + _MIN_GONE:
            self._slots = deque(self)


@dataclass
class S3Fifo(Generic[SlotT]):
    """The objects of one tier, bounded in bytes and in number."""

    capacity_bytes: int
    capacity_count: int
    used_bytes: int = 0
    _small: Queue[SlotT] = field(default_factory=Queue)
    _main: Queue[SlotT] = field(default_factory=Queue)
    _waiting: Queue[SlotT] = field(default_factory=Queue)
    _ghosts: OrderedDict[int, None] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._small) + len(self._main) + len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """What objects take that were fetched ahead and not used yet."""
        return self._waiting.used_bytes

    @property
    def waiting_capacity_bytes(self) -> int:
        """How much of the room they may take."""
        return int(self.capacity_bytes * WAITING_SHARE)

    def has_waiting_room(self, now: float) -> bool:
        """Whether another object may be fetched ahead without pushing out a hopeful one."""
        largest = max((slot.size_bytes for slot in self._waiting), default=0)
        if self.waiting_bytes + largest <= self.waiting_capacity_bytes:
            return True
        return self._overdue(now) is not None

    def fits(self, size_bytes: int) -> bool:
        """Whether an object of this size can enter without emptying the tier for itself."""
        return size_bytes <= self.capacity_bytes // 2

    def admit(self, slot: SlotT, now: float) -> list[SlotT]:
        """Give a new object its place; returns the slots of the objects that left for it.

        Args:
            slot: In no tier yet; `fits` must hold.
            now: The present.
        """
        self.used_bytes += slot.size_bytes
        if slot.waits_until is not None:
            self._waiting.push(slot)
        else:
            self._enter(slot)
        return self._make_room(now, keep=slot)

    def use(self, slot: SlotT) -> None:
        """Record the first use of an object that was fetched ahead: it waits no more."""
        if slot.queue is self._waiting:
            self._waiting.remove(slot)
            slot.waits_until = None
            self._enter(slot)

    def remove(self, slot: SlotT) -> None:
        """Take an object out. One that left already is no error."""
        for queue in (self._waiting, self._small, self._main):
            if slot.queue is queue:
                queue.remove(slot)
                self.used_bytes -= slot.size_bytes

    def _enter(self, slot: SlotT) -> None:
        ghost = hash(slot.key)
        if ghost in self._ghosts:
            del self._ghosts[ghost]
            self._main.push(slot)
        else:
            self._small.push(slot)

    def _make_room(self, now: float, *, keep: SlotT) -> list[SlotT]:
        victims: list[SlotT] = []
        while self.waiting_bytes > self.waiting_capacity_bytes and len(self._waiting) > 1:
            victims.append(self._drop(self._waiting))
        while self.used_bytes > self.capacity_bytes or len(self) > self.capacity_count:
            victim = self._next_victim(now, keep)
            if victim is None:
                break
            victims.append(victim)
        return victims

    def _next_victim(self, now: float, keep: SlotT) -> SlotT | None:
        if self._overdue(now) not in (None, keep):
            return self._drop(self._waiting)
        victim = self._from_queues(keep)
        if victim is None and self._waiting.first() not in (None, keep):
            return self._drop(self._waiting)
        return victim

    def _overdue(self, now: float) -> SlotT | None:
        """The oldest of those that wait, if its time is over."""
        oldest = self._waiting.first()
        return oldest if oldest is not None and (oldest.waits_until or 0.0) <= now else None

    def _from_queues(self, keep: SlotT) -> SlotT | None:
        small_bytes = self.capacity_bytes * SMALL_SHARE
        if self._small.used_bytes > small_bytes or not self._main:
            victim = self._from_small(keep)
            if victim is not None:
                return victim
        return self._from_main(keep) or self._from_small(keep)

    def _from_small(self, keep: SlotT) -> SlotT | None:
        """The next to leave the small queue; those used again move on meanwhile."""
        for _ in range(len(self._small)):
            slot = self._pop(self._small)
            if slot is keep:
                self._small.push(slot)
            elif slot.uses > 0:
                slot.uses = 0
                self._main.push(slot)
            else:
                self.used_bytes -= slot.size_bytes
                self._remember(slot)
                return slot
        return None

    def _from_main(self, keep: SlotT) -> SlotT | None:
        if not any(slot is not keep for slot in self._main):
            return None
        while True:
            slot = self._pop(self._main)
            if slot.uses <= 0 and slot is not keep:
                self.used_bytes -= slot.size_bytes
                return slot
            slot.uses = max(0, slot.uses - 1)
            self._main.push(slot)

    def _drop(self, queue: Queue[SlotT]) -> SlotT:
        slot = self._pop(queue)
        self.used_bytes -= slot.size_bytes
        return slot

    def _pop(self, queue: Queue[SlotT]) -> SlotT:
        slot = queue.first()
        if slot is None:
            raise LookupError("the queue is empty")
        queue.remove(slot)
        return slot

    def _remember(self, slot: SlotT) -> None:
        self._ghosts[hash(slot.key)] = None
        while len(self._ghosts) > len(self):
            self._ghosts.popitem(last=False)
