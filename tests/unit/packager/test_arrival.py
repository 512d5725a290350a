from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.arrival import Arrival, needed_after_pause, needed_bytes
from packager.core.plan import Chunk, frame_grid, plan_chunks
from packager.core.source import SourceInfo

LADDER = ("240p", "360p", "480p")
GRID = frame_grid(Fraction(25))
AHEAD = 1 << 20
# It plays at 10 000 bytes a second.
ARRIVAL = Arrival(received_bytes=2_000_000, length_bytes=10_000_000)


def source(
    *, index_first: bool = True, has_entries: bool = False, seconds: float = 1000.0
) -> SourceInfo:
    zero = Fraction(0)
    return SourceInfo(
        seconds, zero, zero, True, None, index_first=index_first, has_entries=has_entries
    )


@pytest.mark.parametrize("index_first", [True, False])
@pytest.mark.parametrize(
    ("chunk", "bytes_"),
    [
        (Chunk(1, 4, LADDER[:1], lead=True), 176_000 + AHEAD),
        (Chunk(0, 6, LADDER), 264_000 + AHEAD),
        (Chunk(24, 30, LADDER), 1_320_000 + AHEAD),
        (Chunk(240, 246, LADDER), 10_000_000),
    ],
)
def test_a_chunk_waits_for_its_bytes(index_first: bool, chunk: Chunk, bytes_: int) -> None:
    assert needed_bytes(chunk, GRID, source(index_first=index_first), ARRIVAL) == bytes_


@pytest.mark.parametrize(("rate", "bytes_"), [(19_000, 1_320_000), (20_000, 1_100_000)])
def test_what_arrives_fast_is_begun_with_its_first_segment(rate: float, bytes_: int) -> None:
    arrival = Arrival(2_000_000, 10_000_000, bytes_per_second=rate)
    assert needed_bytes(Chunk(24, 30, LADDER), GRID, source(), arrival) == bytes_ + AHEAD


@pytest.mark.parametrize("index_first", [True, False])
@pytest.mark.parametrize("has_entries", [True, False])
def test_a_source_is_read_in_order_up_to_a_chunk_that_begins_not_too_late(
    index_first: bool, has_entries: bool
) -> None:
    large = Arrival(0, 1_000_000_000)
    early, late = Chunk(120, 126, LADDER), Chunk(150, 156, LADDER)
    described = source(index_first=index_first, has_entries=has_entries)
    assert needed_bytes(early, GRID, described, large) < large.length_bytes
    begins_at_once = needed_bytes(late, GRID, described, large) < large.length_bytes
    assert begins_at_once == (index_first or has_entries)


def test_a_source_of_unknown_duration_is_awaited() -> None:
    unknown = source(seconds=0.0)
    assert needed_bytes(Chunk(0, 1, LADDER), GRID, unknown, ARRIVAL) == ARRIVAL.length_bytes
    assert needed_after_pause(Chunk(0, 1, LADDER), GRID, unknown, ARRIVAL) == ARRIVAL.length_bytes


def test_after_a_pause_as_much_again_as_the_chunk_is_long_is_awaited() -> None:
    assert needed_after_pause(Chunk(6, 12, LADDER), GRID, source(), ARRIVAL) == 2_240_000


@given(st.integers(1, 300), st.integers(0, 1 << 32), st.floats(0, 1e9))
def test_a_chunk_waits_for_no_more_than_there_will_be(
    segments: int, length_bytes: int, rate: float
) -> None:
    plan, described = plan_chunks(segments, LADDER), source(seconds=4.0 * segments)
    arrival = Arrival(0, length_bytes, rate)
    needed = [needed_bytes(chunk, GRID, described, arrival) for chunk in plan]
    assert max(needed) <= length_bytes


def test_what_nobody_waits_for_begins_when_all_is_there() -> None:
    assert needed_bytes(Chunk(0, 6, LADDER, wave=1), GRID, source(), ARRIVAL) == 10_000_000
