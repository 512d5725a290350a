from fractions import Fraction

import pytest

from packager.core.damage import (
    describe_beginning,
    describe_cut_off,
    describe_end,
    describe_lost_pictures,
    describe_lost_sound,
    describe_still,
)
from packager.core.source import AudioTrack


def span(start: int, stop: int) -> tuple[Fraction, Fraction]:
    return Fraction(start), Fraction(stop)


def test_parts_that_touch_are_told_as_one() -> None:
    assert describe_lost_pictures([span(3661, 3700), span(8, 20), span(4, 12), span(20, 24)]) == [
        "Some pictures between 0:04 and 0:24 could not be decoded and were replaced.",
        "Some pictures between 1:01:01 and 1:01:40 could not be decoded and were replaced.",
    ]
    assert describe_lost_pictures([]) == []


def test_many_places_are_counted() -> None:
    sentences = describe_lost_pictures([span(10 * n, 10 * n + 4) for n in range(300)])
    assert len(sentences) == 11
    assert sentences[-1] == "So it is at 290 places more."


@pytest.mark.parametrize(
    ("late_seconds", "lead_seconds", "told"),
    [
        (0, Fraction(9, 10), []),
        (0, 3, ["The sound before the first picture, 0:03 of it, is left out."]),
        (
            30,
            0,
            ["The first picture, at 0:30, stands still before that, while the sound goes on."],
        ),
    ],
)
def test_picture_and_sound_that_do_not_begin_together(
    late_seconds: int, lead_seconds: int | Fraction, told: list[str]
) -> None:
    assert describe_beginning(Fraction(late_seconds), Fraction(lead_seconds)) == told


def test_a_sound_is_named() -> None:
    assert describe_lost_sound(AudioTrack(1, Fraction(0), 2, "eng", "English")) == (
        "Some of the sound (English) could not be decoded and is silent."
    )
    assert "sound could" in describe_lost_sound(AudioTrack(1, Fraction(0), 2))


@pytest.mark.parametrize(
    ("stated", "found", "told"),
    [(80, 4, True), (0, 4, False), (4, 3, False), (3600, 3570, False), (3600, 3400, True)],
)
def test_an_early_end_is_told(stated: float, found: float, told: bool) -> None:
    assert bool(describe_end("pictures", stated, found)) is told


def test_a_picture_that_stands_still_is_told() -> None:
    assert describe_still(Fraction(10), Fraction(10)) == []
    (sentence,) = describe_still(Fraction(70), Fraction(80))
    assert sentence == "The last picture, at 1:10, stands still while the sound goes on."


def test_a_missing_end_is_told() -> None:
    assert describe_cut_off(1000, 1000) == []
    assert describe_cut_off(1000, 700) == ["The file is cut off: 30 % of it is missing."]
    assert describe_cut_off(1000, 999) == ["The file is cut off: 1 % of it is missing."]
