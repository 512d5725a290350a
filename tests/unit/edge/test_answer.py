"""RFC 9110 §13 to §15: what a stored response answers."""

import pytest

from edge.core.answer import answer
from edge.core.fields import Fields
from edge.core.policy import StoredResponse
from streamer.core.byte_range import Span
from streamer.core.freshness import Freshness

STORED = StoredResponse(
    200,
    "OK",
    Fields((("etag", '"v"'), ("content-type", "a/b"), ("content-length", "10"))),
    Freshness(0.0, 60.0),
)


@pytest.mark.parametrize(
    ("fields", "status", "span"),
    [
        ((), 200, None),
        ((("range", "bytes=0-4"),), 206, Span(0, 5)),
        ((("range", "bytes=-4"),), 206, Span(6, 10)),
        ((("range", "bytes=5-"),), 206, Span(5, 10)),
        ((("range", "bytes=10-"),), 416, Span(0, 0)),
        ((("range", "bytes=0-1,5-6"),), 200, None),
        ((("range", "lines=0-1"),), 200, None),
        ((("range", "bytes=0-4"), ("if-range", '"v"')), 206, Span(0, 5)),
        ((("range", "bytes=0-4"), ("if-range", '"w"')), 200, None),
        ((("range", "bytes=0-4"), ("if-none-match", '"v"')), 304, None),
        ((("if-none-match", "*"),), 304, None),
        ((("if-match", '"w"'),), 412, Span(0, 0)),
    ],
)
def test_rfc9110_13_2_2_and_14_2(
    fields: tuple[tuple[str, str], ...], status: int, span: Span | None
) -> None:
    given = answer(STORED, Fields(fields), 10)
    assert (given.status, given.span) == (status, span)
    assert given.has_content is (status in (200, 206))


def test_range_is_ignored_while_the_size_is_unknown() -> None:
    assert answer(STORED, Fields((("range", "bytes=0-4"),)), None).status == 200


def test_rfc9110_15_4_5_304_says_nothing_of_the_body() -> None:
    given = answer(STORED, Fields((("if-none-match", '"v"'),)), 10)
    assert given.fields.items == (("etag", '"v"'),)
