"""Purges: what an operator asks every edge to forget, or to look at again before using it.

A purge names one URL path, with `*` as its last character every path that starts so, or a tag. The
query is not part of a path: all variants of a path go together (as CloudFront's invalidations do),
and all spellings of it.
Tags are what an origin put into `Cache-Tag` (separated by commas, as Cloudflare's are) or
`Surrogate-Key` (by spaces, as Fastly's); their case is not looked at.

A *soft* purge makes objects stale instead of removing them: they may be served while or if they
cannot be validated, where their origin allows that (RFC 5861).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from streamer.core.errors import InvalidInput
from streamer.core.paths import normal_path, normal_prefix

MAX_PATH_LENGTH = 4000
MAX_TAG_LENGTH = 1024
WILDCARD = "*"


class Kind(StrEnum):
    """What a purge names."""

    PATH = "path"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be purged.

    Attributes:
        kind: What `value` is.
        value: A path, perhaps with a wildcard, or a tag in lower case.
        is_soft: The objects become stale; otherwise they are removed.
    """

    kind: Kind
    value: str
    is_soft: bool = False

    def covers(self, path: str, tags: frozenset[str]) -> bool:
        """Whether it is about an object with this path (without its query) and these tags."""
        return self.value in tags if self.kind is Kind.TAG else matches(self.value, path)


@dataclass(frozen=True, slots=True)
class Purge:
    """One recorded purge. Ids grow in the order in which purges take effect."""

    id: int
    order: Order


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


def parse_tag(text: str) -> str:
    """Return the tag, in lower case, if it can be purged.

    Raises:
        InvalidInput: It is empty, too long, or holds anything but printable ASCII, a space or a
            comma.
    """
    if not text or len(text) > MAX_TAG_LENGTH:
        raise InvalidInput(f"a tag has 1 to {MAX_TAG_LENGTH} characters", code="invalid_tag")
    if not (text.isascii() and text.isprintable()) or " " in text or "," in text:
        raise InvalidInput("a tag is printable ASCII without space or comma", code="invalid_tag")
    return text.lower()


def parse_item(item: Mapping[str, object]) -> Order:
    """What an item of the log says: `path` or `tag`, and `soft`.

    Raises:
        InvalidInput: It cannot be purged.
        LookupError: It names neither.
    """
    is_soft = item.get("soft") is True
    tag = item.get("tag")
    if tag is not None:
        return Order(Kind.TAG, parse_tag(str(tag)), is_soft)
    return Order(Kind.PATH, parse_path(str(item["path"])), is_soft)


def matches(pattern: str, path: str) -> bool:
    """Whether a purge's path covers the path of a request (without its query)."""
    named, normal = spellings(pattern)
    if pattern.endswith(WILDCARD):
        return path.startswith(named) or normal_path(path).startswith(normal)
    return path == named or normal_path(path) == normal


@lru_cache(maxsize=64)
def spellings(pattern: str) -> tuple[str, str]:
    """The path or the beginning of paths that a purge names: as it spells it, and normally."""
    if pattern.endswith(WILDCARD):
        return pattern[:-1], normal_prefix(pattern[:-1])
    return pattern, normal_path(pattern)


def parse_tags(fields: Mapping[str, str]) -> frozenset[str]:
    """The tags in a response's combined fields, in lower case."""
    listed = fields.get("cache-tag", "").split(",")
    keyed = fields.get("surrogate-key", "").replace(",", " ").split()
    return frozenset(tag.strip().lower() for tag in (*listed, *keyed) if tag.strip())
