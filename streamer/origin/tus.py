"""The header fields of tus 1.0.0, read and written. No I/O.

Extensions: creation, creation-with-upload, creation-defer-length, expiration, checksum,
termination.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from streamer.core.errors import InvalidInput, TooLarge
from streamer.core.titles import one_line

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "termination",
)
CHECKSUM_ALGORITHMS = {"sha1": 20, "sha256": 32}
BODY_TYPE = "application/offset+octet-stream"
MAX_METADATA_CHARS = 8192
MAX_TITLE_CHARS = 200
_INTEGER = re.compile(r"[0-9]{1,18}")
_KEY = re.compile(r"[!-+\--~]+")


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one PATCH must hash to."""

    algorithm: str
    digest: bytes


def parse_integer(name: str, value: str | None) -> int:
    """A non-negative integer field; InvalidInput when it is missing or malformed."""
    if value is None or not _INTEGER.fullmatch(value):
        raise InvalidInput(f"{name} must be a non-negative integer")
    return int(value)


def parse_creation_length(
    upload_length: str | None, defer_length: str | None, *, max_bytes: int
) -> int | None:
    """The length that a creation announces; None when it comes later.

    Raises:
        InvalidInput: Neither or both of the fields are there, or one is malformed.
        TooLarge: It is above `max_bytes`.
    """
    if defer_length is not None:
        if defer_length != "1" or upload_length is not None:
            raise InvalidInput("Upload-Defer-Length must be 1, and without Upload-Length")
        return None
    return parse_length(upload_length, max_bytes=max_bytes)


def parse_length(upload_length: str | None, *, max_bytes: int) -> int:
    """The value of Upload-Length; TooLarge above `max_bytes`."""
    length = parse_integer("Upload-Length", upload_length)
    if length > max_bytes:
        raise TooLarge(f"at most {max_bytes} bytes are accepted")
    return length


def parse_metadata(header: str) -> dict[str, str]:
    """The pairs of Upload-Metadata, decoded; InvalidInput when malformed or too long."""
    if len(header) > MAX_METADATA_CHARS:
        raise InvalidInput("Upload-Metadata is too long")
    pairs: dict[str, str] = {}
    for item in header.split(",") if header.strip() else ():
        key, _, value = item.strip(" ").partition(" ")
        if not _KEY.fullmatch(key) or key in pairs:
            raise InvalidInput("Upload-Metadata has a malformed or repeated key")
        pairs[key] = _decode("Upload-Metadata", value).decode(errors="replace")
    return pairs


def parse_checksum(header: str) -> Checksum:
    """The value of Upload-Checksum; InvalidInput for an algorithm that is not supported."""
    algorithm, _, value = header.partition(" ")
    if algorithm not in CHECKSUM_ALGORITHMS:
        raise InvalidInput("Upload-Checksum names an unsupported algorithm")
    digest = _decode("Upload-Checksum", value)
    if len(digest) != CHECKSUM_ALGORITHMS[algorithm]:
        raise InvalidInput("Upload-Checksum is of the wrong length")
    return Checksum(algorithm, digest)


def title_from(metadata: Mapping[str, str]) -> str:
    """What to call the video: its title, or else the file's name without folder and extension."""
    title = clean_title(metadata.get("title", ""))
    if title:
        return title
    filename = metadata.get("filename") or metadata.get("name") or ""
    return title_from_filename(filename)


def title_from_filename(filename: str) -> str:
    """A file's name without folder and extension, fit for people."""
    base = re.split(r"[/\\]", filename)[-1]
    stem = base.rpartition(".")[0] or base
    return clean_title(stem) or "Untitled"


def clean_title(text: str) -> str:
    """One printable line of bounded length, read in its own direction; empty if nothing is left."""
    return one_line(text, MAX_TITLE_CHARS)


def _decode(name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"{name} is not base64") from error
