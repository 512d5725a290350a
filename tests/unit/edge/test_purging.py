"""Where a purge looks for keys, and what it makes of responses."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.core.fields import Fields
from edge.core.key import path_of
from edge.core.policy import StoredResponse
from edge.core.purging import key_ranges, softened
from streamer.core.freshness import Freshness
from streamer.core.purge import Kind, Order

_PATHS = st.text("ab/", max_size=4).map(lambda rest: "/" + rest)
_SCOPES = st.sampled_from(["", "?", "?a=/b", " ", " host=a", "?x host=b;signed", "  etag.3"])
RESPONSE = StoredResponse(200, "OK", Fields(), Freshness(100.0, 60.0, stale_if_error_seconds=9))


@given(_PATHS, _SCOPES, _PATHS, st.booleans())
def test_the_ranges_hold_all_keys_that_a_purge_covers(
    path: str, scope: str, named: str, is_wild: bool
) -> None:
    key = (path + scope).encode()
    order = Order(Kind.PATH, named + "*" * is_wild)
    is_covered = order.covers(path_of(key), frozenset())
    assert any(first <= key < end for first, end in key_ranges(order)) == is_covered


def test_a_softened_response_is_stale_from_now_on_and_keeps_its_terms() -> None:
    freshness = softened(RESPONSE, 110.0).freshness
    assert freshness == replace(RESPONSE.freshness, lifetime_seconds=10.0)
    assert not freshness.is_usable(110.0)
    assert freshness.is_usable_on_error(118.0, 0.0)


def test_what_was_stale_before_does_not_become_fresher() -> None:
    assert softened(RESPONSE, 500.0) == RESPONSE
