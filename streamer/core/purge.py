"""Purges: what an operator asks every edge to forget.

A purge names one URL path, or with `*` as its last character every path that starts so. The query
is not part of it: all variants of a path go together (as CloudFront's invalidations do).
"""

from dataclasses import dataclass

from streamer.core.errors import InvalidInput

MAX_PATH_LENGTH = 4000
WILDCARD = "*"


@dataclass(frozen=True, slots=True)
class Purge:
    """One recorded purge. Ids grow in the order in which purges take effect."""

    id: int
    path: str


def parse_path(text: str) -> str:
    """Return the path if it can be purged.

    Raises:
        InvalidInput: It does not start with `/`, is too long, holds anything but printable ASCII,
            or a `*` that is not at its end.
    """
    if not text.startswith("/"):
        raise InvalidInput("a path to purge starts with /", code="invalid_path")
    if len(text) > MAX_PATH_LENGTH:
        raise InvalidInput(
            f"a path to purge has at most {MAX_PATH_LENGTH} characters", code="invalid_path"
        )
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise InvalidInput("a path to purge is percent-encoded ASCII", code="invalid_path")
    if WILDCARD in text[:-1]:
        raise InvalidInput("* stands only at the end of a path to purge", code="invalid_path")
    return text


def matches(pattern: str, path: str) -> bool:
    """Whether a purge's path covers the path of a request (without its query)."""
    if pattern.endswith(WILDCARD):
        return path.startswith(pattern[:-1])
    return path == pattern
