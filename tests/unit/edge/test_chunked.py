"""RFC 9112 §7.1: chunked bodies, however they are cut into reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.chunked import ChunkedDecoder, ChunkError


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=10),
    st.lists(st.integers(1, 20), min_size=1, max_size=20),
    st.binary(max_size=20),
)
def test_body_and_rest_do_not_depend_on_the_cuts(
    chunks: list[bytes], cuts: list[int], rest: bytes
) -> None:
    wire = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\nA: b\r\n\r\n" + rest
    decoder, body, after = ChunkedDecoder(), b"", b""
    position = 0
    for number in range(len(wire)):
        cut = cuts[number % len(cuts)]
        piece, position = wire[position : position + cut], position + cut
        if decoder.is_complete:
            after += piece
        else:
            body += b"".join(decoder.feed(piece))
            after += decoder.rest
    assert decoder.is_complete
    assert body == b"".join(chunks)
    assert after == rest


@pytest.mark.parametrize(
    "wire",
    [
        b"g\r\n",
        b"\r\n",
        b" 1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b"1;a\x00\r\n",
        b"1\r\nab\r\n",
        b"1\nX",
        b"1" * 5000,
        b"ffffffffffffffff\r\n",
        b"0\r\nno colon\r\n",
        b"0\r\n bad: x\r\n",
    ],
)
def test_rfc9112_7_1_ambiguous_framing_is_an_error(wire: bytes) -> None:
    decoder = ChunkedDecoder()
    with pytest.raises(ChunkError):
        decoder.feed(wire + b"\r\n" * 2)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_an_error(wire: bytes) -> None:
    decoder = ChunkedDecoder()
    try:
        pieces = decoder.feed(wire)
    except ChunkError:
        return
    assert sum(map(len, pieces)) <= len(wire)
