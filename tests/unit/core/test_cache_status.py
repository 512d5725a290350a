"""RFC 9211: members as structured fields."""

from typing import Any

import http_sf
import pytest

from streamer.core.cache_status import CacheStatus, Forward, append, render


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (CacheStatus("edge-fra", ttl_seconds=376), "edge-fra; hit; ttl=376"),
        (CacheStatus("edge-fra", ttl_seconds=-4), "edge-fra; hit; ttl=-4"),
        (CacheStatus("e", detail="prefetched"), "e; hit; detail=prefetched"),
        (
            CacheStatus("e", Forward.URI_MISS, 200, stored=True),
            "e; fwd=uri-miss; fwd-status=200; stored",
        ),
        (
            CacheStatus("e", Forward.VARY_MISS, collapsed=True),
            "e; fwd=vary-miss; collapsed",
        ),
        (CacheStatus("e", Forward.STALE, 304), "e; fwd=stale; fwd-status=304"),
    ],
)
def test_rfc9211_2_member(status: CacheStatus, text: str) -> None:
    assert render(status) == text
    parsed: Any = http_sf.parse(text.encode(), tltype="list")
    ((name, parameters),) = parsed
    assert str(name) == status.cache
    assert ("hit" in parameters) is (status.forward is None)


def test_rfc9211_2_the_viewers_side_is_last() -> None:
    assert append(None, "a; hit") == "a; hit"
    assert append("origin; hit", "a; hit") == "origin; hit, a; hit"


def test_rfc9211_2_7_the_key_is_a_structured_string() -> None:
    status = CacheStatus("edge", Forward.URI_MISS, key='/a"\\b', detail="x")
    assert render(status) == r'edge; fwd=uri-miss; key="/a\"\\b"; detail=x'
