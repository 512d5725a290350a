"""RFC 9111 for a shared cache: decisions over values."""

import pytest

from edge.core.behaviours import DEFAULT, Behaviour
from edge.core.fields import Fields, preferred_codings, preferred_languages
from edge.core.policy import (
    Decision,
    Fetch,
    OnlyIfCached,
    Pass,
    Query,
    Refused,
    Revalidate,
    Serve,
    StoredResponse,
    confirmed_by_head,
    confirms,
    decide,
    examine,
    freshened,
    invalidates,
    validation_fields,
    withheld,
    worth_finishing,
)
from edge.core.ttl import TtlRule
from streamer.core.cache_status import Forward

NOW = 1_000_000.0


def _fields(**named: str) -> Fields:
    return Fields(tuple((name.replace("_", "-"), value) for name, value in named.items()))


def _examine(
    request: Fields,
    response: Fields,
    status: int = 200,
    method: str = "GET",
    behaviour: Behaviour = DEFAULT,
) -> StoredResponse | Refused:
    return examine(
        Query(method, request),
        status,
        "OK",
        response,
        request_time=NOW,
        response_time=NOW,
        negative_seconds={404: 1.0},
        behaviour=behaviour,
    )


def _stored(control: str = "max-age=60", **named: str) -> StoredResponse:
    stored = _examine(Fields(), _fields(cache_control=control, etag='"v"', **named))
    assert isinstance(stored, StoredResponse)
    return stored


@pytest.mark.parametrize(
    ("request_fields", "response", "status", "refused"),
    [
        (_fields(), _fields(cache_control="no-store, max-age=60"), 200, Refused.NO_STORE),
        (_fields(), _fields(cache_control="private"), 200, Refused.PRIVATE),
        (_fields(), _fields(cache_control="max-age=1", vary="Accept, *"), 200, Refused.VARY),
        (
            _fields(),
            _fields(cache_control="max-age=1, public", set_cookie="a=b"),
            200,
            Refused.SET_COOKIE,
        ),
        (
            _fields(authorization="x"),
            _fields(cache_control="max-age=1"),
            200,
            Refused.AUTHORIZATION,
        ),
        (_fields(), _fields(cache_control="max-age=1"), 206, Refused.STATUS),
        (_fields(), _fields(cache_control="max-age=0"), 200, Refused.USELESS),
        (_fields(), _fields(), 200, Refused.USELESS),
    ],
)
def test_rfc9111_3_refused(
    request_fields: Fields, response: Fields, status: int, refused: Refused
) -> None:
    assert _examine(request_fields, response, status) is refused


def test_rfc9111_3_only_answers_to_get_are_stored() -> None:
    response = _fields(cache_control="max-age=1")
    assert _examine(_fields(), response, method="POST") is Refused.METHOD


def test_rfc9111_5_2_2_3_must_understand_needs_a_known_status() -> None:
    response = _fields(cache_control="max-age=1, must-understand, no-store")
    assert isinstance(_examine(_fields(), response, 200), StoredResponse)
    assert _examine(_fields(), response, 599) is Refused.STATUS
    assert isinstance(_examine(_fields(), _fields(cache_control="max-age=1"), 599), StoredResponse)


@pytest.mark.parametrize("directive", ["private", "no-cache"])
def test_rfc9111_5_2_2_4_and_7_listed_fields_are_not_stored(directive: str) -> None:
    response = _fields(
        cache_control=f'{directive}="Set-Cookie, X-Own", max-age=60', set_cookie="a=b", x_own="1"
    )
    stored = _examine(_fields(), response)
    assert isinstance(stored, StoredResponse)
    assert [name for name, _ in stored.fields.items] == ["cache-control"]
    assert withheld(response, stored).items == (("set-cookie", "a=b"), ("x-own", "1"))
    assert decide(Query("GET", Fields()), [stored], NOW + 1) == Serve(0)
    fresh = _freshened(stored, _fields(x_own="2", x_new="3"))
    assert isinstance(fresh, StoredResponse)
    assert [name for name, _ in fresh.fields.items] == ["cache-control", "x-new"]


def _freshened(
    stored: StoredResponse, update: Fields, request: Fields | None = None, now: float = NOW
) -> StoredResponse | Refused:
    return freshened(
        stored,
        Query("GET", request or Fields()),
        update,
        request_time=now,
        response_time=now,
        negative_seconds={},
    )


@pytest.mark.parametrize(
    ("request_", "update", "why"),
    [
        (_fields(), _fields(cache_control="private, max-age=9"), Refused.PRIVATE),
        (_fields(), _fields(cache_control="no-store"), Refused.NO_STORE),
        (_fields(), _fields(cdn_cache_control="private"), Refused.PRIVATE),
        (_fields(authorization="a"), _fields(cache_control="max-age=9"), Refused.AUTHORIZATION),
    ],
)
def test_an_answer_for_one_viewer_updates_nothing(
    request_: Fields, update: Fields, why: Refused
) -> None:
    assert _freshened(_stored(), update, request_) is why


@pytest.mark.parametrize(
    ("control", "own"),
    [("max-age=9", ["set-cookie"]), ('max-age=9, private="x-own"', ["set-cookie", "x-own"])],
)
def test_what_a_304_says_to_one_viewer_is_not_stored(control: str, own: list[str]) -> None:
    update = _fields(cache_control=control, set_cookie="a=b", vary="x-other", x_own="1", x_new="1")
    fresh = _freshened(_stored(), update)
    assert isinstance(fresh, StoredResponse)
    assert fresh.fields.get("x-new") == "1"
    assert [name for name, _ in withheld(update, fresh).items] == own


def test_rfc9111_4_2_2_public_permits_heuristics_for_any_status() -> None:
    modified = "Mon, 05 Jan 1970 00:00:00 GMT"
    date = "Mon, 12 Jan 1970 13:46:40 GMT"
    response = _fields(last_modified=modified, date=date)
    assert _examine(_fields(), response, 599) is Refused.USELESS
    public = _fields(last_modified=modified, date=date, cache_control="public")
    stored = _examine(_fields(), public, 599)
    assert isinstance(stored, StoredResponse)
    assert stored.freshness.lifetime_seconds > 0


@pytest.mark.parametrize(
    ("targeted", "lifetime"),
    [
        ("max-age=600", 600),
        ("max-age=600;ext=1, ext", 600),
        ("max-age=0", 0),
        ("MAX-AGE=600", 60),
        ("max-age=600, &", 60),
        ("", 60),
        ('max-age="600"', 0),
        ("max-age=1.5", 0),
        ("max-age=99999999999", 2**31),
        ("private", Refused.PRIVATE),
        ("no-store", Refused.NO_STORE),
        ("no-store=?0", 60),
    ],
)
def test_rfc9213_2_2_a_valid_targeted_field_replaces_cache_control(
    targeted: str, lifetime: int | Refused
) -> None:
    response = _fields(
        cdn_cache_control=targeted,
        cache_control="max-age=60",
        expires="Thu, 01 Jan 1970 00:00:00 GMT",
        etag='"v"',
    )
    stored = _examine(_fields(), response)
    if isinstance(lifetime, Refused):
        assert stored is lifetime
    else:
        assert isinstance(stored, StoredResponse)
        assert stored.freshness.lifetime_seconds == lifetime
        assert "cdn-cache-control" in stored.fields.combined  # others may be addressed, too


def test_rfc9213_2_2_a_targeted_field_permits_what_cache_control_forbids() -> None:
    response = _fields(cdn_cache_control="max-age=600", cache_control="no-store, private")
    assert isinstance(_examine(_fields(), response), StoredResponse)


def test_rfc9213_2_2_expires_is_not_for_who_is_addressed() -> None:
    response = _fields(cdn_cache_control="public", expires="Fri, 01 Jan 2038 00:00:00 GMT")
    assert _examine(_fields(), response) is Refused.USELESS


@pytest.mark.parametrize("directive", ["public", "s-maxage=1", "must-revalidate"])
def test_rfc9111_3_5_authorization_with_consent(directive: str) -> None:
    response = _fields(cache_control=f"max-age=1, {directive}")
    assert isinstance(_examine(_fields(authorization="x"), response), StoredResponse)


def test_rfc9111_3_stale_at_birth_is_stored_for_its_validator() -> None:
    response = _fields(cache_control="max-age=0", etag='"v"')
    assert isinstance(_examine(_fields(), response), StoredResponse)


@pytest.mark.parametrize(
    ("later", "request_fields", "decision"),
    [
        (59, _fields(), Serve(0)),
        (60, _fields(), Revalidate(0, Forward.STALE)),
        (1, _fields(cache_control="no-cache"), Revalidate(0, Forward.REQUEST)),
        (1, _fields(pragma="no-cache"), Revalidate(0, Forward.REQUEST)),
        (1, _fields(pragma="no-cache", cache_control="max-age=9"), Serve(0)),
        (1, _fields(cache_control="max-age=0"), Revalidate(0, Forward.REQUEST)),
        (5, _fields(cache_control="max-age=5"), Serve(0)),
        (6, _fields(cache_control="max-age=5"), Revalidate(0, Forward.REQUEST)),
        (50, _fields(cache_control="min-fresh=9"), Serve(0)),
        (52, _fields(cache_control="min-fresh=9"), Revalidate(0, Forward.REQUEST)),
        (1, _fields(cache_control="no-store"), Pass(Forward.REQUEST)),
        (69, _fields(cache_control="max-stale=10"), Serve(0)),
        (70, _fields(cache_control="max-stale=10"), Revalidate(0, Forward.STALE)),
        (999, _fields(cache_control="max-stale"), Serve(0)),
        (1061, _fields(cache_control="max-stale"), Revalidate(0, Forward.STALE)),
        (62, _fields(cache_control="max-stale=10, max-age=61"), Revalidate(0, Forward.STALE)),
        (1, _fields(cache_control="only-if-cached"), Serve(0)),
        (60, _fields(cache_control="only-if-cached"), OnlyIfCached()),
    ],
)
def test_rfc9111_4_and_5_2_1_decisions(
    later: float, request_fields: Fields, decision: Decision
) -> None:
    query = Query("GET", request_fields)
    assert decide(query, [_stored()], NOW + later, stale_seconds=1000) == decision


def test_rfc5861_3_serves_stale_and_refreshes() -> None:
    stored = _stored("max-age=60, stale-while-revalidate=10")
    query = Query("GET", Fields())
    assert decide(query, [stored], NOW + 69) == Serve(0, refresh=True)
    assert decide(query, [stored], NOW + 70) == Revalidate(0, Forward.STALE)


def test_rfc8246_2_immutable_is_not_reloaded() -> None:
    stored = _stored("max-age=60, immutable")
    query = Query("GET", _fields(cache_control="no-cache"))
    assert decide(query, [stored], NOW + 1) == Serve(0)
    assert decide(query, [stored], NOW + 61) == Revalidate(0, Forward.STALE)


def test_nothing_stored() -> None:
    assert decide(Query("GET", Fields()), [], NOW) == Fetch(Forward.URI_MISS)
    assert decide(Query("HEAD", Fields()), [], NOW) == Pass(Forward.URI_MISS)
    assert decide(Query("POST", Fields()), [_stored()], NOW) == Pass(Forward.METHOD)


def test_rfc9111_4_1_vary_selects() -> None:
    response = _fields(cache_control="max-age=60", vary="Accept-Language, Accept-Encoding")
    request = _fields(accept_language="de, en", accept_encoding="gzip, deflate")
    stored = _examine(request, response)
    assert isinstance(stored, StoredResponse)
    same = _fields(accept_language="de,en", accept_encoding="deflate, gzip;q=0.5")
    other = _fields(accept_language="fr", accept_encoding="gzip")
    assert decide(Query("GET", same), [stored], NOW) == Serve(0)
    assert decide(Query("GET", other), [stored], NOW) == Fetch(Forward.VARY_MISS)


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZIP, br", "br, gzip"),
        ("deflate, zstd", "identity"),
        ("gzip;q=0, br;q=0.5", "br"),
        ("gzip;q=0.000", "identity"),
        ("gzip;q=0.001", "gzip"),
    ],
)
def test_rfc9110_12_5_3_codings(header: str | None, codings: str) -> None:
    assert preferred_codings(header) == codings


def test_rfc9111_4_3_4_a_304_freshens() -> None:
    stored = _stored(x_old="1", content_type="a/b", age="9")
    update = _fields(cache_control="max-age=5", x_old="2", content_type="c/d", etag='"v"')
    assert confirms(stored, update)
    fresh = _freshened(stored, update, now=NOW + 99)
    assert isinstance(fresh, StoredResponse)
    assert fresh.fields.get("x-old") == "2"
    assert fresh.fields.get("content-type") == "c/d"
    assert fresh.freshness.age(NOW + 99) == 0
    assert fresh.freshness.lifetime_seconds == 5


def test_rfc9111_4_3_3_a_304_for_another_version_confirms_nothing() -> None:
    assert not confirms(_stored(), _fields(etag='"other"'))


def test_rfc9111_4_3_4_a_304_for_another_time_confirms_nothing() -> None:
    modified, other = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"
    assert confirms(_stored(last_modified=modified), _fields(last_modified=modified))
    assert not confirms(_stored(last_modified=modified), _fields(last_modified=other))
    assert confirms(_stored(), _fields(last_modified=other))


@pytest.mark.parametrize(
    ("fields", "is_confirmed"),
    [
        (_fields(), True),
        (_fields(etag='"v"', content_length="10"), True),
        (_fields(etag='"w"'), False),
        (_fields(content_length="11"), False),
        (_fields(last_modified="Sun, 06 Nov 1994 08:49:37 GMT"), False),
    ],
)
def test_rfc9111_4_3_5_what_head_updates(fields: Fields, *, is_confirmed: bool) -> None:
    assert confirmed_by_head(_stored(), fields, 10) is is_confirmed


def test_rfc9111_3_2_what_describes_the_content_is_kept() -> None:
    stored = _stored(content_encoding="gzip", content_md5="a", vary="x")
    update = _fields(content_encoding="br", content_md5="b", content_length="1", vary="y")
    fresh = _freshened(stored, update)
    assert isinstance(fresh, StoredResponse)
    assert fresh.fields.get("content-encoding") == "gzip"
    assert fresh.fields.get("content-md5") == "a"
    assert fresh.fields.get("vary") == "x"
    assert fresh.fields.get("content-length") is None


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("en, de", "DE,en", True),
        ("en;q=0.5, de", "de;q=1.0, en;Q=0.50", True),
        ("en;q=0.5, de", "en, de;q=0.5", False),
        ("en", "en, de", False),
        ("en;q=x", "en", True),
    ],
)
def test_rfc9110_12_5_4_languages(one: str, other: str, *, is_same: bool) -> None:
    assert (preferred_languages(one) == preferred_languages(other)) is is_same


def test_rfc9111_4_3_1_validation_request() -> None:
    stored = _stored(last_modified="Sun, 06 Nov 1994 08:49:37 GMT")
    assert validation_fields(stored) == (
        ("if-none-match", '"v"'),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
    )


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [("POST", 201, True), ("PUT", 302, True), ("DELETE", 404, False), ("GET", 200, False)],
)
def test_rfc9111_4_4_invalidation(method: str, status: int, expected: bool) -> None:
    assert invalidates(method, status) is expected


@pytest.mark.parametrize(
    ("received", "total", "expected"),
    [(0, 2**20, True), (0, 2**21, False), (2**24, 2**25, True), (5, None, False)],
)
def test_what_is_worth_finishing(received: int, total: int | None, expected: bool) -> None:
    assert worth_finishing(received, total) is expected


@pytest.mark.parametrize(
    ("fields", "behaviour", "is_guessed"),
    [
        (_fields(), Behaviour(), False),
        (_fields(cache_control="public"), Behaviour(), True),
        (_fields(vary="Cookie"), Behaviour(), True),
        (_fields(), Behaviour(varies_by=frozenset({"cookie:theme"})), True),
        (_fields(), Behaviour(varies_by=frozenset({"accept"})), False),
        (_fields(), Behaviour(signed_by={"K": b""}), False),
        (_fields(), Behaviour(ttl=TtlRule(default=9.0)), True),
    ],
)
def test_rfc9111_4_2_2_no_lifetime_is_guessed_for_what_cookies_may_have_decided(
    fields: Fields, behaviour: Behaviour, is_guessed: bool
) -> None:
    fields = fields.plus(("last-modified", "Wed, 31 Dec 1969 00:00:00 GMT"))
    for cookie, has_lifetime in (("a=b", is_guessed), (None, True)):
        query = Query("GET", Fields() if cookie is None else _fields(cookie=cookie))
        stored = _examine(query.fields, fields, behaviour=behaviour)
        assert isinstance(stored, StoredResponse)
        confirmed = freshened(
            stored,
            query,
            fields,
            request_time=NOW,
            response_time=NOW,
            negative_seconds={},
            behaviour=behaviour,
        )
        assert isinstance(confirmed, StoredResponse)
        for response in (stored, confirmed):
            assert (response.freshness.lifetime_seconds > 0) is has_lifetime


def test_a_signature_in_cookies_is_not_sent_on_and_decides_nothing() -> None:
    signed = _fields(cookie="CloudFront-Policy=a; CloudFront-Signature=b")
    fields = _fields(last_modified="Wed, 31 Dec 1969 00:00:00 GMT")
    stored = _examine(signed, fields, behaviour=Behaviour(signed_by={"K": b""}))
    assert isinstance(stored, StoredResponse)
    assert stored.freshness.lifetime_seconds > 0
