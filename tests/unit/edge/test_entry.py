"""Until when a stored response answers plain requests in place."""

import pytest

from edge.core.fields import Fields
from edge.core.policy import StoredResponse
from edge.entry import Entry
from streamer.core.freshness import Freshness

BORN_AT = 1000.0


def _entry(freshness: Freshness, key: bytes = b"/a") -> Entry:
    entry = Entry("edge", key, StoredResponse(200, "OK", Fields(), freshness), 4)
    entry.body = b"body"
    entry.settle()
    return entry


def test_a_response_answers_in_place_until_it_is_stale() -> None:
    assert _entry(Freshness(BORN_AT, 60.0)).hot_until == BORN_AT + 60.0


@pytest.mark.parametrize(
    "freshness",
    [
        Freshness(BORN_AT, 0.0),
        Freshness(BORN_AT, -1.0),
        Freshness(BORN_AT, 0.0, stale_while_revalidate_seconds=60),
        Freshness(BORN_AT, 60.0, always_validate=True),
    ],
)
def test_what_is_never_fresh_answers_in_place_by_no_clock(freshness: Freshness) -> None:
    assert _entry(freshness).hot_until == 0.0


def test_a_new_head_says_anew_until_when_it_answers() -> None:
    entry = _entry(Freshness(BORN_AT, 60.0))
    entry.renew(StoredResponse(200, "OK", Fields(), Freshness(BORN_AT + 90.0, 0.0)))
    assert entry.hot_until == 0.0


def test_what_a_target_and_its_host_do_not_choose_alone_is_never_answered_in_place() -> None:
    assert _entry(Freshness(BORN_AT, 60.0), b"/a  etag.0").hot_until == 0.0
