import pytest

from edge.core.behaviours import Behaviour
from edge.core.fields import Fields
from edge.core.policy import Query, Refused, StoredResponse, examine, freshened
from edge.core.ttl import TtlRule

NOW = 1_800_000_000.0
LATER = ("expires", "Fri, 15 Jan 2027 08:03:20 GMT")  # NOW + 200
SAME = ("date", "Fri, 15 Jan 2027 08:00:00 GMT")


def examined(
    rule: TtlRule, *fields: tuple[str, str], status: int = 200
) -> StoredResponse | Refused:
    return examine(
        Query("GET", Fields()),
        status,
        "",
        Fields((SAME, ("etag", '"1"'), *fields)),
        request_time=NOW,
        response_time=NOW,
        negative_seconds={404: 1.0},
        behaviour=Behaviour(ttl=rule),
    )


def lifetime(rule: TtlRule, *fields: tuple[str, str], status: int = 200) -> float | Refused:
    found = examined(rule, *fields, status=status)
    return found if isinstance(found, Refused) else found.freshness.lifetime_seconds


def control(value: str) -> tuple[str, str]:
    return ("cache-control", value)


BOUNDS = TtlRule(minimum=10, maximum=100, default=50)
NO_MINIMUM = TtlRule(maximum=100, default=50)


@pytest.mark.parametrize(
    ("fields", "bounded", "without_minimum"),
    [
        ((control("max-age=70"),), 70, 70),
        ((control("max-age=5"),), 10, 5),
        ((control("max-age=500"),), 100, 100),
        ((control("max-age=5, s-maxage=70"),), 70, 70),
        ((LATER,), 100, 100),
        ((("expires", "0"),), 10, 0),
        ((), 50, 50),
        ((control("public"),), 50, 50),
        ((control("no-store"),), 10, Refused.NO_STORE),
        ((control("private, max-age=70"),), 10, Refused.PRIVATE),
        ((control("no-cache"),), 10, 0),
        ((control("max-age=5"), ("cdn-cache-control", "max-age=70")), 70, 70),
        ((control("max-age=70"), ("cdn-cache-control", "no-store")), 10, Refused.NO_STORE),
    ],
)
def test_lifetimes_are_bounded_as_cloudfront_does(
    fields: tuple[tuple[str, str], ...], bounded: float, without_minimum: float | Refused
) -> None:
    assert lifetime(BOUNDS, *fields) == bounded
    assert lifetime(NO_MINIMUM, *fields) == without_minimum


def test_overruling_a_directive_ends_validation_at_each_use() -> None:
    overruled = examined(BOUNDS, control("no-cache"))
    obeyed = examined(NO_MINIMUM, control("no-cache"))
    assert isinstance(overruled, StoredResponse)
    assert isinstance(obeyed, StoredResponse)
    assert overruled.freshness.is_usable(NOW + 9)
    assert not obeyed.freshness.is_usable(NOW)


def test_what_viewers_get_is_what_the_origin_said() -> None:
    stored = examined(BOUNDS, control("no-store"))
    assert isinstance(stored, StoredResponse)
    assert stored.fields.get("cache-control") == "no-store"


def test_a_cookie_is_never_shared_whatever_the_minimum() -> None:
    assert examined(BOUNDS, ("set-cookie", "a=1")) is Refused.SET_COOKIE


def test_without_a_default_the_heuristic_is_bounded() -> None:
    old = ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT")
    assert lifetime(TtlRule(), old) == 8640
    assert lifetime(TtlRule(maximum=100), old) == 100
    assert lifetime(TtlRule(minimum=10_000), old) == 10_000


@pytest.mark.parametrize(
    ("status", "fields", "wanted"),
    [
        (404, (), 7),
        (403, (), 3),
        (503, (), 2),
        (404, (control("max-age=30"),), 30),
        (404, (control("max-age=300"),), 100),
        (404, (control("no-store"),), Refused.NO_STORE),
    ],
)
def test_errors_have_their_own_lifetimes(
    status: int, fields: tuple[tuple[str, str], ...], wanted: float | Refused
) -> None:
    rule = TtlRule(minimum=10, maximum=100, default=50, negative={"404": 7, "4xx": 3, "5xx": 2})
    assert lifetime(rule, *fields, status=status) == wanted


def test_a_304_is_bounded_like_a_200() -> None:
    stored = examined(BOUNDS, control("max-age=70"))
    assert isinstance(stored, StoredResponse)
    after = freshened(
        stored,
        Query("GET", Fields()),
        Fields((control("max-age=1000"),)),
        request_time=NOW,
        response_time=NOW,
        negative_seconds={},
        behaviour=Behaviour(ttl=BOUNDS),
    )
    assert isinstance(after, StoredResponse)
    assert after.freshness.lifetime_seconds == 100


def test_a_minimum_overrules_a_304_as_it_does_a_200() -> None:
    stored = examined(BOUNDS, control("max-age=70"))
    assert isinstance(stored, StoredResponse)
    after = freshened(
        stored,
        Query("GET", Fields()),
        Fields((control("private"), ("set-cookie", "a=b"))),
        request_time=NOW,
        response_time=NOW,
        negative_seconds={},
        behaviour=Behaviour(ttl=BOUNDS),
    )
    assert isinstance(after, StoredResponse)
    assert after.freshness.lifetime_seconds == BOUNDS.minimum
    assert "set-cookie" not in after.fields.combined
