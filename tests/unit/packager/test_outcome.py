"""What is known of a version's pictures while its chunks end one by one."""

from fractions import Fraction

import pytest

from packager.core.outcome import Outcome
from packager.core.plan import Chunk, frame_grid

GRID = frame_grid(Fraction(25))
FIRST, SECOND, THIRD = (Chunk(start, start + 2, ("240p",)) for start in (0, 2, 4))


@pytest.fixture
def outcome() -> Outcome:
    return Outcome(GRID)


def test_a_whole_chunk_does_not_tell_where_the_end_is(outcome: Outcome) -> None:
    outcome.note(FIRST, 200, is_damaged=False, is_done=True)
    assert (outcome.end_frame, outcome.is_end_certain) == (None, False)
    assert not outcome.is_behind_the_end(SECOND)


def test_one_that_is_still_encoded_does_not_either(outcome: Outcome) -> None:
    outcome.note(SECOND, 10, is_damaged=False, is_done=False)
    assert outcome.end_frame is None
    assert outcome.frames == {SECOND: 10}


def test_pictures_end_inside_a_chunk(outcome: Outcome) -> None:
    outcome.note(SECOND, 101, is_damaged=False, is_done=True)
    assert (outcome.end_frame, outcome.end_segment) == (301, 4)
    assert outcome.is_end_certain
    assert outcome.is_behind_the_end(THIRD)
    assert not outcome.is_behind_the_end(SECOND)


def test_an_empty_chunk_leaves_it_open_in_which_one_before_they_end(outcome: Outcome) -> None:
    outcome.note(THIRD, 0, is_damaged=False, is_done=True)
    assert (outcome.end_frame, outcome.is_end_certain) == (400, False)
    outcome.note(FIRST, 50, is_damaged=False, is_done=True)
    assert (outcome.end_frame, outcome.is_end_certain) == (50, True)


def test_losses_are_told_up_to_the_end(outcome: Outcome) -> None:
    outcome.note(THIRD, 0, is_damaged=True, is_done=True)
    outcome.note(SECOND, 101, is_damaged=True, is_done=True)
    assert outcome.lost == [(Fraction(8), Fraction(301, 25))]
