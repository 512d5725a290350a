import pytest

from bench.quality import Point, bd_rate, bd_vmaf

CURVE = [Point(1_000_000, 70), Point(2_000_000, 80), Point(4_000_000, 90)]


def test_the_same_curve_differs_in_nothing() -> None:
    assert bd_vmaf(CURVE, CURVE) == 0
    assert bd_rate(CURVE, CURVE) == 1


def test_half_the_bits_for_the_same_look() -> None:
    half = [Point(point.bps / 2, point.vmaf) for point in CURVE]
    assert bd_rate(half, CURVE) == pytest.approx(0.5)
    assert bd_vmaf(half, CURVE) == pytest.approx(10)


def test_curves_apart() -> None:
    with pytest.raises(ValueError, match="nothing in common"):
        bd_rate([Point(1, 1), Point(2, 2)], CURVE)
