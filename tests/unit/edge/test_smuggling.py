"""Vectors of request smuggling and cache poisoning: what another parser might read differently.

RFC 9112 §11.2; PortSwigger's and Kettle's TE/CL variants, the ones of llhttp's and nginx's CVEs.
"""

import pytest

from edge.core.chunked import ChunkedDecoder, ChunkError
from edge.core.head import FieldBlock, Refusal, read_block, read_head


def _status(line: bytes, *fields: bytes) -> int | None:
    """The status of the refusal; None: it is accepted."""
    block = read_block(b"".join(field + b"\r\n" for field in fields))
    head = block if isinstance(block, Refusal) else read_head(line, block)
    return head.status if isinstance(head, Refusal) else None


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="3 empty"),
        pytest.param(b"GET /", id="3 HTTP/0.9"),
        pytest.param(b"GET / HTTP/0.9", id="2.3 HTTP/0.9 that says so"),
        pytest.param(b"GET / HTTP/1.2", id="2.3 minor version"),
        pytest.param(b"GET / HTTP/1.10", id="2.3 two digits"),
        pytest.param(b"GET / HTTP/01.1", id="2.3 leading zero"),
        pytest.param(b"GET / HTTP/1", id="2.3 no minor version"),
        pytest.param(b"GET / HTTP/1.1 ", id="3 blank after"),
        pytest.param(b"GET / HTTP/1.1\r", id="2.2 bare CR"),
        pytest.param(b"GET /\tHTTP/1.1", id="3 tab"),
        pytest.param(b"GET\x0b/\x0bHTTP/1.1", id="3 vertical tab"),
        pytest.param(b"GET / HTTP/1.1 HTTP/1.1", id="3 two versions"),
        pytest.param(b"GET /\xc3\xa9 HTTP/1.1", id="3.2 non-ASCII"),
        pytest.param(b"GET /\x00 HTTP/1.1", id="3.2 NUL"),
        pytest.param(b"GET /\x7f HTTP/1.1", id="3.2 DEL"),
        pytest.param(b"GET /#a HTTP/1.1", id="3.2 fragment"),
        pytest.param(b"GET http://e/ HTTP/1.1", id="3.2.2 absolute-form"),
        pytest.param(b"GET http://other/ HTTP/1.1", id="3.2.2 absolute-form, another host"),
        pytest.param(b"GET HTTPS://e HTTP/1.1", id="3.2.2 absolute-form, case"),
        pytest.param(b"GET e:80 HTTP/1.1", id="3.2.3 authority-form"),
        pytest.param(b"GET @e/ HTTP/1.1", id="3.2 userinfo"),
        pytest.param(b"GET ?a HTTP/1.1", id="3.2 query alone"),
        pytest.param(b"G(T / HTTP/1.1", id="3.1 no token"),
        pytest.param(b"\xef\xbb\xbfGET / HTTP/1.1", id="3.1 byte order mark"),
    ],
)
def test_rfc9112_3_request_lines(line: bytes) -> None:
    assert _status(line, b"Host: e") in (400, 505)


@pytest.mark.parametrize("line", [b"PRI * HTTP/2.0", b"GET / HTTP/2", b"GET / HTTP/3.0"])
def test_rfc9110_15_6_6_other_versions(line: bytes) -> None:
    assert _status(line, b"Host: e") == 505


def test_rfc9110_9_1_methods_are_case_sensitive() -> None:
    for method in (b"get", b"head", b"trace", b"Connect"):
        assert _status(method + b" / HTTP/1.1", b"Host: e") == 501


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param((b"Host: e", b"Host: e"), id="3.2 repeated, equal"),
        pytest.param((b"Host: e", b"hOST: f"), id="3.2 repeated"),
        pytest.param((), id="3.2 missing"),
        pytest.param((b"Host:",), id="3.2 empty"),
        pytest.param((b"Host: e, f",), id="3.2 list"),
        pytest.param((b"Host: e f",), id="3.2 blank"),
        pytest.param((b"Host: u@e",), id="3.2 userinfo"),
        pytest.param((b"Host: e/path",), id="3.2 path"),
        pytest.param((b"Host: e:80:80",), id="3.2 two ports"),
        pytest.param((b"Host: e:port",), id="3.2 port of letters"),
        pytest.param((b"Host: \xc3\xa9",), id="3.2 non-ASCII"),
        pytest.param((b" Host: e",), id="5.2 folded first line"),
        pytest.param((b"\tHost: e",), id="5.2 folded first line with a tab"),
        pytest.param((b"Host: e", b" x"), id="5.2 folded value"),
        pytest.param((b"Host : e",), id="5.1 blank before the colon"),
        pytest.param((b"Host\t: e",), id="5.1 tab before the colon"),
        pytest.param((b"Host: e", b"X\x00: a"), id="5 NUL in a name"),
        pytest.param((b"Host: e", b"X: a\x00"), id="5.5 NUL in a value"),
        pytest.param((b"Host: e", b"X: a\rY: b"), id="2.2 bare CR"),
        pytest.param((b"Host: e", b"X: a\nY: b"), id="2.2 bare LF"),
        pytest.param((b"Host: e", b"X: a\x7f"), id="5.5 DEL"),
        pytest.param((b"Host: e", b"X Y: a"), id="5.1 blank in a name"),
        pytest.param((b"Host: e", b"\xc3\xa9: a"), id="5.1 non-ASCII name"),
        pytest.param((b"Host: e", b":"), id="5.1 no name"),
        pytest.param((b"Host: e", b"X"), id="5.1 no colon"),
    ],
)
def test_rfc9112_3_2_and_5_fields(fields: tuple[bytes, ...]) -> None:
    assert _status(b"GET / HTTP/1.1", *fields) == 400


_CL, _TE = b"Content-Length: ", b"Transfer-Encoding: "


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param((_CL + b"4", _TE + b"chunked"), id="6.1 CL.TE"),
        pytest.param((_TE + b"chunked", _CL + b"4"), id="6.1 TE.CL"),
        pytest.param((_TE + b"chunked", _TE + b"identity"), id="6.1 TE.TE"),
        pytest.param((_TE + b"chunked", _TE + b"chunked"), id="6.1 repeated"),
        pytest.param((_TE + b"chunked, chunked",), id="6.1 twice"),
        pytest.param((_TE + b"chunked, identity",), id="6.1 not last"),
        pytest.param((_TE + b"identity, chunked",), id="6.1 not alone"),
        pytest.param((_TE + b"gzip",), id="6.1 not chunked"),
        pytest.param((_TE + b"xchunked",), id="6.1 prefix"),
        pytest.param((_TE + b"chunkedx",), id="6.1 suffix"),
        pytest.param((_TE + b'"chunked"',), id="6.1 quoted"),
        pytest.param((_TE + b"chunked;a=b",), id="6.1 parameter"),
        pytest.param((_TE + b"chunked,",), id="6.1 empty member"),
        pytest.param((_TE,), id="6.1 empty"),
        pytest.param((_TE + b"\x0bchunked",), id="5.5 vertical tab"),
        pytest.param((_TE + b"chunked\x0c",), id="5.5 form feed"),
        pytest.param((_TE + b"\xa0chunked",), id="5.5 no-break space"),
        pytest.param((b"Transfer-Encoding : chunked",), id="5.1 blank before the colon"),
        pytest.param((b"Transfer-Encoding\r: chunked",), id="2.2 CR before the colon"),
        pytest.param((b"X: y\rTransfer-Encoding: chunked",), id="2.2 behind a CR"),
        pytest.param((b"Transfer-Encoding:", b" chunked"), id="5.2 folded"),
        pytest.param((_CL + b"4", _CL + b"4"), id="6.3 repeated, equal"),
        pytest.param((_CL + b"4", _CL + b"5"), id="6.3 repeated"),
        pytest.param((_CL + b"4, 4",), id="6.3 list"),
        pytest.param((_CL + b"+4",), id="6.2 plus"),
        pytest.param((_CL + b"-4",), id="6.2 minus"),
        pytest.param((_CL + b"0x4",), id="6.2 hexadecimal"),
        pytest.param((_CL + b"4.0",), id="6.2 fraction"),
        pytest.param((_CL + b"4 4",), id="6.2 blank"),
        pytest.param((_CL + b"4_0",), id="6.2 underscore"),
        pytest.param((_CL + b"\xb2",), id="6.2 a digit of Latin-1"),
        pytest.param((_CL,), id="6.2 empty"),
        pytest.param((_CL + b"9" * 30,), id="6.2 overflow"),
    ],
)
def test_rfc9112_6_framing(fields: tuple[bytes, ...]) -> None:
    assert _status(b"POST / HTTP/1.1", b"Host: e", *fields) == 400


def test_rfc9112_6_1_chunked_in_http_1_0() -> None:
    assert _status(b"POST / HTTP/1.0", b"Host: e", _TE + b"chunked") == 400


def test_names_with_underscores_are_other_names() -> None:
    block = read_block(b"Host: e\r\nContent_Length: 4\r\nTransfer_Encoding: chunked\r\n")
    assert isinstance(block, FieldBlock)
    assert (block.content_length, block.is_chunked) == (None, False)


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"", id="empty size"),
        pytest.param(b";a=b", id="extension alone"),
        pytest.param(b"0x1", id="0x"),
        pytest.param(b"1h", id="letters after"),
        pytest.param(b"-1", id="minus"),
        pytest.param(b"1 1", id="blank"),
        pytest.param(b"1 ", id="blank after"),
        pytest.param(b"1\t", id="tab after"),
        pytest.param(b"\x0b1", id="vertical tab"),
        pytest.param(b"1\r", id="CR"),
        pytest.param(b"1\n", id="LF"),
        pytest.param(b"1;a\nb", id="LF in an extension (CVE-2025-22871's kind)"),
        pytest.param(b"1;a\rb", id="CR in an extension"),
        pytest.param(b"1;" + b"a" * 5000, id="long extension"),
        pytest.param(b"1" + b"0" * 20, id="overflow"),
        pytest.param(b"1,1", id="list"),
    ],
)
def test_rfc9112_7_1_chunk_sizes(wire: bytes) -> None:
    with pytest.raises(ChunkError):
        ChunkedDecoder().feed(wire + b"\r\nX\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "wire",
    [
        b"1\r\nXY",
        b"1\r\nX\n0\r\n",
        b"1\r\nX\rY\r\n",
        b"0\r\nT: a\x00\r\n\r\n",
        b"0\r\n folded\r\n\r\n",
    ],
)
def test_rfc9112_7_1_chunk_ends_and_trailers(wire: bytes) -> None:
    with pytest.raises(ChunkError):
        ChunkedDecoder().feed(wire + b"\r\n\r\n")
