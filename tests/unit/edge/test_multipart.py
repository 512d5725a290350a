"""RFC 9110 §14.6: multipart/byteranges, read back by the standard library."""

from collections.abc import AsyncIterator
from email.parser import BytesParser
from email.policy import HTTP
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.core.multipart import PART_OVERHEAD_BYTES, Multipart, cut_each, ordered
from streamer.core.byte_range import Span

BODY = bytes(range(256)) * 8
SPANS = st.lists(
    st.tuples(st.integers(0, len(BODY) - 1), st.integers(1, 300)).map(
        lambda place: Span(place[0], min(len(BODY), sum(place)))
    ),
    min_size=1,
    max_size=16,
)


async def _in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@given(SPANS)
def test_rfc9110_15_3_7_2_parts_ascend_and_are_worth_their_overhead(spans: list[Span]) -> None:
    parts = ordered(spans)
    gaps = [after.start - before.stop for before, after in pairwise(parts)]
    assert all(gap >= PART_OVERHEAD_BYTES for gap in gaps)
    wanted = {byte for span in spans for byte in range(span.start, span.stop)}
    assert wanted <= {byte for span in parts for byte in range(span.start, span.stop)}


@given(SPANS, st.integers(1, 700))
async def test_each_span_is_cut_from_any_pieces(spans: list[Span], size: int) -> None:
    parts = ordered(spans)
    found = dict.fromkeys(parts, b"")
    async for span, piece in cut_each(_in_pieces(BODY, size), parts):
        found[span] += piece
    assert found == {span: BODY[span.start : span.stop] for span in parts}


@given(SPANS, st.integers(1, 700))
async def test_rfc9110_14_6_the_content_is_what_mail_software_reads(
    spans: list[Span], size: int
) -> None:
    parts = ordered(spans)
    multipart = Multipart(parts, len(BODY), "video/mp4", "b0undary")
    content = b"".join([piece async for piece in multipart.pieces(_in_pieces(BODY, size))])
    assert len(content) == multipart.length
    head = f"content-type: {multipart.media_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + content)
    read = list(message.iter_parts())
    assert [part["content-range"] for part in read] == [
        f"bytes {span.start}-{span.stop - 1}/{len(BODY)}" for span in parts
    ]
    assert {part["content-type"] for part in read} == {"video/mp4"}
