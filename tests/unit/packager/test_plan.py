from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from packager.core.frame_rate import USUAL_RATES
from packager.core.plan import SEGMENT_SECONDS, Chunk, extend_plan, frame_grid, plan_chunks

LADDER = ("240p", "360p", "480p")


def test_the_order_for_a_minute() -> None:
    lead, others = ("240p",), ("360p", "480p")
    assert plan_chunks(15, LADDER) == (
        Chunk(0, 1, lead, lead=True),
        Chunk(1, 4, lead, lead=True),
        Chunk(4, 6, lead, lead=True),
        Chunk(0, 6, others),
        Chunk(6, 9, LADDER),
        Chunk(9, 12, LADDER),
        Chunk(12, 16, LADDER),
    )


def test_a_video_of_one_segment() -> None:
    assert plan_chunks(1, LADDER) == (
        Chunk(0, 2, ("240p",), lead=True),
        Chunk(0, 2, ("360p", "480p")),
    )


def test_a_ladder_of_one() -> None:
    assert plan_chunks(3, ("240p",)) == (
        Chunk(0, 1, ("240p",), lead=True),
        Chunk(1, 4, ("240p",), lead=True),
    )


@given(st.integers(0, 3000), st.integers(1, 7))
def test_every_segment_of_every_rendition_is_encoded_once(segments: int, renditions: int) -> None:
    names = [f"r{number}" for number in range(renditions)]
    plan = plan_chunks(segments, names)
    covered = [
        (name, number)
        for chunk in plan
        for name in chunk.renditions
        for number in range(chunk.start, chunk.stop)
    ]
    assert len(covered) == len(set(covered))
    end = max(chunk.stop for chunk in plan)
    assert set(covered) == {(name, number) for name in names for number in range(end)}
    assert max(1, segments) < end <= max(1, segments) + 1
    assert plan[0].stop <= 2
    assert max(chunk.stop - chunk.start for chunk in plan) <= 10


def test_a_source_that_goes_on_is_followed() -> None:
    plan = plan_chunks(15, LADDER)
    assert extend_plan(plan, LADDER) == Chunk(16, 22, LADDER)


@given(st.sampled_from(USUAL_RATES) | st.fractions(1, 60, max_denominator=1001))
def test_a_frame_lasts_whole_ticks_and_a_segment_about_four_seconds(rate: Fraction) -> None:
    grid = frame_grid(rate)
    assert Fraction(grid.frame_ticks, grid.timescale) == 1 / rate
    assert 1000 <= grid.timescale < 2**32
    assert abs(grid.segment_seconds - SEGMENT_SECONDS) <= 1 / rate / 2
    assert round(grid.segment_seconds) <= SEGMENT_SECONDS


def test_counting_segments() -> None:
    grid = frame_grid(Fraction(30))
    assert [grid.segments_in(seconds) for seconds in (0, 0.1, 4, 4.01, 4.04, 60)] == [
        1, 1, 1, 1, 2, 15,
    ]  # fmt: skip
