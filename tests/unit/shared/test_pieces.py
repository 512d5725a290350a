from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from streamer.shared.pieces import regroup


async def stream(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@given(st.lists(st.binary(max_size=40)), st.integers(1, 17))
async def test_pieces_are_full_but_the_last(chunks: list[bytes], piece_bytes: int) -> None:
    pieces = [piece async for piece in regroup(stream(chunks), piece_bytes)]
    assert b"".join(pieces) == b"".join(chunks)
    assert all(len(piece) == piece_bytes for piece in pieces[:-1])
    assert all(0 < len(piece) <= piece_bytes for piece in pieces[-1:])


async def test_a_piece_is_yielded_as_soon_as_it_is_full() -> None:
    drawn = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal drawn
        while True:
            drawn += 1
            yield b"four"

    async for piece in regroup(counted(), 8):
        assert piece == b"fourfour"
        assert drawn == 2
        break
