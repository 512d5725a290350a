"""Who is dead, whatever the clocks of the others say."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate, cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.failure_detector import FailureDetector

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def hear(detector: FailureDetector, beats: list[datetime], *, begin: int = 0) -> list[set[str]]:
    """Whom it takes for dead, listening every two seconds to a worker with these heartbeats."""
    return [
        detector.dead({"other": beat}, now=float(begin + 2 * number))
        for number, beat in enumerate(beats)
    ]


@pytest.mark.parametrize("off_seconds", [-3600, -10, 0, 10, 3600])
def test_silence_counts_from_the_last_new_heartbeat(off_seconds: int) -> None:
    beats = [NOW + timedelta(seconds=off_seconds + 2 * number) for number in range(5)]
    silence = [beats[-1]] * 4
    assert hear(FailureDetector(6.0), beats + silence) == [set()] * 8 + [{"other"}]


def test_a_clock_that_steps_is_no_death() -> None:
    beats = [NOW + timedelta(seconds=off) for off in (0, 2, 3600, 3602, 3, 5, 7, 9)]
    assert hear(FailureDetector(6.0), beats) == [set()] * len(beats)


def test_the_first_to_listen_after_a_death_notices_it() -> None:
    assert hear(FailureDetector(6.0), [NOW] * 5) == [set()] * 4 + [{"other"}]


@pytest.mark.parametrize("spoken", [1, 8])
def test_who_could_not_listen_gives_the_others_time_to_speak(spoken: int) -> None:
    detector = FailureDetector(6.0)
    hear(detector, [NOW + timedelta(seconds=number) for number in range(spoken)])
    hear(detector, [NOW] * 3, begin=2 * spoken)
    assert hear(detector, [NOW] * 5, begin=100) == [set()] * 4 + [{"other"}]


@pytest.mark.parametrize(
    "gaps", [[0.1], [1], [2], [3], [3.1], [6], [7], [30], [2, 5], [2, 2, 2, 2, 4], [2, 3.5, 2, 9]]
)
def test_a_death_is_noticed_however_seldom_one_listens(gaps: list[float]) -> None:
    detector = FailureDetector(6.0)
    looks = accumulate(cycle(gaps))
    noticed = next(now for now in islice(looks, 100) if detector.dead({"other": NOW}, now=now))
    assert 6.0 < noticed <= max(12.0, 5 * max(gaps))


@given(
    st.lists(st.floats(0.01, 30), min_size=1, max_size=60),
    st.floats(0.5, 5.9),
    st.floats(0, 6),
)
def test_nobody_who_beats_is_dead_however_one_listens(
    gaps: list[float], every_seconds: float, first_seconds: float
) -> None:
    detector = FailureDetector(6.0)
    now = 0.0
    for gap in gaps:
        now += gap
        beats = int((now + first_seconds) / every_seconds)
        beat = NOW + timedelta(seconds=beats)
        assert detector.dead({"other": beat}, now=now) == set()


def test_who_is_forgotten_begins_anew() -> None:
    detector = FailureDetector(6.0)
    assert hear(detector, [NOW] * 5)[-1] == {"other"}
    assert detector.dead({}, now=10.0) == set()
    assert hear(detector, [NOW] * 5, begin=12) == [set()] * 4 + [{"other"}]
