"""Where large objects are cut, and which answers are slices of them."""

from dataclasses import astuple
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.fields import Fields
from edge.core.key import (
    host_of,
    is_large,
    is_plain,
    large_key,
    object_of,
    path_of,
    slice_key,
    target_of,
)
from edge.core.policy import Refused, StoredResponse
from edge.core.slices import MAX_SLICES, Layout, Part, layout, strong_validator
from streamer.core.byte_range import Span
from streamer.core.freshness import Freshness

MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"
SOON_AFTER = "Mon, 01 Jan 2024 00:00:59 GMT"
LATER = "Mon, 01 Jan 2024 00:01:00 GMT"
KEY = b"/a?b=c"


def stored(fields: dict[str, str], *, status: int = 200, vary: str | None = None) -> StoredResponse:
    items = {"content-length": "1000", "accept-ranges": "bytes", "etag": '"v"', **fields}
    selected = () if vary is None else (("accept-encoding", vary),)
    present = tuple((name, value) for name, value in items.items() if value)
    return StoredResponse(status, "OK", Fields(present), Freshness(0.0, 60.0), selected)


def cut(slice_bytes: int = 300, fields: dict[str, str] | None = None) -> Layout:
    plan = layout(KEY, stored(fields or {}), slice_bytes)
    assert plan is not None
    return plan


@given(st.integers(1, 10_000), st.integers(1, 500), st.data())
def test_slices_cover_a_span_and_nothing_beside_it(
    total: int, slice_bytes: int, data: st.DataObject
) -> None:
    plan = cut(slice_bytes, {"content-length": str(total)})
    start = data.draw(st.integers(0, total - 1))
    span = Span(start, data.draw(st.integers(start + 1, total)))
    parts = [plan.part(number).span for number in plan.numbers(span)]
    assert parts[0].start <= span.start < parts[0].stop
    assert parts[-1].start < span.stop <= parts[-1].stop
    assert all(one.stop == other.start for one, other in pairwise(parts))
    assert all(part.start % slice_bytes == 0 and part.length <= slice_bytes for part in parts)


@given(st.integers(1, 10_000), st.integers(1, 500), st.data())
def test_shares_of_the_slices_are_the_span(
    total: int, slice_bytes: int, data: st.DataObject
) -> None:
    plan = cut(slice_bytes, {"content-length": str(total)})
    start = data.draw(st.integers(0, total - 1))
    span = Span(start, data.draw(st.integers(start + 1, total)))
    places = [
        number * slice_bytes + place
        for number in plan.numbers(span)
        for place in range(*astuple(plan.share(number, span)))
    ]
    assert places == list(range(span.start, span.stop))


def test_last_slice_ends_with_the_object() -> None:
    plan = cut()
    assert [plan.part(number).span.length for number in plan.numbers(Span(0, 1000))] == [
        300,
        300,
        300,
        100,
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"etag": ""},
        {"etag": 'W/"v"'},
        {"etag": "v"},
        {"etag": 'W/"v"', "last-modified": MODIFIED, "date": LATER},
        {"accept-ranges": "none"},
        {"content-length": ""},
        {"content-length": "0"},
        {"content-length": "-5"},
        {"content-length": "1000, 1000"},
        {"content-length": "9" * 5000},
        {"content-length": str(MAX_SLICES * 300 + 1)},
    ],
)
def test_object_is_not_cut_where_it_could_not_be_put_together(fields: dict[str, str]) -> None:
    assert layout(KEY, stored(fields), 300) is None


def test_only_whole_representations_are_cut() -> None:
    assert layout(KEY, stored({}, status=203), 300) is None


@pytest.mark.parametrize(
    "other",
    [
        stored({"etag": '"w"'}),
        stored({"content-length": "1001"}),
        stored({"content-encoding": "gzip"}),
        stored({}, vary="gzip"),
    ],
)
def test_versions_have_keys_of_their_own(other: StoredResponse) -> None:
    plan = layout(KEY, other, 300)
    assert plan is not None
    assert plan.version != cut().version
    assert cut(200).version != cut().version
    assert cut(fields={"date": LATER}).version == cut().version


@pytest.mark.parametrize(
    ("fields", "validator"),
    [
        ((("etag", '"v"'), ("last-modified", MODIFIED), ("date", LATER)), '"v"'),
        ((("last-modified", MODIFIED), ("date", LATER)), MODIFIED),
        ((("last-modified", MODIFIED), ("date", SOON_AFTER)), None),
        ((("last-modified", MODIFIED),), None),
        ((("last-modified", "yesterday"), ("date", LATER)), None),
        ((), None),
    ],
)
def test_validator_is_strong(fields: tuple[tuple[str, str], ...], validator: str | None) -> None:
    """RFC 9110 §13.1.5, §8.8.2.2."""
    assert strong_validator(Fields(fields)) == validator


PART = Part(b"/a v.1", Span(300, 600), 1000, '"v"')
RIGHT = "bytes 300-599/1000"


def test_part_is_asked_for_by_range_and_version() -> None:
    assert PART.request_fields == (("range", "bytes=300-599"), ("if-range", '"v"'))


@pytest.mark.parametrize(
    ("status", "etag", "content_range", "refusal"),
    [
        (206, '"v"', RIGHT, None),
        (206, '"w"', RIGHT, Refused.CHANGED),
        (206, "", RIGHT, Refused.NO_RANGES),
        (206, 'W/"v"', RIGHT, Refused.NO_RANGES),
        (206, '"v"', "bytes 300-598/1000", Refused.NO_RANGES),
        (206, '"v"', "bytes 300-599/1001", Refused.NO_RANGES),
        (206, '"v"', "bytes 300-599/*", Refused.NO_RANGES),
        (206, '"v"', "", Refused.NO_RANGES),
        (200, '"v"', "", Refused.NO_RANGES),
        (200, '"w"', "", Refused.CHANGED),
        (404, "", "", Refused.CHANGED),
        (412, "", "", Refused.CHANGED),
        (416, '"v"', "bytes */200", Refused.CHANGED),
        (503, "", "", Refused.STATUS),
        (302, "", "", Refused.NO_RANGES),
    ],
)
def test_answer_is_the_slice_or_not(
    status: int, etag: str, content_range: str, refusal: Refused | None
) -> None:
    items = (("etag", etag), ("content-range", content_range))
    fields = Fields(tuple((name, value) for name, value in items if value))
    assert PART.refusal(status, fields) is refusal


def test_parts_belong_to_their_target() -> None:
    for scoped in (KEY, KEY + b" host=example.com", KEY + b" signed"):
        for key in (large_key(scoped), slice_key(scoped, "ab12", 7)):
            assert target_of(key) == KEY
            assert path_of(key) == "/a"
            assert host_of(key) == host_of(scoped)
            assert not is_plain(key)
        assert object_of(large_key(scoped)) == scoped
    assert is_large(large_key(KEY))
    assert not is_large(slice_key(KEY, "ab12", 7))
    assert not is_large(KEY)
