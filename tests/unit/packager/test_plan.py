from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.frame_rate import USUAL_RATES
from packager.core.plan import (
    SEGMENT_SECONDS,
    Chunk,
    extend_plan,
    frame_grid,
    needed_seconds,
    plan_chunks,
    plan_endings,
    plan_later,
    plan_waves,
)

LADDER = ("240p", "360p", "480p")


def test_the_order_for_a_minute() -> None:
    lead, others = ("240p",), ("360p", "480p")
    assert plan_chunks(15, LADDER) == (
        Chunk(0, 1, lead, lead=True),
        Chunk(1, 2, lead, lead=True),
        Chunk(2, 4, lead, lead=True),
        Chunk(4, 6, lead, lead=True),
        Chunk(0, 6, others),
        Chunk(6, 9, LADDER),
        Chunk(9, 11, LADDER),
        Chunk(11, 13, LADDER),
        Chunk(13, 14, LADDER),
        Chunk(14, 16, LADDER),
    )


def test_a_video_of_one_segment() -> None:
    assert plan_chunks(1, LADDER) == (
        Chunk(0, 2, ("240p",), lead=True),
        Chunk(0, 2, ("360p", "480p")),
    )


def test_a_ladder_of_one() -> None:
    assert plan_chunks(3, ("240p",)) == (
        Chunk(0, 1, ("240p",), lead=True),
        Chunk(1, 2, ("240p",), lead=True),
        Chunk(2, 4, ("240p",), lead=True),
    )


@pytest.mark.parametrize(
    ("frames", "sound", "start", "stop", "held_to"),
    [
        (50, "3.2", 0, 1, 80),
        (100, "5", 0, 2, 125),
        (101, "5", 1, 2, 125),
        (1, "180.001", 0, 46, 4501),
    ],
)
def test_the_last_picture_is_held_in_its_own_segment_and_all_behind_it(
    frames: int, sound: str, start: int, stop: int, held_to: int
) -> None:
    grid = frame_grid(Fraction(25))
    (ending,) = plan_endings(grid, frames, Fraction(sound), [LADDER])
    assert ending == Chunk(start, stop, LADDER, held_to=held_to)
    assert ending.frames(grid) == range(start * 100, held_to)


@pytest.mark.parametrize(("frames", "start"), [(101, 0), (104, 0), (301, 2)])
def test_what_is_too_short_to_be_a_segment_ends_the_one_before(frames: int, start: int) -> None:
    grid = frame_grid(Fraction(25))
    (ending,) = plan_endings(grid, frames, Fraction(0), [LADDER])
    assert ending == Chunk(start, start + 1, LADDER, held_to=frames)
    assert ending.frames(grid) == range(100 * start, frames)


@pytest.mark.parametrize("frames", [1, 4, 100, 105, 200])
def test_a_short_clip_and_a_longer_rest_are_segments(frames: int) -> None:
    assert plan_endings(frame_grid(Fraction(25)), frames, Fraction(0), [LADDER]) == ()


@pytest.mark.parametrize("rate", USUAL_RATES)
def test_a_segment_with_a_rest_is_no_longer_than_its_playlist_says(rate: Fraction) -> None:
    grid = frame_grid(rate)
    assert grid.segment_seconds + grid.seconds(grid.rest_frames) < SEGMENT_SECONDS + Fraction(1, 2)


def test_the_rest_of_a_packet_of_sound_holds_no_picture() -> None:
    assert plan_endings(frame_grid(Fraction(25)), 100, Fraction("4.49"), [LADDER]) == ()
    assert plan_endings(frame_grid(Fraction(25)), 100, Fraction(3), [LADDER]) == ()


def test_no_two_waves_end_in_one_run() -> None:
    waves = [LADDER, ("1080p",), ("240p-av1",)]
    endings = plan_endings(frame_grid(Fraction(25)), 101, Fraction(0), waves)
    assert [(ending.renditions, ending.wave) for ending in endings] == [
        (LADDER, 0), (("1080p",), 1), (("240p-av1",), 2),
    ]  # fmt: skip
    assert {(ending.start, ending.stop, ending.held_to) for ending in endings} == {(0, 1, 101)}


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
    assert max(chunk.stop - chunk.start for chunk in plan) <= 7


@given(st.integers(7, 3000))
def test_one_chunk_at_most_comes_between_the_lead_and_what_follows_it(segments: int) -> None:
    plan = plan_chunks(segments, LADDER)
    later = [n for n, c in enumerate(plan) if LADDER[0] in c.renditions and not c.lead]
    assert later[0] == sum(chunk.lead for chunk in plan) + 1


def test_a_source_that_goes_on_is_followed_by_ever_more_chunks() -> None:
    waves = [LADDER, ("240p-av1",)]
    plan = plan_waves(15, waves)
    spans = []
    for _ in range(3):
        added = extend_plan(plan, waves, 16)
        plan += added
        spans.append([(chunk.start, chunk.stop) for chunk in added if chunk.wave == 0])
        assert [(c.start, c.stop) for c in added if c.renditions == waves[1]] == spans[-1]
    assert spans == [[(16, 22)], [(22, 28)], [(28, 34), (34, 40)]]


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


def test_nobody_waits_for_later_waves() -> None:
    plan = plan_waves(15, [LADDER, ("1080p",), ("240p-av1",)])
    waves = {wave: [chunk for chunk in plan if chunk.wave == wave] for wave in range(3)}
    assert [chunk for wave in waves.values() for chunk in wave] == plan
    cuts = [(0, 3), (3, 6), (6, 9), (9, 11), (11, 13), (13, 14), (14, 16)]
    for wave in (1, 2):
        assert [(chunk.start, chunk.stop) for chunk in waves[wave]] == cuts
    grid = frame_grid(Fraction(25))
    needed = [[needed_seconds(plan, chunk, grid) for chunk in wave] for wave in waves.values()]
    assert max(needed[0]) < min(needed[1]) <= max(needed[1]) < min(needed[2])


@given(st.integers(0, 3000), st.integers(1, 7))
def test_every_segment_of_a_later_wave_is_encoded_once(segments: int, renditions: int) -> None:
    plan = plan_chunks(segments, [f"r{number}" for number in range(renditions)])
    later = plan_later(segments, ("r0-hevc",), 1)
    assert {chunk.wave for chunk in later} == {1}
    covered = [number for chunk in later for number in range(chunk.start, chunk.stop)]
    assert covered == list(range(max(chunk.stop for chunk in plan)))


def test_when_the_chunks_of_a_minute_are_needed() -> None:
    plan, grid = plan_chunks(15, LADDER), frame_grid(Fraction(25))
    needed = [needed_seconds(plan, chunk, grid) for chunk in plan]
    assert needed == [0.0, 4.0, 8.0, 16.0, 24.0, 24.0, 36.0, 44.0, 52.0, 56.0]
    (following,) = extend_plan(plan, [LADDER], 16)
    assert needed_seconds(plan, following, grid) == 64.0


@given(st.integers(0, 3000), st.integers(1, 7))
def test_chunks_are_needed_in_the_order_of_the_plan(segments: int, renditions: int) -> None:
    plan = plan_chunks(segments, [f"r{number}" for number in range(renditions)])
    grid = frame_grid(Fraction(30))
    needed = [needed_seconds(plan, chunk, grid) for chunk in plan]
    assert needed == sorted(needed)
    assert needed[0] == 0.0
