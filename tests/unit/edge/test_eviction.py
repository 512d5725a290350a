"""S3-FIFO: bounds that always hold, scans that do no harm, a place for what is not used yet."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from edge.core.eviction import MAX_USES, S3Fifo, Slot

CAPACITY = 1000


@dataclass
class Model:
    """The tier as its owner sees it: what was admitted and did not leave."""

    tier: S3Fifo[Slot[int]]
    slots: dict[int, Slot[int]]

    def admit(self, key: int, size: int, now: float, waits_until: float | None = None) -> None:
        self.slots[key] = slot = Slot(key, size, waits_until=waits_until)
        victims = self.tier.admit(slot, now)
        for victim in victims:
            assert self.slots.pop(victim.key) is victim
        assert key in self.slots

    def touch(self, key: int) -> bool:
        slot = self.slots.get(key)
        if slot is None:
            return False
        slot.uses = min(MAX_USES, slot.uses + 1)
        self.tier.use(slot)
        return True

    def check(self) -> None:
        tier = self.tier
        assert len(tier) == len(self.slots) <= tier.capacity_count
        assert tier.used_bytes == sum(slot.size_bytes for slot in self.slots.values())
        assert tier.used_bytes <= tier.capacity_bytes
        waiting = [s for s in self.slots.values() if s.waits_until is not None]
        assert tier.waiting_bytes == sum(slot.size_bytes for slot in waiting)


def _model(count: int = 50) -> Model:
    return Model(S3Fifo(CAPACITY, count), {})


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["admit", "ahead", "touch", "remove"]),
            st.integers(0, 30),
            st.integers(1, CAPACITY // 2),
        ),
        max_size=200,
    )
)
def test_bounds_and_accounts_hold_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    model = _model(count=10)
    for now, (action, key, size) in enumerate(steps):
        if action in ("admit", "ahead") and key not in model.slots:
            waits_until = now + 20.0 if action == "ahead" else None
            model.admit(key, size, float(now), waits_until)
        elif action == "touch":
            model.touch(key)
        elif action == "remove" and key in model.slots:
            model.tier.remove(model.slots.pop(key))
        model.check()


def _run(model: Model, keys: list[int]) -> int:
    hits = 0
    for key in keys:
        if model.touch(key):
            hits += 1
        else:
            model.admit(key, 50, 0.0)
    return hits


def test_a_scan_leaves_the_working_set_alone() -> None:
    model = _model()
    hot = list(range(10))
    _run(model, hot * 5)
    _run(model, list(range(1000, 1200)))
    assert _run(model, hot) == len(hot)


def test_what_comes_back_soon_after_it_left_stays_longer() -> None:
    model = _model()
    _run(model, list(range(30)))
    returned = next(key for key in range(30) if key not in model.slots)
    model.admit(returned, 50, 0.0)
    _run(model, list(range(100, 115)))
    assert returned in model.slots


def test_removing_twice_is_no_error() -> None:
    model = _model()
    model.admit(1, 50, 0.0)
    slot = model.slots.pop(1)
    model.tier.remove(slot)
    model.tier.remove(slot)
    model.check()


def test_unused_objects_keep_to_their_share() -> None:
    model = _model()
    for key in range(10):
        model.admit(key, 50, 0.0, waits_until=60.0)
    assert model.tier.waiting_bytes == model.tier.waiting_capacity_bytes
    assert sorted(model.slots) == [5, 6, 7, 8, 9]
    assert not model.tier.has_waiting_room(0.0)
    assert model.tier.has_waiting_room(60.0)


def test_unused_objects_are_safe_until_their_time_is_over_and_leave_first_after() -> None:
    model = _model()
    model.admit(0, 50, 0.0, waits_until=60.0)
    for key in range(1, 40):
        model.admit(key, 50, 30.0)
    assert 0 in model.slots
    model.admit(40, 50, 60.0)
    assert 0 not in model.slots


def test_used_objects_wait_no_more() -> None:
    model = _model()
    model.admit(0, 50, 0.0, waits_until=60.0)
    assert model.touch(0)
    assert model.tier.waiting_bytes == 0
    model.check()
