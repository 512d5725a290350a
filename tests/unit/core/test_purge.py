import pytest

from streamer.core.errors import InvalidInput
from streamer.core.purge import (
    Kind,
    Order,
    matches,
    parse_item,
    parse_path,
    parse_tag,
    parse_tags,
)


@pytest.mark.parametrize("path", ["/", "/*", "/v/abc/index.m3u8", "/a%20b", "/v/abc/*"])
def test_a_path_to_purge_is_taken_as_it_is(path: str) -> None:
    assert parse_path(path) == path


@pytest.mark.parametrize(
    "path", ["", "v/abc", "*", "/v/*/x", "/a b", "/a\n", "/\u00fc", "/" + "a" * 4000]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        parse_path(path)


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("/a", "/a", True),
        ("/a", "/ab", False),
        ("/a*", "/ab", True),
        ("/a/*", "/a/b/c", True),
        ("/a/*", "/a", False),
        ("/*", "/anything", True),
        ("/A", "/a", False),
        ("/v/a", "/%76/%61", True),
        ("/%76/a", "/v/a", True),
        ("/caf%c3%a9/*", "/caf%C3%A9/x", True),
        ("/caf%C3*", "/caf%C3%A9", True),
        ("/v/a/*", "/v//b/../a%2fx", True),
        ("/v/a/*", "/v/%61", False),
        ("/v/a%2Cb", "/v/a,b", True),
        ("/v/.*", "/v/a", False),
        ("/v/.*", "/v/.a", True),
        ("/a%2A", "/ab", False),
        ("/%2a", "/*", True),
    ],
)
def test_a_purge_covers_its_path_or_prefix(pattern: str, path: str, covered: bool) -> None:
    assert matches(pattern, path) is covered


@pytest.mark.parametrize(
    ("fields", "tags"),
    [
        ({}, set()),
        ({"cache-tag": "a, two words ,B,,"}, {"a", "two words", "b"}),
        ({"surrogate-key": " a  B c/1 "}, {"a", "b", "c/1"}),
        ({"cache-tag": "a,b", "surrogate-key": "b c"}, {"a", "b", "c"}),
    ],
)
def test_tags_are_separated_as_their_vendors_say(fields: dict[str, str], tags: set[str]) -> None:
    assert parse_tags(fields) == tags


def test_a_tag_to_purge_is_told_in_lower_case() -> None:
    assert parse_tag("Poster/7") == "poster/7"


@pytest.mark.parametrize("tag", ["", "a b", "a,b", "a\n", "\u00fc", "a" * 1025])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidInput):
        parse_tag(tag)


@pytest.mark.parametrize(
    ("item", "order"),
    [
        ({"id": 1, "path": "/a/*"}, Order(Kind.PATH, "/a/*")),
        ({"id": 1, "path": "/a", "tag": None, "soft": True}, Order(Kind.PATH, "/a", is_soft=True)),
        ({"id": 1, "path": None, "tag": "T", "soft": False}, Order(Kind.TAG, "t")),
    ],
)
def test_an_item_of_the_log_is_an_order(item: dict[str, object], order: Order) -> None:
    assert parse_item(item) == order


def test_an_order_covers_by_path_or_by_tag() -> None:
    assert Order(Kind.TAG, "t").covers("/x", frozenset({"t"}))
    assert not Order(Kind.TAG, "t").covers("/t", frozenset())
    assert Order(Kind.PATH, "/x*").covers("/xy", frozenset())
