"""RFC 9111 §4.2 and RFC 5861, vector by vector. The response is received at NOW."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.core.freshness import Freshness, assess, delta_seconds, parse_cache_control

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
MINUTE_LATER = "Sun, 06 Nov 1994 08:50:37 GMT"
MINUTE_EARLIER = "Sun, 06 Nov 1994 08:48:37 GMT"
DAY_EARLIER = "Sat, 05 Nov 1994 08:49:37 GMT"


def _assess(fields: dict[str, str], status: int = 200, delay: float = 0.0) -> Freshness | None:
    return assess(
        status,
        fields,
        parse_cache_control(fields.get("cache-control")),
        request_time=NOW - delay,
        response_time=NOW,
        negative_seconds={404: 3.0, 410: 9.0},
    )


@pytest.mark.parametrize(
    ("fields", "lifetime"),
    [
        ({"cache-control": "max-age=60"}, 60),
        ({"cache-control": "MAX-AGE=60"}, 60),
        ({"cache-control": 'max-age="60"'}, 60),
        ({"cache-control": "max-age=60, s-maxage=10"}, 10),
        ({"cache-control": "max-age=60", "expires": DATE}, 60),
        ({"cache-control": "max-age=60, max-age=10"}, 60),
        ({"cache-control": "max-age=abc"}, 0),
        ({"cache-control": "max-age=-1"}, 0),
        ({"cache-control": "max-age=1.5"}, 0),
        ({"cache-control": "max-age"}, 0),
        ({"cache-control": "max-age=99999999999999"}, 2**31),
        ({"cache-control": 'x="a, max-age=1", max-age=7'}, 7),
        ({"cache-control": "=,;=, max-age=7"}, 7),
        ({"expires": MINUTE_LATER, "date": DATE}, 60),
        ({"expires": MINUTE_LATER}, 60),
        ({"expires": MINUTE_EARLIER, "date": DATE}, 0),
        ({"expires": "0"}, 0),
        ({"cache-control": "no-cache"}, 0),
    ],
)
def test_rfc9111_4_2_1_explicit_lifetime(fields: dict[str, str], lifetime: float) -> None:
    freshness = _assess(fields)
    assert freshness is not None
    assert freshness.lifetime_seconds == lifetime
    assert freshness.is_explicit


def test_rfc9111_4_2_2_heuristic_is_a_tenth_of_the_time_unchanged() -> None:
    freshness = _assess({"last-modified": DAY_EARLIER, "date": DATE})
    assert freshness is not None
    assert freshness.lifetime_seconds == 8640
    assert not freshness.is_explicit
    old = _assess({"last-modified": "Sun, 06 Nov 1904 08:49:37 GMT"})
    assert old is not None
    assert old.lifetime_seconds == 86400


@pytest.mark.parametrize(
    ("status", "fields", "lifetime"),
    [
        (200, {}, None),
        (200, {"etag": '"a"'}, 0),
        (404, {}, 3),
        (404, {"cache-control": "max-age=9"}, 9),
        (302, {"last-modified": DAY_EARLIER}, None),
        (302, {"cache-control": "max-age=9"}, 9),
        (500, {}, None),
        (599, {"cache-control": "max-age=9"}, 9),
    ],
)
def test_rfc9110_15_1_statuses_that_may_be_heuristically_fresh(
    status: int, fields: dict[str, str], lifetime: float | None
) -> None:
    freshness = _assess(fields, status)
    assert (None if freshness is None else freshness.lifetime_seconds) == lifetime


@pytest.mark.parametrize(
    ("fields", "delay", "age"),
    [
        ({}, 0, 0),
        ({"age": "10"}, 0, 10),
        ({"age": "10"}, 5, 15),
        ({"date": MINUTE_EARLIER}, 0, 60),
        ({"date": MINUTE_EARLIER, "age": "10"}, 0, 60),
        ({"date": MINUTE_EARLIER, "age": "90"}, 0, 90),
        ({"date": MINUTE_LATER}, 0, 0),
        ({"age": "nonsense"}, 0, 0),
        ({"age": "7, 9"}, 0, 7),
    ],
)
def test_rfc9111_4_2_3_age(fields: dict[str, str], delay: float, age: int) -> None:
    freshness = _assess({"cache-control": "max-age=60", **fields}, delay=delay)
    assert freshness is not None
    assert freshness.age(NOW) == age
    assert freshness.age(NOW + 100) == age + 100
    assert freshness.ttl(NOW) == 60 - age


def test_rfc9111_4_2_usable_until_the_lifetime_ends() -> None:
    freshness = _assess({"cache-control": "max-age=60"})
    assert freshness is not None
    assert freshness.is_usable(NOW + 59.9)
    assert not freshness.is_usable(NOW + 60)


def test_without_a_lifetime_it_is_never_usable_whatever_a_clock_says() -> None:
    freshness = _assess({"cache-control": "max-age=0"})
    assert freshness is not None
    for now in (NOW - 3600, NOW - 0.25, NOW, NOW + 1):
        assert not freshness.is_usable(now)
        assert not freshness.is_usable_meanwhile(now)
        assert not freshness.is_usable_on_error(now, 100)


def test_rfc9111_5_2_2_4_no_cache_with_fields_is_about_those_fields() -> None:
    value = 'no-cache="Set-Cookie, x", max-age=60, no-cache=y'
    freshness = _assess({"cache-control": value})
    assert freshness is not None
    assert freshness.is_usable(NOW)
    control = parse_cache_control(value)
    assert control.fields("no-cache") == {"set-cookie", "x", "y"}
    assert not control.fields("private")


def test_rfc9111_5_2_2_4_no_cache_always_validates() -> None:
    for value in ("no-cache, max-age=60", 'no-cache="a", max-age=60, no-cache', 'no-cache=""'):
        freshness = _assess({"cache-control": value})
        assert freshness is not None
        assert not freshness.is_usable(NOW)
        assert not freshness.is_usable_on_error(NOW, 100)


@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate"])
def test_rfc9111_4_2_4_never_stale(directive: str) -> None:
    freshness = _assess(
        {"cache-control": f"max-age=60, {directive}, stale-while-revalidate=9, stale-if-error=9"}
    )
    assert freshness is not None
    assert not freshness.is_usable_meanwhile(NOW + 61)
    assert not freshness.is_usable_on_error(NOW + 61, 100)


def test_rfc9111_5_2_2_10_s_maxage_forbids_stale_use_where_none_is_stated() -> None:
    freshness = _assess({"cache-control": "s-maxage=60"})
    assert freshness is not None
    assert freshness.must_revalidate
    assert not freshness.is_usable_on_error(NOW + 61, 100)


@pytest.mark.parametrize(
    ("directive", "meanwhile", "on_error"),
    [
        ("stale-while-revalidate=9", True, True),
        ("stale-if-error=9", False, True),
        ("stale-while-revalidate=9, stale-if-error=0", True, False),
        ("stale-while-revalidate=9, must-revalidate", False, False),
    ],
)
def test_s_maxage_lets_stale_use_be_that_the_origin_states_beside_it(
    directive: str, meanwhile: bool, on_error: bool
) -> None:
    # Next.js writes so for pages that it renders anew now and then.
    freshness = _assess({"cache-control": f"s-maxage=60, {directive}"})
    assert freshness is not None
    assert freshness.is_usable_meanwhile(NOW + 61) is meanwhile
    assert freshness.is_usable_on_error(NOW + 61, 100) is on_error
    assert not freshness.is_usable_meanwhile(NOW + 69)
    assert not freshness.is_usable_on_error(NOW + 69, 100)


def test_rfc5861_3_stale_while_revalidate() -> None:
    freshness = _assess({"cache-control": "max-age=60, stale-while-revalidate=30"})
    assert freshness is not None
    assert freshness.is_usable_meanwhile(NOW + 89)
    assert not freshness.is_usable_meanwhile(NOW + 90)


def test_rfc5861_4_stale_if_error_overrides_the_default() -> None:
    stated = _assess({"cache-control": "max-age=60, stale-if-error=30"})
    unstated = _assess({"cache-control": "max-age=60"})
    assert stated is not None
    assert unstated is not None
    assert stated.is_usable_on_error(NOW + 89, 1000)
    assert not stated.is_usable_on_error(NOW + 90, 1000)
    assert unstated.is_usable_on_error(NOW + 1059, 1000)
    assert not unstated.is_usable_on_error(NOW + 1060, 1000)


def test_rfc5861_4_what_was_never_fresh_must_say_that_it_may_stand_in() -> None:
    unstated = _assess({"cache-control": "max-age=0"})
    stated = _assess({"cache-control": "max-age=0, stale-if-error=30"})
    assert unstated is not None
    assert stated is not None
    assert not unstated.is_usable_on_error(NOW + 1, 1000)
    assert stated.is_usable_on_error(NOW + 29, 1000)


def test_rfc8246_immutable() -> None:
    freshness = _assess({"cache-control": "max-age=60, immutable"})
    assert freshness is not None
    assert freshness.is_immutable


@given(st.text(max_size=200))
def test_any_text_is_parsed_without_failing(text: str) -> None:
    control = parse_cache_control(text)
    assert all(name == name.lower() for name in control.directives)
    assert 0 <= delta_seconds(text) <= 2**31


def test_unclosed_quotes_take_linear_time() -> None:
    assert parse_cache_control('a="' * 20_000).directives.keys() == {"a"}
