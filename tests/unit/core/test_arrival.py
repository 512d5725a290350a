from hypothesis import given
from hypothesis import strategies as st

from streamer.core.arrival import (
    FIRST_PIECE_BYTES,
    LARGEST_PIECE_BYTES,
    piece_start,
    piece_stop,
)


def test_pieces_double_up_to_the_largest() -> None:
    sizes: list[int] = []
    start = 0
    while len(sizes) < 9:
        stop = piece_stop(start)
        sizes.append((stop - start) // FIRST_PIECE_BYTES)
        start = stop
    assert sizes == [1, 1, 2, 4, 8, 16, 32, 32, 32]


@given(st.integers(0, 1 << 40))
def test_every_byte_lies_in_the_piece_that_begins_before_it(position: int) -> None:
    start = piece_start(position)
    assert start <= position < piece_stop(start)
    assert piece_start(start) == start
    assert piece_stop(start) - start <= LARGEST_PIECE_BYTES


@given(st.integers(0, 1 << 40))
def test_pieces_touch(position: int) -> None:
    stop = piece_stop(piece_start(position))
    assert piece_start(stop) == stop
