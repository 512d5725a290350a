import pytest

from packager.core.unreadable import explain_unreadable, refuse_encrypted_moov
from streamer.core.errors import SourceRejected


@pytest.mark.parametrize(
    ("head", "size", "code"),
    [
        (b"", 0, "not_a_video"),
        (b"\0\0\0\x20ftypisom", 1000, "truncated"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", 1000, "truncated"),
        (b"<!doctype html>", 1000, "not_a_video"),
        (b"ffconcat version 1.0", 38, "not_a_video"),
        (b"#EXTM3U", 100, "not_a_video"),
        (b"PK\x03\x04", 100, "not_a_video"),
    ],
)
def test_why_a_file_is_unreadable(head: bytes, size: int, code: str) -> None:
    assert explain_unreadable(head, size, "").code == code


@pytest.mark.parametrize("head", [b"\0\0\1\xba", b"\0\0\1\0\1\0"], ids=["MPEG-PS", "icon"])
def test_what_begins_like_one_is_none(head: bytes) -> None:
    assert explain_unreadable(head, 1000, "").detail == (
        "The file is not a video in a format known here."
    )


@pytest.mark.parametrize("head", [b"\0\0\0\1\x67", b"\0\0\1\x40\1", b"\0\0\1\xb3", b"\x12\0\x0a"])
def test_a_stream_without_a_container_is_to_be_put_into_one(head: bytes) -> None:
    assert "Put it into a container" in explain_unreadable(head, 1000, "").detail


def test_protected_movies_are_refused() -> None:
    refuse_encrypted_moov(b"....avc1....sinful")
    with pytest.raises(SourceRejected, match="encrypted"):
        refuse_encrypted_moov(b"....encv....sinf....frma....schm")


def test_the_last_words_are_quoted() -> None:
    refusal = explain_unreadable(b"PK\x03\x04", 100, "the file: Invalid data / gave up")
    assert refusal.detail.endswith(" ffmpeg says: the file: Invalid data; gave up.")
