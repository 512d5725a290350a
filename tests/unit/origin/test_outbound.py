import pytest
from yarl import URL

from streamer.core.errors import InvalidInput
from streamer.origin.outbound import check_url

BASE = URL("http://example.com:81/films/one?token=1", encoded=True)
SIGNED = "/a%2Fb%2520c%7Ed+e.mp4?X-Sig=a%2Bb%2F%3D%7E%21%27&n=a+b&e=%41"


@pytest.mark.parametrize(
    ("text", "asked_for"),
    [
        (SIGNED, SIGNED),
        ("/%C3%A9%c3%a9;v=1?a=[b]&&c#part", "/%C3%A9%c3%a9;v=1?a=[b]&&c"),
        ("", "/"),
        ("?a=b", "/?a=b"),
        ("/a/../b/./c", "/b/c"),
        ("/été?q=é ü", "/%C3%A9t%C3%A9?q=%C3%A9%20%C3%BC"),
        ('/a b\\c?d="e"', "/a%20b%5Cc?d=%22e%22"),
    ],
)
def test_a_url_is_asked_for_as_it_is_spelled(text: str, asked_for: str) -> None:
    assert check_url(f"http://example.com{text}").raw_path_qs == asked_for


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (SIGNED, f"http://example.com:81{SIGNED}"),
        ("two?n=%7E", "http://example.com:81/films/two?n=%7E"),
        ("../%7Ea", "http://example.com:81/%7Ea"),
        ("?n=%7E", "http://example.com:81/films/one?n=%7E"),
        ("#part", "http://example.com:81/films/one?token=1"),
        ("//other.example/%7E", "http://other.example/%7E"),
        ("https://other.example", "https://other.example"),
        # How a client of HTTP gives bytes that are no UTF-8.
        ("/caf\udce9 a", "http://example.com:81/caf%E9%20a"),
    ],
)
def test_where_a_redirect_leads_is_asked_for_as_it_is_spelled(location: str, url: str) -> None:
    assert str(check_url(location, base=BASE)) == url


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("HTTP://EXAMPLE.com:80/", "example.com"),
        ("http://münchen.example/", "xn--mnchen-3ya.example"),
        ("http://example.com\t/", "example.com"),
        ("http:/\n/example.com/", "example.com"),
        ("http://@example.com/@other", "example.com"),
        ("http://example.com?@other/", "example.com"),
    ],
)
def test_whom_a_url_asks(text: str, host: str) -> None:
    assert check_url(text).raw_host == host


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "mailto:a@example.com",
        "ftp://example.com/a",
        "http://user@example.com/",
        "http://:secret@example.com/",
        "//user@example.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://exa\udce9mple.com/",
        "http://example.com\\@other/",
        "https:///a",
    ],
)
def test_a_redirect_to_anything_else_is_refused(location: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(location, base=BASE)
