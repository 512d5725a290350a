import pytest

from edge.core.behaviours import DEFAULT, Behaviour, Behaviours, QueryRule, normal_host
from edge.core.fields import Fields
from edge.core.key import host_of, is_plain, large_key, object_of, slice_key, target_of
from edge.core.policy import nominated
from edge.core.ttl import TtlRule

NONE = QueryRule(keeps_others=False)
SIGNED = Behaviour("/members/*", signed_by={"K": b""})


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/a/*.m3u8", "/a/b/c.m3u8", True),
        ("/a/*.m3u8", "/a/b/c.m3u8?x=.ts", True),
        ("/a/*.m3u8", "/a/b/c.ts?x=.m3u8", False),
        ("/a?c", "/abc", True),
        ("/a?c", "/ac", False),
        ("*.jpg", "/deep/down.jpg", True),
        ("/A", "/a", False),
        ("/[ab]", "/a", False),
        ("/[ab]", "/[ab]", True),
        ("/a.c", "/abc", False),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    behaviour = Behaviour(pattern)
    assert (Behaviours([behaviour]).of("h", path) is behaviour) is matches


@pytest.mark.parametrize(
    "path",
    [
        "/%6dembers/film",
        "/members%2ffilm",
        "//members/film",
        "/x/../members/film",
        "/x/%2e%2e/members/film",
        "/./members//film",
        "/members/../members/film",
    ],
)
def test_another_spelling_does_not_get_around_a_behaviour(path: str) -> None:
    assert Behaviours([SIGNED]).of("h", path).signed_by == SIGNED.signed_by


OPEN = Behaviour("/img/*")
CLOSED = Behaviour("/account/*", is_passed=True)
STATIC = Behaviour("/static/*")


@pytest.mark.parametrize(
    "path",
    [
        "/account/..%2fimg/1.png",
        "/account/../img/1.png",
        "/account/x/..%2f..%2fimg/1.png",
        "/account;v=1/..%2fimg/1.png",
        "/static/..;/account/me",
        "/static/..%5caccount/me",
        "/static/../img/1.png",
        "/elsewhere/..%252fimg/1.png",
        "//img/1.png",
        "/%69mg/1.png",
    ],
)
def test_what_has_another_behaviour_as_some_origins_read_it_is_passed(path: str) -> None:
    behaviours = Behaviours([OPEN, CLOSED, STATIC])
    assert behaviours.of("h", path).is_passed
    assert not behaviours.stores(behaviours.key("h", path))


@pytest.mark.parametrize(
    ("path", "behaviour"),
    [
        ("/img/a%20b%2fc;v=1/100%25.png", OPEN),
        ("/img/https%3A%2F%2Fexample.com%2Fa.png", OPEN),
        ("/img//a/./b", OPEN),
        ("/img/.well-known/..", OPEN),
        ("/@scope%2fname", DEFAULT),
        ("/caf%C3%A9/..%2f", DEFAULT),
    ],
)
def test_what_has_one_behaviour_however_it_is_read_has_that(
    path: str, behaviour: Behaviour
) -> None:
    assert Behaviours([OPEN, CLOSED, STATIC]).of("h", path) is behaviour


def test_the_time_to_match_is_bounded() -> None:
    behaviours = Behaviours([Behaviour("*a*a*a*a*a*a*b")])
    assert behaviours.of("h", "/" + "a" * 8000) is DEFAULT


def test_the_first_match_counts() -> None:
    first, second = Behaviour("/a/*"), Behaviour("*")
    behaviours = Behaviours([first, second])
    assert behaviours.of("h", "/a/b") is first
    assert behaviours.of("h", "/b") is second


def test_without_behaviours_keys_are_targets_without_cmcd() -> None:
    behaviours = Behaviours()
    assert behaviours.key("h", "/a?b=1&CMCD=bl%3D1&c=2") == b"/a?b=1&c=2"
    assert behaviours.key("h", "/a?b=1") == b"/a?b=1"
    assert behaviours.of("h", "/a") is DEFAULT


@pytest.mark.parametrize(
    ("rule", "target", "kept"),
    [
        (QueryRule(), "/a?x=1&y", "/a?x=1&y"),
        (NONE, "/a?x=1", "/a"),
        (NONE, "/a", "/a"),
        (QueryRule(frozenset({"y"}), keeps_others=False), "/a?x=1&y=2&y=3&CMCD=z", "/a?y=2&y=3"),
        (QueryRule(frozenset({"x"})), "/a?x=1&y=2&%78=3", "/a?y=2"),
        (QueryRule(frozenset({"x"})), "/a?x=1", "/a"),
        (QueryRule(frozenset({"CMCD"}), keeps_others=False), "/a?CMCD=1", "/a"),
    ],
)
def test_only_what_the_rule_keeps_is_keyed(rule: QueryRule, target: str, kept: str) -> None:
    behaviours = Behaviours([Behaviour("*", query=rule)])
    key = behaviours.key("h", target)
    assert key == kept.encode()
    assert behaviours.key("h", kept) == key


def test_what_needs_a_signature_has_keys_that_no_target_can_say() -> None:
    behaviours = Behaviours([SIGNED])
    signed = "/members/a?x=1&Expires=9&Signature=A&Key-Pair-Id=K"
    key = behaviours.key("h", signed)
    assert target_of(key) == b"/members/a?x=1"
    assert key != target_of(key)
    assert not is_plain(key)
    assert behaviours.of_key(key) is SIGNED


def test_hosts_are_told_apart_where_some_behaviour_does() -> None:
    ours = Behaviour("*", hosts=("a.example", "*.b.example"))
    behaviours = Behaviours([ours])
    keys = {behaviours.key(host, "/x") for host in ("a.example", "A.example:80", "a.example.")}
    assert len(keys) == 1
    (key,) = keys
    assert behaviours.of_key(key) is ours
    assert is_plain(key)
    assert key == b"/x" + behaviours.scope("a.example")
    assert behaviours.key("c.b.example", "/x") != key
    other_port = behaviours.key("A.example:8080", "/x")
    assert (host_of(key), host_of(other_port)) == ("a.example", "a.example:8080")
    assert behaviours.of_key(other_port) is ours
    assert behaviours.beside(other_port, "/x") == other_port
    assert behaviours.key("other:8080", "/x") == behaviours.key("other", "/x")
    assert behaviours.key("other", "/x") == behaviours.key("another", "/x") != key
    assert behaviours.of("other", "/x") is DEFAULT


def test_the_parts_of_a_large_object_belong_to_its_host() -> None:
    behaviours = Behaviours([Behaviour("*", hosts=("a.example",)), SIGNED])
    for key in (behaviours.key("a.example", "/x"), behaviours.key("b", "/members/x")):
        head, part = large_key(key), slice_key(key, "v", 3)
        assert object_of(head) == key
        assert behaviours.of_key(head) is behaviours.of_key(part) is behaviours.of_key(key)
        assert host_of(head) == host_of(part) == host_of(key)
        assert not is_plain(head)
        assert not is_plain(part)


@pytest.mark.parametrize(
    ("key", "is_stored"),
    [
        (b"/a?q=1", True),
        (large_key(b"/a"), True),
        (slice_key(b"/a", "v", 7), True),
        (b"/members/film", False),
        (slice_key(b"/members/film", "v", 7), False),
        (b"/members/film signed", True),
        (b"/members/film?q=1 signed", True),
        (b"/thumbs/1?w=1", False),
        (b"/passed", False),
        (b"/a?Expires=1&Signature=s&Key-Pair-Id=K", False),
    ],
)
def test_what_is_stored_has_the_key_that_requests_have(key: bytes, is_stored: bool) -> None:
    listed = [SIGNED, Behaviour("/thumbs/*", query=NONE), Behaviour("/passed", is_passed=True)]
    assert Behaviours(listed).stores(key) is is_stored


def test_a_playlist_refers_to_keys_of_its_own_host() -> None:
    behaviours = Behaviours(
        [Behaviour("/pass/*", is_passed=True), SIGNED, Behaviour("*", hosts=("a.example",))]
    )
    playlist = behaviours.key("a.example", "/i.m3u8")
    assert behaviours.beside(playlist, "/s.ts?CMCD=x") == behaviours.key("a.example", "/s.ts")
    assert behaviours.beside(playlist, "/pass/s.ts") is None
    assert behaviours.beside(playlist, "/s.ts?Signature=A&Key-Pair-Id=K") is None
    assert behaviours.beside(playlist, "/members/s") == behaviours.key("a.example", "/members/s")


@pytest.mark.parametrize(
    ("host", "normal"),
    [("A.B:8080", "a.b"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("a.", "a"), (None, "")],
)
def test_hosts_are_compared_without_port(host: str | None, normal: str) -> None:
    assert normal_host(host) == normal


@pytest.mark.parametrize(
    "path",
    [
        "/%256dembers/a",
        "/x/..;/members/a",
        "/x/..;y=z/members/a",
        "/x\\..\\members\\a",
        "/x/%5c../members/a",
        "/x%252f..%252fmembers/a",
        "/members;v=1/a",
        "/members/../open/a",
        "/members/..%2fopen/a",
        "/members/x/..%2f..%2fopen/a",
        "/open/%252e%252e/members/a/%25252e%25252e/%25252e%25252e/open",
    ],
)
def test_spellings_that_some_origins_take_for_a_closed_path_are_seen(path: str) -> None:
    behaviours = Behaviours([SIGNED, Behaviour("/open/*")])
    assert behaviours.hides("h", path)
    assert not Behaviours([Behaviour("/members/*")]).hides("h", path)


@pytest.mark.parametrize("path", ["/members/a", "/open/a%20b;v=1", "/100%25", "/other?x=/members/"])
def test_others_are_not(path: str) -> None:
    assert not Behaviours([SIGNED]).hides("h", path)


def test_a_signature_s_cookies_are_not_forwarded() -> None:
    said = "sid=1; CloudFront-Policy=p; CloudFront-Signature=s; CloudFront-Key-Pair-Id=K"
    asked = Fields((("cookie", said),))
    assert SIGNED.shared(asked).get("cookie") == "sid=1"
    assert Behaviour("/other/*").shared(asked).get("cookie") == said


@pytest.mark.parametrize("ttl", [TtlRule(minimum=60), TtlRule(default=0.0)])
def test_where_freshness_is_not_the_origin_s_to_state_no_cookies_are_shared(ttl: TtlRule) -> None:
    asked = Fields((("cookie", "user=alice; theme=dark"), ("x", "y")))
    assert Behaviour(ttl=ttl).shared(asked).items == (("x", "y"),)
    varied = Behaviour(ttl=ttl, varies_by=frozenset({"cookie:theme"}))
    assert varied.shared(asked).get("cookie") == "theme=dark"
    assert Behaviour(ttl=TtlRule(maximum=60)).shared(asked) is asked


def test_only_the_cookies_that_tell_apart_are_shared() -> None:
    behaviour = Behaviour(varies_by=frozenset({"cookie:theme", "accept-language"}))
    asked = Fields((("cookie", "sid=1; theme=dark"), ("x", "y")))
    assert behaviour.shared(asked).get("cookie") == "theme=dark"
    assert behaviour.shared(asked).get("x") == "y"
    assert "cookie" not in behaviour.shared(Fields((("cookie", "sid=1"),))).combined
    assert nominated(asked, "cookie:theme") == "dark"
    assert nominated(asked, "cookie:other") is None
    assert Behaviour().shared(asked) is asked
