"""Request heads: what is accepted means one thing only."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.core.head import FieldBlock, Refusal, RequestHead, read_block, read_head


def _block(*lines: str) -> FieldBlock | Refusal:
    return read_block("".join(f"{line}\r\n" for line in lines).encode("latin-1"))


def _accepted(*lines: str) -> FieldBlock:
    block = _block(*lines)
    assert isinstance(block, FieldBlock), block
    return block


def test_rfc9112_5_fields_are_trimmed_and_named_in_lower_case() -> None:
    block = _accepted("Host: e", "X-A:\t one two \t", "x-a:three", "Empty:")
    assert block.fields.get("x-a") == "one two, three"
    assert block.fields.get("empty") == ""
    assert block.host == "e"


@pytest.mark.parametrize(
    "lines",
    [
        ("Host: e", "Accept: */*", "Accept-Encoding: gzip, br", "Cookie: a=b"),
        ("Host: e", "Connection: keep-alive", "Upgrade-Insecure-Requests: 1"),
    ],
)
def test_players_blocks_are_plain(lines: tuple[str, ...]) -> None:
    assert _accepted(*lines).is_plain


@pytest.mark.parametrize(
    "line",
    [
        "Range: bytes=0-",
        "If-None-Match: *",
        "If-Modified-Since: x",
        "Cache-Control: no-cache",
        "Pragma: no-cache",
        "Authorization: x",
        "Connection: close",
        "Connection: keep-alive, x",
        "Content-Length: 0",
        "Via: 1.1 x",
        "Expect: 100-continue",
    ],
)
def test_what_may_change_the_answer_is_not_plain(line: str) -> None:
    assert not _accepted("Host: e", line).is_plain


def test_block_without_host_is_not_plain() -> None:
    assert not _accepted("Accept: */*").is_plain


@pytest.mark.parametrize(
    ("line", "fields", "keeps"),
    [
        (b"GET / HTTP/1.1", (), True),
        (b"GET / HTTP/1.1", ("Connection: Close",), False),
        (b"GET / HTTP/1.0", (), False),
        (b"GET / HTTP/1.0", ("Connection: Keep-Alive",), True),
        (b"GET / HTTP/1.0", ("Connection: Keep-Alive, close",), False),
    ],
)
def test_rfc9112_9_3_persistence(line: bytes, fields: tuple[str, ...], keeps: bool) -> None:
    head = read_head(line, _accepted("Host: e", *fields))
    assert isinstance(head, RequestHead)
    assert head.keeps_alive is keeps


@pytest.mark.parametrize(
    "target", ["/", "/a?b", "//e/a", "/%00%0d%0aX:y", "/a%2F..%2f", "/?a=/b:c@d", '/|"<>`{}^\\']
)
def test_rfc9112_3_2_1_targets_stay_as_they_were_sent(target: str) -> None:
    head = read_head(b"GET %s HTTP/1.1" % target.encode(), _accepted("Host: e"))
    assert isinstance(head, RequestHead)
    assert head.target == target


@pytest.mark.parametrize("host", ["e", "e:80", "127.0.0.1:8081", "[::1]:8081", "a-b.c_d"])
def test_rfc9112_3_2_hosts(host: str) -> None:
    assert _accepted(f"Host: {host}").host == host


@given(st.binary(max_size=300))
@example(b"Host: e\r\n\r\n")
def test_any_block_is_read_or_refused(data: bytes) -> None:
    block = read_block(data)
    assert isinstance(block, FieldBlock | Refusal)


@given(st.binary(max_size=100))
def test_any_request_line_is_read_or_refused(line: bytes) -> None:
    head = read_head(line, _accepted("Host: e"))
    assert isinstance(head, Refusal) or head.target.startswith("/")


@given(st.sampled_from(["Content-Length", "Transfer-Encoding", "Host"]), st.text(max_size=20))
def test_accepted_framing_is_one_of_three(name: str, value: str) -> None:
    if not value.isascii():
        return
    block = _block("X: y", f"{name}: {value}")
    if isinstance(block, Refusal):
        return
    assert not (block.is_chunked and block.content_length is not None)
    if name == "Content-Length":
        assert value.strip(" \t").isdigit()
    if name == "Transfer-Encoding":
        assert value.strip(" \t").lower() == "chunked"
