import pytest

from streamer.core.errors import InvalidInput
from streamer.core.purge import matches, parse_path


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
    ],
)
def test_a_purge_covers_its_path_or_prefix(pattern: str, path: str, covered: bool) -> None:
    assert matches(pattern, path) is covered
