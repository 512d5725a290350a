import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.core.errors import InvalidInput, TooLarge
from streamer.origin.tus import (
    MAX_TITLE_CHARS,
    Checksum,
    clean_title,
    parse_checksum,
    parse_creation_length,
    parse_length,
    parse_metadata,
    title_from,
)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True), st.text(max_size=20), max_size=6
    )
)
def test_metadata_round_trip(pairs: dict[str, str]) -> None:
    header = ",".join(f"{key} {encoded(value)}" for key, value in pairs.items())
    assert parse_metadata(header) == pairs


def test_a_key_alone_has_an_empty_value() -> None:
    assert parse_metadata("is_private, filename YQ==") == {"is_private": "", "filename": "a"}


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert parse_metadata("filename " + base64.b64encode(b"\xff").decode()) == {
        "filename": "\ufffd"
    }


@given(st.text(max_size=100))
def test_any_metadata_is_judged(header: str) -> None:
    try:
        parse_metadata(header)
    except InvalidInput:
        return


@given(st.text(max_size=400), st.text(max_size=100))
def test_a_title_is_one_printable_line(title: str, filename: str) -> None:
    found = title_from({"title": title, "filename": filename})
    assert 0 < len(found) <= MAX_TITLE_CHARS
    assert found == clean_title(found)
    assert not any(ord(character) < 32 for character in found)


def test_a_title_does_not_turn_what_follows_it() -> None:
    assert clean_title("holiday\u202egpj.exe \u2066x\u2069") == "holidaygpj.exe x"
    assert clean_title("\u202e") == ""
    assert clean_title("\u05e9\u05dc\u05d5\u05dd") == "\u05e9\u05dc\u05d5\u05dd"


def test_lengths() -> None:
    assert parse_length("10", max_bytes=10) == 10
    assert parse_creation_length(None, "1", max_bytes=10) is None
    assert parse_creation_length("5", None, max_bytes=10) == 5
    with pytest.raises(TooLarge):
        parse_length("11", max_bytes=10)
    with pytest.raises(InvalidInput):
        parse_creation_length(None, None, max_bytes=10)


def test_checksums() -> None:
    digest = bytes(20)
    header = "sha1 " + base64.b64encode(digest).decode()
    assert parse_checksum(header) == Checksum("sha1", digest)


@pytest.mark.parametrize(
    "header", ["", "sha1", "md5 AAAA", "sha1 AAAA", "sha1 ***", "SHA1 " + "A" * 28, "sha256 AA=="]
)
def test_checksums_that_are_refused(header: str) -> None:
    with pytest.raises(InvalidInput):
        parse_checksum(header)
