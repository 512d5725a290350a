"""Where a purge looks for keys, and what it makes of responses."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.core.fields import Fields
from edge.core.key import path_of
from edge.core.policy import StoredResponse
from edge.core.purging import key_ranges, path_ranges, respelled, softened
from streamer.core.freshness import Freshness
from streamer.core.purge import Kind, Order

_PIECES = st.lists(st.sampled_from(["a", "b", "/", "%61", "%2f", ".", "%2E", "%ff", "%2a", "%0"]))
_PATHS = _PIECES.map(lambda pieces: "/" + "".join(pieces[:6]))
_SCOPES = st.sampled_from(["", "?", "?a=/b", " ", " host=a", "?x host=b;signed", "  etag.3"])
RESPONSE = StoredResponse(200, "OK", Fields(), Freshness(100.0, 60.0, stale_if_error_seconds=9))


@given(_PATHS, _SCOPES, _PATHS, st.booleans())
def test_the_ranges_hold_all_keys_that_a_purge_covers(
    path: str, scope: str, named: str, is_wild: bool
) -> None:
    key = (path + scope).encode()
    order = Order(Kind.PATH, named + "*" * is_wild)
    normal = respelled(key)
    is_found = any(first <= key < end for first, end in key_ranges(order)) or (
        normal is not None and any(first <= normal < end for first, end in path_ranges(order))
    )
    assert is_found or not order.covers(path_of(key), frozenset())


def test_a_key_that_is_spelled_normally_needs_no_other_place() -> None:
    assert respelled(b"/a/b.m4s?x=%61 host=a") is None
    assert respelled(b"/%61/b.m4s?x") == "/a/b.m4s"


def test_a_softened_response_is_stale_from_now_on_and_keeps_its_terms() -> None:
    freshness = softened(RESPONSE, 110.0).freshness
    assert freshness == replace(RESPONSE.freshness, lifetime_seconds=10.0)
    assert not freshness.is_usable(110.0)
    assert freshness.is_usable_on_error(118.0, 0.0)


def test_what_was_stale_before_does_not_become_fresher() -> None:
    assert softened(RESPONSE, 500.0) == RESPONSE
