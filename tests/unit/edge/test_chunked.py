"""RFC 9112 §7.1: chunked bodies, however they are cut into reads."""

from contextlib import nullcontext

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
            body += decoder.feed(piece)
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
        body = decoder.feed(wire)
    except ChunkError:
        return
    assert len(body) <= len(wire)


@pytest.mark.parametrize("size_line", [b"1", b"1 ;a=b"])
def test_a_read_full_of_small_chunks_is_decoded_at_once(size_line: bytes) -> None:
    """Copying what is left of the read for each of them would take minutes."""
    body = b"0123456789" * 50_000
    wire = b"".join(b"%s\r\n%c\r\n" % (size_line, byte) for byte in body)
    decoder = ChunkedDecoder()
    assert decoder.feed(wire + b"0\r\n\r\nGET") == body
    assert (decoder.is_complete, decoder.rest) == (True, b"GET")


@pytest.mark.parametrize(
    ("line", "is_valid"),
    [
        (b"1" + b" " * 64 + b";" + b"x" * 4000, True),
        (b"1;" + b"x" * 4001, False),
        (b"1" + b" " * 65 + b";x", False),
    ],
    ids=["longest", "long extension", "many spaces"],
)
def test_a_long_size_line_is_judged_alike_in_one_read_and_in_several(
    line: bytes, is_valid: bool
) -> None:
    wire = line + b"\r\na\r\n"
    for reads in ([wire], [wire[:-1], wire[-1:]], [line[:50], wire[50:]]):
        decoder = ChunkedDecoder()
        with nullcontext() if is_valid else pytest.raises(ChunkError):
            assert b"".join(map(decoder.feed, reads)) == b"a"
