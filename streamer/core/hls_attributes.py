"""The attribute lists of HLS tags (RFC 8216bis §4.2): `NAME=value,NAME="quoted value"`.

Rendering cannot be broken by outside text: what a quoted string may not hold is replaced.
"""

import re
from collections.abc import Iterable

from streamer.core.errors import InvalidInput

_ATTRIBUTE = re.compile(r'[ \t]*([A-Z0-9-]+)=("[^"\r\n]*"|[^",\r\n]*)[ \t]*(?:,|$)')
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_NOT_IN_URI = re.compile(r'[\x00-\x20"<>\\^`{|}\x7f]')


class PlaylistError(InvalidInput):
    """The text is not a playlist, or breaks a rule that its reader relies on."""

    default_code = "invalid_playlist"


def parse_attributes(text: str) -> dict[str, str]:
    """The attributes by name; quoted strings come without their quotes.

    Raises:
        PlaylistError: The list is malformed or names an attribute twice.
    """
    attributes: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _ATTRIBUTE.match(text, position)
        if match is None or match[1] in attributes:
            raise PlaylistError("malformed attribute list")
        value = match[2]
        attributes[match[1]] = value[1:-1] if value.startswith('"') else value.rstrip(" \t")
        position = match.end()
    return attributes


def render_attributes(attributes: Iterable[tuple[str, str | None]]) -> str:
    """A list of already quoted or enumerated values; those that are None are left out."""
    return ",".join(f"{name}={value}" for name, value in attributes if value is not None)


def quoted(text: str) -> str:
    """`text` as a quoted string; quotes become apostrophes, control characters spaces."""
    return '"' + printable(text).replace('"', "'") + '"'


def printable(text: str) -> str:
    """`text` with a space for each character that no playlist or XML document may hold."""
    return _UNPRINTABLE.sub(" ", text)


def safe_uri(uri: str) -> str:
    """`uri` on one line and without quotes: what a URI may not hold is percent-encoded."""
    encoded = _NOT_IN_URI.sub(lambda match: f"%{ord(match[0]):02X}", uri)
    return f"%23{encoded[1:]}" if encoded.startswith("#") else encoded


def decimal_integer(text: str) -> int:
    """A decimal-integer of at most 20 digits (RFC 8216bis §4.2)."""
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise PlaylistError("not a decimal integer")
    return int(text)


def decimal_float(text: str) -> float:
    """A decimal-floating-point number without sign (RFC 8216bis §4.2)."""
    if not re.fullmatch(r"[0-9]{1,20}(?:\.[0-9]{0,20})?", text):
        raise PlaylistError("not a decimal number")
    return float(text)
