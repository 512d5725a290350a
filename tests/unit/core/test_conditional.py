from datetime import UTC, datetime, timedelta, timezone

import pytest

from streamer.core.conditional import (
    Outcome,
    Preconditions,
    Validators,
    entity_tags,
    evaluate,
    matches_strongly,
    matches_weakly,
    parse_http_date,
    range_applies,
    render_http_date,
)

MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
IMF = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Mon, 07 Nov 1994 08:49:37 GMT"
EARLIER = "Sat, 05 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a"', ('"a"',)),
        ('W/"a", "b"', ('W/"a"', '"b"')),
        ('"a","b" , ,"c",', ('"a"', '"b"', '"c"')),
        ('"with, comma"', ()),
        ('"with,comma"', ('"with,comma"',)),
        ('""', ('""',)),
        ("a", ()),
        ('"a" "b"', ()),
        ('w/"a"', ()),
        ('"a', ()),
        ("", ()),
    ],
)
def test_entity_tags(header: str, tags: tuple[str, ...]) -> None:
    assert entity_tags(header) == tags


@pytest.mark.parametrize(
    ("mine", "theirs", "strong", "weak"),
    [
        # RFC 9110 §8.8.3.2, the example table.
        ('W/"1"', 'W/"1"', False, True),
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', '"1"', True, True),
        ('"1"', "*", True, True),
    ],
)
def test_comparison(mine: str, theirs: str, *, strong: bool, weak: bool) -> None:
    assert matches_strongly(theirs, mine) is strong
    assert matches_weakly(theirs, mine) is weak


@pytest.mark.parametrize(
    ("preconditions", "outcome"),
    [
        (Preconditions(), Outcome.PROCEED),
        (Preconditions(if_none_match='"1"'), Outcome.NOT_MODIFIED),
        (Preconditions(if_none_match='"2"'), Outcome.PROCEED),
        (Preconditions(if_none_match='"2"', if_modified_since=IMF), Outcome.PROCEED),
        (Preconditions(if_none_match="garbage", if_modified_since=IMF), Outcome.PROCEED),
        (Preconditions(if_modified_since=IMF), Outcome.NOT_MODIFIED),
        (Preconditions(if_modified_since=LATER), Outcome.NOT_MODIFIED),
        (Preconditions(if_modified_since=EARLIER), Outcome.PROCEED),
        (Preconditions(if_modified_since="yesterday"), Outcome.PROCEED),
        (Preconditions(if_match='"1"'), Outcome.PROCEED),
        (Preconditions(if_match='"2"'), Outcome.FAILED),
        (Preconditions(if_match='"1"', if_unmodified_since=EARLIER), Outcome.PROCEED),
        (Preconditions(if_match='"1"', if_none_match='"1"'), Outcome.NOT_MODIFIED),
        (Preconditions(if_unmodified_since=EARLIER), Outcome.FAILED),
        (Preconditions(if_unmodified_since=IMF), Outcome.PROCEED),
    ],
)
def test_precedence(preconditions: Preconditions, outcome: Outcome) -> None:
    assert evaluate(preconditions, Validators('"1"', MOMENT)) is outcome


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        ('"1"', True),
        ('"2"', False),
        ('W/"1"', False),
        (IMF, True),
        (LATER, False),
        (EARLIER, False),
        ("garbage", False),
        ("", False),
    ],
)
def test_if_range(if_range: str | None, *, applies: bool) -> None:
    subsecond = MOMENT + timedelta(microseconds=5)
    assert range_applies(if_range, Validators('"1"', subsecond)) is applies


def test_a_weak_tag_never_lets_a_range_pass() -> None:
    assert not range_applies('W/"1"', Validators('W/"1"'))


@pytest.mark.parametrize(
    "text", [IMF, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_the_three_spellings_of_a_date(text: str) -> None:
    assert parse_http_date(text) == MOMENT


def test_dates_are_rendered_in_gmt() -> None:
    assert render_http_date(MOMENT.astimezone(timezone(timedelta(hours=9)))) == IMF


@pytest.mark.parametrize(
    "text", ["", "0", "Sun, 99 Nov 1994 08:49:37 GMT", "now", "Fri, 31 Dec 9999 23:59:59 -0500"]
)
def test_no_date(text: str) -> None:
    assert parse_http_date(text) is None
