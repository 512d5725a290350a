"""RFC 9110 §13 to §15: what a stored response answers."""

from dataclasses import replace

import pytest

from edge.core.answer import answer
from edge.core.fields import Fields
from edge.core.policy import Query, StoredResponse
from streamer.core.byte_range import Span
from streamer.core.freshness import Freshness

STORED = StoredResponse(
    200,
    "OK",
    Fields((("etag", '"v"'), ("content-type", "a/b"), ("content-length", "10"))),
    Freshness(0.0, 60.0),
)


def _get(**named: str) -> Query:
    return Query("GET", Fields(tuple((n.replace("_", "-"), value) for n, value in named.items())))


@pytest.mark.parametrize(
    ("fields", "status", "span"),
    [
        ((), 200, None),
        ((("range", "bytes=0-4"),), 206, Span(0, 5)),
        ((("range", "bytes=-4"),), 206, Span(6, 10)),
        ((("range", "bytes=5-"),), 206, Span(5, 10)),
        ((("range", "bytes=10-"),), 416, Span(0, 0)),
        ((("range", "bytes=0-1,5-6"),), 206, Span(0, 7)),
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
    given = answer(STORED, Query("GET", Fields(fields)), 10)
    assert (given.status, given.span) == (status, span)
    assert given.has_content is (status in (200, 206))


@pytest.mark.parametrize("asked", [("range", "bytes=10-"), ("if-match", '"w"')])
def test_rfc9111_3_a_refusal_does_not_live_as_long_as_what_is_stored(
    asked: tuple[str, str],
) -> None:
    fields = STORED.fields.plus(("cache-control", "max-age=31536000"), ("expires", "0"))
    given = answer(replace(STORED, fields=fields), Query("GET", Fields((asked,))), 10)
    assert given.fields.get("cache-control") == "no-store"
    assert given.fields.get("expires") is None


def test_range_is_ignored_while_the_size_is_unknown() -> None:
    assert answer(STORED, _get(range="bytes=0-4"), None).status == 200


def test_rfc9110_15_4_5_304_says_nothing_of_the_body() -> None:
    given = answer(STORED, Query("GET", Fields((("if-none-match", '"v"'),))), 10)
    assert given.fields.items == (("etag", '"v"'),)


def test_rfc9110_14_2_range_means_nothing_in_head() -> None:
    given = answer(STORED, Query("HEAD", Fields((("range", "bytes=0-4"),))), 10)
    assert (given.status, given.span) == (200, None)


def test_rfc9110_15_3_7_2_several_parts() -> None:
    query = _get(range="bytes=900-999,0-99,450-499,520-549")
    given = answer(STORED, query, 1000)
    assert (given.status, given.span) == (206, None)
    assert given.parts == (Span(0, 100), Span(450, 550), Span(900, 1000))
    assert given.fields.get("content-range") is None
    assert answer(STORED, query, 1000, max_parts=1).status == 200


@pytest.mark.parametrize("ranges", [",".join(["0-"] * 17), "0-1,x", "5-2,7-8"])
def test_rfc9110_14_2_silly_ranges_are_ignored(ranges: str) -> None:
    assert answer(STORED, _get(range=f"bytes={ranges}"), 10).status == 200


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ({"if_modified_since": "Sun, 06 Nov 1994 08:49:37 GMT"}, 304),
        ({"if_modified_since": "Sun, 06 Nov 1994 08:49:36 GMT"}, 200),
        ({"if_unmodified_since": "Sun, 06 Nov 1994 08:49:36 GMT"}, 200),
    ],
)
def test_rfc9111_4_3_2_date_stands_in_for_last_modified(named: dict[str, str], status: int) -> None:
    fields = Fields((("date", "Sun, 06 Nov 1994 08:49:37 GMT"),))
    dated = StoredResponse(200, "OK", fields, Freshness(0.0, 60.0))
    assert answer(dated, _get(**named), 10).status == status
