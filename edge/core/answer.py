"""The answer that a stored response gives to a request (RFC 9110 §13 to §15, RFC 9111 §4)."""

from dataclasses import dataclass, replace

from edge.core.fields import Fields
from edge.core.multipart import ordered
from edge.core.policy import Query, StoredResponse
from streamer.core.byte_range import (
    MAX_RANGES,
    Span,
    Unsatisfiable,
    content_range,
    parse_range,
    unsatisfied_content_range,
)
from streamer.core.conditional import (
    Outcome,
    Preconditions,
    Validators,
    evaluate,
    parse_http_date,
    range_applies,
)

# What describes the body and is left out of a 304 (RFC 9110 §15.4.5).
_ABOUT_BODY = frozenset(
    {"content-encoding", "content-language", "content-length", "content-range", "content-type"}
)
_LIFETIME = frozenset({"cache-control", "cdn-cache-control", "expires", "pragma"})
# What may ask for less than the whole (RFC 9110 §13.1, §14.2).
_SELECTING = frozenset(
    {"if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "range"}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to send.

    `span` is the part of the stored body that is its content; None: all of it, whose length may
    not be known yet. Where there are several `parts`, ascending, they are the content instead, as
    multipart/byteranges. `has_content` is False where no body belongs to the status.
    """

    status: int
    reason: str
    fields: Fields
    span: Span | None = None
    has_content: bool = True
    parts: tuple[Span, ...] = ()


def answer(
    stored: StoredResponse, query: Query, size_bytes: int | None, *, max_parts: int = MAX_RANGES
) -> Answer:
    """How a stored response answers a GET or HEAD.

    Args:
        stored: The response.
        query: The request.
        size_bytes: The length of its body; None while that is unknown, when ranges are ignored.
        max_parts: Requests for more parts than this are answered with the whole.
    """
    fields = stored.fields.without({"content-length"})
    whole = Answer(stored.status, stored.reason, fields, has_content=stored.status != 204)
    if stored.status != 200 or _SELECTING.isdisjoint(query.fields.combined):
        return whole
    validators = _validators(stored.fields)
    match evaluate(_preconditions(query.fields), _judged(stored.fields, query.fields, validators)):
        case Outcome.NOT_MODIFIED:
            return Answer(304, "Not Modified", fields.without(_ABOUT_BODY), has_content=False)
        case Outcome.FAILED:
            return _refusal(412, "Precondition Failed", fields)
        case Outcome.PROCEED:
            wants_part = query.method == "GET" and range_applies(
                query.fields.get("if-range"), validators
            )
            header = query.fields.get("range")
            if header is None or size_bytes is None or not wants_part:
                return whole
            return _ranged(whole, header, size_bytes, max_parts)


def _ranged(whole: Answer, header: str, size_bytes: int, max_parts: int) -> Answer:
    """The parts asked for; the whole where the header is ignored (RFC 9110 §14.2)."""
    selected = parse_range(header, size_bytes)
    if isinstance(selected, Unsatisfiable):
        unsatisfied = ("content-range", unsatisfied_content_range(size_bytes))
        refusal = _refusal(416, "Range Not Satisfiable", whole.fields)
        return replace(refusal, fields=refusal.fields.plus(unsatisfied))
    parts = ordered(selected) if isinstance(selected, tuple) else ()
    if not 0 < len(parts) <= max_parts:
        return whole
    if len(parts) > 1:
        return Answer(206, "Partial Content", whole.fields, parts=parts)
    fields = whole.fields.plus(("content-range", content_range(parts[0], size_bytes)))
    return Answer(206, "Partial Content", fields, parts[0])


def _refusal(status: int, reason: str, stored: Fields) -> Answer:
    """What is stored lives on, but its lifetime is not this answer's (RFC 9111 §3)."""
    fields = stored.without(_ABOUT_BODY | _LIFETIME)
    return Answer(status, reason, fields.plus(("cache-control", "no-store")), Span(0, 0), False)


def _judged(stored: Fields, request: Fields, validators: Validators) -> Validators:
    """What preconditions are judged by.

    If-Modified-Since is judged by Date where there is no Last-Modified (RFC 9111 §4.3.2).
    """
    date = stored.get("date")
    if validators.last_modified or date is None or "if-unmodified-since" in request.combined:
        return validators
    return Validators(validators.etag, parse_http_date(date))


def _preconditions(fields: Fields) -> Preconditions:
    return Preconditions(
        if_match=fields.get("if-match"),
        if_none_match=fields.get("if-none-match"),
        if_modified_since=fields.get("if-modified-since"),
        if_unmodified_since=fields.get("if-unmodified-since"),
    )


def _validators(fields: Fields) -> Validators:
    modified = fields.get("last-modified")
    return Validators(fields.get("etag"), None if modified is None else parse_http_date(modified))
