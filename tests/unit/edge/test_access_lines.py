"""Lines of the access log, read back field by field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.access import Access, Ending, Peer, refused
from edge.core.access_lines import W3C_FIELDS, JsonLines, Lines, W3cLines
from edge.core.fields import Fields

ACCESS = Access(
    at=1_700_000_000.25,
    peer=Peer("192.0.2.7", 40001, "TLSv1.3", "TLS_AES_128_GCM_SHA256"),
    method="GET",
    target="/v/a b.mp4?x=1&y=%20",
    minor_version=1,
    asked=Fields(
        (
            ("host", "video.example"),
            ("referer", "https://video.example/watch"),
            ("user-agent", "Player/1.0 (X11; 'Linux')"),
            ("cookie", "secret=1"),
            ("x-forwarded-for", "198.51.100.4, 203.0.113.9"),
        )
    ),
    received_body_bytes=5,
    status=206,
    answered=Fields((("content-type", "video/mp4"), ("content-range", "bytes 100-299/1000"))),
    content_length=200,
    sent_bytes=200,
    head_bytes=150,
    result="hit",
    seconds=0.0125,
    first_byte_seconds=0.0004,
)


def _w3c(access: Access) -> dict[str, str]:
    (line,) = W3cLines("edge-fra", "id-").render([access])
    assert line.endswith("\n")
    return dict(zip(W3C_FIELDS, line[:-1].split("\t"), strict=True))


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/v/a/key?token=1700000000.c2VjcmV0", "/v/a/key?token=1700..."),
        (
            "/a?x=1&Policy=eyJTdG&Signature=c2lnbmF0&Key-Pair-Id=K1",
            "/a?x=1&Policy=eyJT...&Signature=c2ln...&Key-Pair-Id=K1",
        ),
        ("/a?X-Amz-Signature=abcdef&y=2", "/a?X-Amz-Signature=abcd...&y=2"),
        ("/a?access_token=abcdef#x", "/a?access_token=abcd...#x"),
        ("/token=abcdef?tokens=abcdef&q=signature", "/token=abcdef?tokens=abcdef&q=signature"),
        ("/a?token=&policy", "/a?token=&policy"),
        ("/a?sig=x", "/a?sig=..."),
    ],
)
def test_what_grants_access_is_cut(target: str, shown: str) -> None:
    asked = Fields((("referer", f"https://video.example{target}"),))
    access = ACCESS._replace(target=target, asked=asked)
    (line,) = JsonLines().render([access])
    logged = json.loads(line)
    assert (logged["target"], logged["referer"]) == (shown, f"https://video.example{shown}")
    fields = _w3c(access)
    stem, _, query = shown.replace("#", "%23").partition("?")
    assert (fields["cs-uri-stem"], fields["cs-uri-query"]) == (stem, query)
    assert fields["cs(Referer)"] == f"https://video.example{stem}?{query}"


def test_the_header_names_the_33_fields_in_cloudfronts_order() -> None:
    version, fields = W3cLines("edge-fra", "").header.splitlines()
    assert version == "#Version: 1.0"
    assert fields.startswith("#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) ")
    assert fields.endswith(" sc-content-type sc-content-len sc-range-start sc-range-end")
    assert len(fields.split()) == 34


def test_every_field_has_its_value() -> None:
    request = (
        "GET /v/a b.mp4?x=1&y=%20 HTTP/1.1\r\nhost: video.example\r\n"
        "referer: https://video.example/watch\r\nuser-agent: Player/1.0 (X11; 'Linux')\r\n"
        "cookie: secret=1\r\nx-forwarded-for: 198.51.100.4, 203.0.113.9\r\n\r\n12345"
    )
    assert _w3c(ACCESS) == {
        "date": "2023-11-14",
        "time": "22:13:20",
        "x-edge-location": "edge-fra",
        "sc-bytes": "350",
        "c-ip": "192.0.2.7",
        "cs-method": "GET",
        "cs(Host)": "video.example",
        "cs-uri-stem": "/v/a%20b.mp4",
        "sc-status": "206",
        "cs(Referer)": "https://video.example/watch",
        "cs(User-Agent)": "Player/1.0%20(X11;%20%27Linux%27)",
        "cs-uri-query": "x=1&y=%2520",
        "cs(Cookie)": "-",
        "x-edge-result-type": "Hit",
        "x-edge-request-id": "id-1",
        "x-host-header": "video.example",
        "cs-protocol": "https",
        "cs-bytes": str(len(request)),
        "time-taken": "0.013",
        "x-forwarded-for": "198.51.100.4,%20203.0.113.9",
        "ssl-protocol": "TLSv1.3",
        "ssl-cipher": "TLS_AES_128_GCM_SHA256",
        "x-edge-response-result-type": "Hit",
        "cs-protocol-version": "HTTP/1.1",
        "fle-status": "-",
        "fle-encrypted-fields": "-",
        "c-port": "40001",
        "time-to-first-byte": "0.000",
        "x-edge-detailed-result-type": "Hit",
        "sc-content-type": "video/mp4",
        "sc-content-len": "200",
        "sc-range-start": "100",
        "sc-range-end": "299",
    }


def test_what_is_missing_is_a_dash() -> None:
    bare = ACCESS._replace(
        peer=Peer("192.0.2.7", 1),
        target="/",
        asked=Fields(),
        answered=Fields(),
        content_length=None,
    )
    shown = _w3c(bare)
    for name in (
        *("cs(Host)", "cs(Referer)", "cs(User-Agent)", "cs-uri-query", "x-host-header"),
        *("x-forwarded-for", "ssl-protocol", "ssl-cipher", "sc-content-type", "sc-content-len"),
        *("sc-range-start", "sc-range-end"),
    ):
        assert shown[name] == "-", name
    assert shown["cs-protocol"] == "http"


@pytest.mark.parametrize(
    ("result", "status", "ending", "shown", "response", "detailed"),
    [
        ("hit", 200, Ending.WHOLE, "Hit", "Hit", "Hit"),
        ("stale", 200, Ending.WHOLE, "Hit", "Hit", "Hit"),
        ("collapsed", 200, Ending.WHOLE, "Hit", "Hit", "Hit"),
        ("revalidated", 200, Ending.WHOLE, "RefreshHit", "RefreshHit", "RefreshHit"),
        ("miss", 200, Ending.WHOLE, "Miss", "Miss", "Miss"),
        ("passed", 201, Ending.WHOLE, "Miss", "Miss", "Miss"),
        ("hit", 404, Ending.WHOLE, "Error", "Error", "Error"),
        ("passed", 500, Ending.WHOLE, "Error", "Error", "OriginError"),
        ("error", 502, Ending.WHOLE, "Error", "Error", "OriginCommError"),
        ("error", 504, Ending.WHOLE, "Error", "Error", "OriginCommError"),
        ("hit", 200, Ending.VIEWER_LEFT, "Error", "Hit", "ClientCommError"),
        ("miss", 200, Ending.TRUNCATED, "Error", "Miss", "OriginReadError"),
    ],
)
def test_result_types(
    result: str, status: int, ending: Ending, shown: str, response: str, detailed: str
) -> None:
    line = _w3c(ACCESS._replace(result=result, status=status, ending=ending))
    assert line["x-edge-result-type"] == shown
    assert line["x-edge-response-result-type"] == response
    assert line["x-edge-detailed-result-type"] == detailed


def test_a_request_that_could_not_be_read_is_logged_without_its_line() -> None:
    shown = _w3c(refused(1.7e9, Peer("192.0.2.7", 1), 400, 90, 10))
    assert (shown["cs-method"], shown["cs-uri-stem"], shown["sc-status"]) == ("-", "-", "400")
    assert shown["x-edge-detailed-result-type"] == "InvalidRequest"
    assert shown["cs-protocol-version"] == "-"
    assert shown["sc-bytes"] == "100"


def test_requests_share_parts_but_not_ids_nor_times() -> None:
    later = ACCESS._replace(at=ACCESS.at + 60, target="/other")
    lines = W3cLines("edge-fra", "id-")
    shown = [line.split("\t") for line in (*lines.render([ACCESS, later]), *lines.render([later]))]
    assert [(line[1], line[7], line[14]) for line in shown] == [
        ("22:13:20", "/v/a%20b.mp4", "id-1"),
        ("22:14:20", "/other", "id-2"),
        ("22:14:20", "/other", "id-3"),
    ]


def test_json_has_the_same_facts() -> None:
    (line,) = JsonLines().render([ACCESS])
    assert json.loads(line) == {
        "at": 1_700_000_000.25,
        "viewer": "192.0.2.7",
        "port": 40001,
        "tls_version": "TLSv1.3",
        "method": "GET",
        "target": "/v/a b.mp4?x=1&y=%20",
        "host": "video.example",
        "referer": "https://video.example/watch",
        "user_agent": "Player/1.0 (X11; 'Linux')",
        "status": 206,
        "sent_bytes": 200,
        "result": "hit",
        "seconds": 0.0125,
        "first_byte_seconds": 0.0004,
        "ending": "whole",
    }


LATIN = st.text(st.characters(max_codepoint=255), max_size=30)


@pytest.mark.parametrize("lines", [JsonLines(), W3cLines("edge-fra", "id-")])
@given(target=LATIN, agent=LATIN, referer=LATIN)
def test_nothing_a_viewer_sends_breaks_a_line(
    lines: Lines, target: str, agent: str, referer: str
) -> None:
    asked = Fields((("user-agent", agent), ("referer", referer)))
    (line,) = lines.render([ACCESS._replace(target=target, asked=asked)])
    assert line.isascii()
    assert line[:-1].replace("\t", "").isprintable()
    assert line.count("\t") == (32 if isinstance(lines, W3cLines) else 0)
