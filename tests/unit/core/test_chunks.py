from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from streamer.core.chunks import deadline, may_begin

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POSITIONS = st.floats(0, 12 * 3600)
PRIORITIES = st.integers(1, 100)


def served(videos: dict[str, tuple[float, int]], chunks: int) -> list[tuple[str, int]]:
    """Videos' chunks of ten seconds, earliest deadline first: (video, number).

    Of each video: when it began, in seconds, and its priority.
    """
    return sorted(
        ((name, number) for name in videos for number in range(chunks)),
        key=lambda chunk: deadline(
            NOW + timedelta(seconds=videos[chunk[0]][0]), 10.0 * chunk[1], videos[chunk[0]][1]
        ),
    )


@given(POSITIONS, POSITIONS, PRIORITIES)
def test_what_is_shown_earlier_is_needed_earlier(one: float, other: float, priority: int) -> None:
    first, last = sorted((one, other))
    assert NOW <= deadline(NOW, first, priority) <= deadline(NOW, last, priority)


@given(POSITIONS, PRIORITIES, PRIORITIES)
def test_a_higher_priority_never_waits_longer(seconds: float, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert deadline(NOW, seconds, high) <= deadline(NOW, seconds, low)


def test_a_priority_is_the_speed_of_the_viewer() -> None:
    assert deadline(NOW, 60.0, 1) == NOW + timedelta(seconds=60)
    assert deadline(NOW, 60.0, 4) == NOW + timedelta(seconds=15)


@given(st.integers(1, 40))
def test_videos_that_begin_together_advance_together(count: int) -> None:
    begun = Counter(name for name, _ in served({"a": (0, 1), "b": (0, 1)}, 40)[: 2 * count])
    assert begun["a"] == begun["b"] == count


def test_of_two_videos_the_prior_one_gets_its_weight() -> None:
    begun = Counter(name for name, _ in served({"a": (0, 1), "b": (0, 3)}, 40)[:40])
    assert begun == {"a": 10, "b": 30}


@given(st.floats(0, 390), st.integers(1, 5))
def test_new_videos_do_not_starve_old_work(begin: float, number: int) -> None:
    old = {"old": (0.0, 1)}
    new = {f"new{index}": (begin + 400 * index, 1) for index in range(number)}
    order = served(old | new, 40)
    last = order.index(("old", 39))
    overtaking = [name for name, _ in order[:last] if name != "old"]
    assert len(overtaking) <= 40, "no more than what was needed before it"
    assert set(overtaking) <= {"new0"}


def test_a_new_video_begins_at_once_beside_long_ones() -> None:
    order = served({"long": (0, 1), "new": (100, 1)}, 40)
    assert order.index(("new", 0)) == 11


def test_what_was_tried_before_begins_alone_and_nothing_beside_it() -> None:
    assert may_begin(0, [])
    assert may_begin(0, [1, 1])
    assert may_begin(2, [])
    assert not may_begin(1, [1])
    assert not may_begin(0, [1, 2])
