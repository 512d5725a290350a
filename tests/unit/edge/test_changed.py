"""RFC 9110 §9.3.3 and RFC 9111 §4.4: what requests other than GET mean for what is stored."""

import pytest

from edge.core.behaviours import DEFAULT
from edge.core.changed import changed_targets, examine_post, named_target
from edge.core.fields import Fields
from edge.core.policy import Query, StoredResponse

HOST = "cdn.example:8081"


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("/b?c=1", "/b?c=1"),
        ("b", "/x/b"),
        ("", "/x/a?q"),
        ("http://CDN.example:8081/b", "/b"),
        ("https://cdn.example:8081", "/"),
        ("http://cdn.example/b", None),
        ("//elsewhere.example/b", None),
        ("ftp://cdn.example:8081/b", None),
        ("http://[broken/b", None),
        ("/\u00fc", None),
        (None, None),
    ],
)
def test_rfc9111_4_4_only_targets_of_the_same_origin(
    reference: str | None, target: str | None
) -> None:
    assert named_target(reference, "/x/a?q", HOST) == target


def test_rfc9111_4_4_location_and_content_location() -> None:
    fields = Fields((("location", "/b"), ("content-location", "c"), ("link", "/d")))
    assert changed_targets("/x/a", HOST, fields) == ["/b", "/x/c"]


def _left(*fields: tuple[str, str], sent: str = "") -> StoredResponse | None:
    query = Query("POST", Fields((("host", HOST), ("cache-control", sent))))
    return examine_post(
        query, "/a", "OK", Fields(fields), request_time=0.0, response_time=0.0, behaviour=DEFAULT
    )


FRESH = ("cache-control", "max-age=60")
ITSELF = ("content-location", f"http://{HOST}/a")


def test_rfc9110_9_3_3_a_fresh_answer_that_represents_its_target_is_stored() -> None:
    left = _left(FRESH, ITSELF)
    assert left is not None
    assert left.freshness.lifetime_seconds == 60


@pytest.mark.parametrize(
    "fields",
    [
        (FRESH,),
        (FRESH, ("content-location", "/b")),
        (ITSELF,),
        (ITSELF, ("cache-control", "max-age=0"), ("etag", '"v"')),
        (ITSELF, ("cache-control", "public"), ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")),
        (ITSELF, ("cache-control", "max-age=60, private")),
    ],
)
def test_rfc9110_9_3_3_other_answers_to_post_are_not(fields: tuple[tuple[str, str], ...]) -> None:
    assert _left(*fields) is None


def test_rfc9111_5_2_1_5_nor_those_of_requests_that_forbid_it() -> None:
    assert _left(FRESH, ITSELF, sent="no-store") is None
