from fractions import Fraction

import pytest

from packager.core.frame_rate import output_frame_rate


@pytest.mark.parametrize(
    ("real", "average", "expected"),
    [
        pytest.param("25", "25", "25", id="steady"),
        pytest.param("30000/1001", "30000/1001", "30000/1001", id="ntsc"),
        pytest.param("2997/100", "2997/100", "30000/1001", id="rounded-by-the-container"),
        pytest.param("2997/125", "2997/125", "24000/1001", id="rounded-film"),
        pytest.param("30000/1001", "115000/3853", "30000/1001", id="phone-that-drops-a-few"),
        pytest.param("60", "1000", "60", id="matroska-without-average"),
        pytest.param("120", "120", "60", id="halved"),
        pytest.param("120000/1001", "120000/1001", "60000/1001", id="halved-ntsc"),
        pytest.param("90000", "27", "30", id="variable"),
        pytest.param("90000", "14", "15", id="variable-and-slow"),
        pytest.param("30", "21", "30", id="drops-a-third"),
        pytest.param("50", "25", "25", id="fields"),
        pytest.param("90", "60", "60", id="drops-a-third-of-too-many"),
        pytest.param("60", "24", "24", id="mostly-slower-than-the-clock"),
        pytest.param("18", "18", "18", id="unusual-but-steady"),
        pytest.param("1/10", "1/10", "1", id="slides"),
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
