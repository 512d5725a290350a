import re

import pytest

from sample_media.seven_segment import DIGITS, Face, digit, number

FACE = Face(height=48, colour="white")
_BOX = re.compile(r"drawbox=x=(\d+):y=(\d+):w=(\d+):h=(\d+):.*bitand\((\d+)")


def lit_segments(figure: int) -> set[str]:
    """The segments of the digit whose enable expression is true for a figure."""
    lit = set()
    for segment, drawn in zip("abcdefg", digit(FACE, "n", 0, 0), strict=True):
        found = _BOX.match(drawn)
        assert found is not None
        if int(found[5]) & 1 << figure:
            lit.add(segment)
    return lit


@pytest.mark.parametrize("figure", range(10))
def test_each_figure_lights_its_segments(figure: int) -> None:
    assert lit_segments(figure) == set(DIGITS[figure])


def test_no_two_figures_look_alike() -> None:
    assert len({frozenset(segments) for segments in DIGITS}) == 10


def test_the_digit_stays_within_its_box() -> None:
    for drawn in digit(FACE, "n", 100, 50):
        found = _BOX.match(drawn)
        assert found is not None
        x, y, width, height = (int(found[place]) for place in range(1, 5))
        assert x >= 100
        assert x + width <= 100 + FACE.width
        assert y >= 50
        assert y + height <= 50 + FACE.height


def test_a_number_has_seven_boxes_a_place() -> None:
    assert len(number(FACE, "n", 6, 0, 0)) == 42
