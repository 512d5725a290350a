from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, cycle, islice

import pytest

from packager.core.frame_rate import is_certain, losing_none, output_frame_rate


@pytest.mark.parametrize(
    ("real", "average", "expected"),
    [
        pytest.param("25", "25", "25", id="steady"),
        pytest.param("30000/1001", "30000/1001", "30000/1001", id="ntsc"),
        pytest.param("2997/100", "2997/100", "30000/1001", id="rounded-by-the-container"),
        pytest.param("2997/125", "2997/125", "24000/1001", id="rounded-film"),
        pytest.param("30000/1001", "115000/3853", "30000/1001", id="phone-that-drops-a-few"),
        pytest.param("301/12", "25", "25", id="a-late-picture"),
        pytest.param("301/12", "3200000/128173", "25", id="a-late-picture-that-is-averaged"),
        pytest.param("299/12", "25", "25", id="joined-recordings"),
        pytest.param("30", "30000/1001", "30000/1001", id="a-late-picture-of-ntsc"),
        pytest.param("30", "989/33", "30000/1001", id="a-late-picture-of-ntsc-in-milliseconds"),
        pytest.param("30", "1498/50", "30", id="phone-that-drops-one-in-750"),
        pytest.param("30", "2996/100", "30", id="phone-that-drops-one-in-830"),
        pytest.param("299/12", "3200000/128383", "299/12", id="camera-whose-clock-is-slow"),
        pytest.param("18", "178/10", "18", id="unusual-and-drops-a-few"),
        pytest.param("60", "1000", "60", id="matroska-without-average"),
        pytest.param("120", "120", "60", id="halved"),
        pytest.param("240", "240", "60", id="slow-motion"),
        pytest.param("240000/1001", "240000/1001", "60000/1001", id="slow-motion-ntsc"),
        pytest.param("144", "144", "36", id="a-gamer's-screen"),
        pytest.param("1000", "1000", "30", id="milliseconds"),
        pytest.param("120000/1001", "120000/1001", "60000/1001", id="halved-ntsc"),
        pytest.param("90000", "27", "30", id="variable"),
        pytest.param("90000", "14", "15", id="variable-and-slow"),
        pytest.param("30", "21", "30", id="drops-a-third"),
        pytest.param("50", "25", "25", id="fields"),
        pytest.param("90", "60", "60", id="drops-a-third-of-too-many"),
        pytest.param("60", "24", "24", id="mostly-slower-than-the-clock"),
        pytest.param("18", "18", "18", id="unusual-but-steady"),
        pytest.param("1/10", "1/10", "10", id="slides"),
        pytest.param("2/5", "2/5", "10", id="slides-of-two-and-a-half-seconds"),
        pytest.param("10/37", "10/37", "10", id="slides-of-tenths-of-a-second"),
        pytest.param("3999/10000", "2/5", "10", id="slides-rounded-by-the-container"),
        pytest.param("4/9", "4/9", "92/9", id="slides-of-an-unusual-rate"),
        pytest.param("1/3600", "1/3600", "10", id="one-slide-an-hour"),
        pytest.param("1", "1", "1", id="one-picture-a-second"),
        pytest.param(None, "25", "25", id="no-real-rate"),
        pytest.param("90000", None, "30", id="nothing-known"),
        pytest.param(None, None, "30", id="nothing-at-all"),
        pytest.param("90000", "90000", "30", id="only-nonsense"),
    ],
)
def test_rates(real: str | None, average: str | None, expected: str) -> None:
    rate = output_frame_rate(
        real=None if real is None else Fraction(real),
        average=None if average is None else Fraction(average),
    )
    assert rate == Fraction(expected)


@pytest.mark.parametrize(
    ("real", "average", "expected"),
    [
        pytest.param("25", "25", True, id="steady"),
        pytest.param("24000/1001", "24000/1001", True, id="film"),
        pytest.param("301/12", "25", True, id="a-late-picture"),
        pytest.param("60", "24", False, id="fields-or-bursts"),
        pytest.param("1", "1", False, id="slides"),
        pytest.param("1", "93000/6007", False, id="faster-on-average-than-it-begins"),
        pytest.param("90000", None, False, id="nothing-known"),
    ],
)
def test_what_is_taken_at_its_word(real: str, average: str | None, expected: bool) -> None:
    found = is_certain(real=Fraction(real), average=None if average is None else Fraction(average))
    assert found is expected


def rate_of_bursts(rate: Fraction, shown: Sequence[float]) -> Fraction:
    found, delay = losing_none(rate, shown)
    assert delay == 0
    return found


def test_bursts_are_seen_between_pauses() -> None:
    burst = [n / 60 for n in range(30)]
    assert rate_of_bursts(Fraction(10), [-3, *burst, *range(1, 60)]) == 60
    assert rate_of_bursts(Fraction(30), [n / 30 for n in range(60)]) == 30
    assert rate_of_bursts(Fraction(10), [0, 1 / 60, *range(1, 60)]) == 10
    assert rate_of_bursts(Fraction(10), []) == 10


def test_bursts_are_seen_where_times_are_rounded_and_out_of_order() -> None:
    shown = [round(1000 * n / 30) / 1000 for n in (0, 2, 1, 4, 3, 90, 91, 93, 92)]
    assert rate_of_bursts(Fraction(10), shown) == 30


def test_bursts_that_are_too_fast_are_halved_and_what_is_nonsense_is_none() -> None:
    assert rate_of_bursts(Fraction(20), [n / 240 for n in range(60)]) == 60
    assert rate_of_bursts(Fraction(60), [n / 120 for n in range(60)]) == 60
    assert rate_of_bursts(Fraction(20), [n / 90_000 for n in range(60)]) == 20


@pytest.mark.parametrize("apart_seconds", [0, 0.013, 0.02])
def test_recordings_whose_clock_is_set_back_are_judged_each_by_its_own(
    apart_seconds: float,
) -> None:
    steady = [n / 25 for n in range(150)]
    later = [time + apart_seconds for time in steady]
    assert rate_of_bursts(Fraction(25), [*steady, *later, *steady]) == 25
    faster = [n / 50 + apart_seconds for n in range(150)]
    assert rate_of_bursts(Fraction(25), [*steady, *faster]) == 50


@pytest.mark.parametrize(
    ("rate", "fields"),
    [
        pytest.param("30000/1001", (3, 2, 3, 2), id="video"),
        pytest.param("24000/1001", (4, 2, 2, 2), id="film"),
        pytest.param("24000/1001", (2, 4, 2, 2), id="film-from-a-second-picture-on"),
        pytest.param("24000/1001", (2, 2, 4, 2), id="film-from-a-third-picture-on"),
        pytest.param("24000/1001", (2, 2, 2, 4), id="film-from-a-fourth-picture-on"),
    ],
)
def test_film_that_is_pulled_down_keeps_its_rate_and_its_pictures(
    rate: str, fields: tuple[int, ...]
) -> None:
    shown = [
        round(1.4 + count * 1001 / 60000, 3)
        for count in accumulate(islice(cycle(fields), 400), initial=0)
    ]
    found, delay = losing_none(Fraction(rate), shown)
    assert found == Fraction(rate)
    frames = [round((seconds - shown[0]) * float(found) - float(delay)) for seconds in shown]
    assert frames[0] == 0
    assert len(set(frames)) == len(frames)
