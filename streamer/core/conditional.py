"""Conditional requests (RFC 9110 §13): preconditions judged against a representation's validators.

Entity tags are compared as spelled: quoted, with a `W/` prefix when weak.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum, auto

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_TAG_LIST = re.compile(rf"[ \t,]*({_ENTITY_TAG.pattern})[ \t]*(?=,|$)")


class Outcome(Enum):
    """What the preconditions of a GET or HEAD decide (RFC 9110 §13.2.2)."""

    PROCEED = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a representation from another (RFC 9110 §8.8)."""

    etag: str | None = None
    last_modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The fields of a request that make it conditional, as received."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


def evaluate(preconditions: Preconditions, validators: Validators) -> Outcome:
    """The outcome for a GET or HEAD of an existing representation, in the order of §13.2.2."""
    if preconditions.if_match is not None:
        if not matches_strongly(preconditions.if_match, validators.etag):
            return Outcome.FAILED
    elif _is_modified_since(preconditions.if_unmodified_since, validators.last_modified) is True:
        return Outcome.FAILED
    if preconditions.if_none_match is not None:
        if matches_weakly(preconditions.if_none_match, validators.etag):
            return Outcome.NOT_MODIFIED
    elif _is_modified_since(preconditions.if_modified_since, validators.last_modified) is False:
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def matches_strongly(header: str, etag: str | None) -> bool:
    """Whether `If-Match` holds: `*`, or a list with the same strong tag (RFC 9110 §13.1.1)."""
    if header.strip() == "*":
        return True
    return etag is not None and not _is_weak(etag) and etag in entity_tags(header)


def matches_weakly(header: str, etag: str | None) -> bool:
    """Whether `If-None-Match` names this version: `*` or the weak comparison (§13.1.2)."""
    if header.strip() == "*":
        return True
    return etag is not None and _opaque(etag) in map(_opaque, entity_tags(header))


def range_applies(if_range: str | None, validators: Validators) -> bool:
    """Whether `Range` may be honoured under this `If-Range` (RFC 9110 §13.1.5).

    A weak tag never matches; a date must be equal, not just late enough.
    """
    if if_range is None:
        return True
    value = if_range.strip()
    if _ENTITY_TAG.fullmatch(value):
        return not _is_weak(value) and value == validators.etag
    date = parse_http_date(value)
    return date is not None and date == _whole_seconds(validators.last_modified)


def entity_tags(header: str) -> tuple[str, ...]:
    """The tags of an `If-Match` or `If-None-Match` list; none of them if it is malformed."""
    found: list[str] = []
    position = 0
    while match := _TAG_LIST.match(header, position):
        found.append(match[1])
        position = match.end()
    return tuple(found) if not header[position:].strip(" \t,") else ()


def parse_http_date(text: str) -> datetime | None:
    """The time an HTTP date names, in UTC; None when it is not a date (RFC 9110 §5.6.7)."""
    try:
        parsed = parsedate_to_datetime(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def render_http_date(moment: datetime) -> str:
    """An IMF-fixdate (RFC 9110 §5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def _is_modified_since(header: str | None, last_modified: datetime | None) -> bool | None:
    """Whether the representation is younger than the date; None where that cannot be said."""
    date = None if header is None else parse_http_date(header)
    known = _whole_seconds(last_modified)
    return None if date is None or known is None else known > date


def _whole_seconds(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(microsecond=0)


def _is_weak(etag: str) -> bool:
    return etag.startswith("W/")


def _opaque(etag: str) -> str:
    return etag.removeprefix("W/")
