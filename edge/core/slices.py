"""Large objects in slices: where they are cut, and what the origin must send for a slice.

A large object is stored as a head, which holds no content, and slices that are entries of their
own. A slice's key names the version it belongs to, so that versions never mix: what was cut from
another one is not found any more and ages out (RFC 9111 §3.4 asks for equal strong validators).
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from edge.core.fields import Fields, members
from edge.core.key import slice_key
from edge.core.policy import SERVER_ERRORS, Refused, StoredResponse
from streamer.core.byte_range import Span, content_range
from streamer.core.conditional import parse_http_date

MAX_SLICES = 2**16
# RFC 9110 §8.8.2.2: so long before Date that both cannot be of the same second on any clock.
_STRONG_DATE_DISTANCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Part:
    """One slice: the bytes of `span` of a version that `validator` tells from all others."""

    key: bytes
    span: Span
    total_bytes: int
    validator: str

    @property
    def request_fields(self) -> tuple[tuple[str, str], ...]:
        """What asks the origin for it (RFC 9110 §13.1.5, §14.2)."""
        wanted = f"bytes={self.span.start}-{self.span.stop - 1}"
        return (("range", wanted), ("if-range", self.validator))

    def refusal(self, status: int, fields: Fields) -> Refused | None:
        """Why an answer is not this slice; None: it is."""
        version = _validator(fields)
        if status == 206 and version == self.validator:
            expected = content_range(self.span, self.total_bytes)
            return None if fields.get("content-range") == expected else Refused.NO_RANGES
        if status in (404, 410, 412, 416):
            return Refused.CHANGED
        if status in (200, 206) and version not in (None, self.validator):
            return Refused.CHANGED
        return Refused.STATUS if status in SERVER_ERRORS else Refused.NO_RANGES


@dataclass(frozen=True, slots=True)
class Layout:
    """How one version of a large object is cut.

    Attributes:
        key: The object's cache key.
        validator: A strong validator, as `If-Range` spells it.
        total_bytes: The object's length.
        slice_bytes: The length of every slice but the last.
        version: What all keys of its slices have in common.
        has_ranges: Whether the origin says that it serves ranges; else a slice will show.
    """

    key: bytes
    validator: str
    total_bytes: int
    slice_bytes: int
    version: str
    has_ranges: bool

    def numbers(self, span: Span) -> range:
        """The slices that hold a span."""
        return range(span.start // self.slice_bytes, (span.stop - 1) // self.slice_bytes + 1)

    def share(self, number: int, span: Span) -> Span:
        """The place in a slice of what a span has in common with it."""
        first = number * self.slice_bytes
        return Span(max(span.start - first, 0), min(span.stop - first, self.slice_bytes))

    def part(self, number: int) -> Part:
        """A slice by its number."""
        start = number * self.slice_bytes
        span = Span(start, min(start + self.slice_bytes, self.total_bytes))
        key = slice_key(self.key, self.version, number)
        return Part(key, span, self.total_bytes, self.validator)


def layout(key: bytes, stored: StoredResponse, slice_bytes: int) -> Layout | None:
    """How to cut the object with this head; None where it cannot be put together from ranges."""
    validator = strong_validator(stored.fields)
    total_bytes = _total_bytes(stored.fields)
    units = members(stored.fields.get("accept-ranges"))
    if stored.status != 200 or validator is None or "none" in units:
        return None
    if not 0 < total_bytes <= MAX_SLICES * slice_bytes:
        return None
    told_apart = (validator, stored.fields.get("content-encoding"), stored.vary)
    version = hashlib.blake2b(
        repr((told_apart, total_bytes, slice_bytes)).encode("utf-8"), digest_size=12
    ).hexdigest()
    return Layout(key, validator, total_bytes, slice_bytes, version, "bytes" in units)


def strong_validator(fields: Fields) -> str | None:
    """What `If-Range` may say about a response with these fields (RFC 9110 §13.1.5, §8.8.2.2)."""
    validator = _validator(fields)
    if validator is None or "etag" in fields.combined:
        return validator
    modified, date = parse_http_date(validator), parse_http_date(fields.get("date") or "")
    if modified is None or date is None or date - modified < _STRONG_DATE_DISTANCE:
        return None
    return validator


def _total_bytes(fields: Fields) -> int:
    """The length that a head states; 0 if it does not."""
    length = fields.get("content-length") or ""
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0


def _validator(fields: Fields) -> str | None:
    """The strong entity tag, or else the date, that a response carries."""
    etag = fields.get("etag")
    if etag is not None:
        return etag if etag.startswith('"') else None
    return fields.get("last-modified")
