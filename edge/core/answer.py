"""The answer that a stored response gives to a request (RFC 9110 §13 to §15, RFC 9111 §4)."""

from dataclasses import dataclass

from edge.core.fields import Fields
from edge.core.policy import StoredResponse
from streamer.core.byte_range import (
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


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to send.

    `span` is the part of the stored body that is its content; None: all of it, whose length may
    not be known yet. `has_content` is False where no body belongs to the status.
    """

    status: int
    reason: str
    fields: Fields
    span: Span | None = None
    has_content: bool = True


def answer(stored: StoredResponse, request_fields: Fields, size_bytes: int | None) -> Answer:
    """How a stored response answers a GET with these fields.

    Args:
        stored: The response.
        request_fields: The request's header section.
        size_bytes: The length of its body; None while that is unknown, when ranges are ignored.
    """
    fields = stored.fields.without({"content-length"})
    whole = Answer(stored.status, stored.reason, fields, has_content=stored.status != 204)
    if stored.status != 200:
        return whole
    validators = _validators(stored.fields)
    match evaluate(_preconditions(request_fields), validators):
        case Outcome.NOT_MODIFIED:
            return Answer(304, "Not Modified", fields.without(_ABOUT_BODY), has_content=False)
        case Outcome.FAILED:
            return Answer(
                412, "Precondition Failed", fields.without(_ABOUT_BODY), Span(0, 0), False
            )
        case Outcome.PROCEED:
            return _ranged(whole, request_fields, validators, size_bytes)


def _ranged(
    whole: Answer, request_fields: Fields, validators: Validators, size_bytes: int | None
) -> Answer:
    """The part asked for; the whole where the header is ignored or wants several parts (§14.2)."""
    header = request_fields.get("range")
    if header is None or size_bytes is None:
        return whole
    if not range_applies(request_fields.get("if-range"), validators):
        return whole
    selected = parse_range(header, size_bytes)
    if isinstance(selected, Unsatisfiable):
        fields = whole.fields.without(_ABOUT_BODY)
        fields = fields.plus(("content-range", unsatisfied_content_range(size_bytes)))
        return Answer(416, "Range Not Satisfiable", fields, Span(0, 0), has_content=False)
    if not isinstance(selected, tuple) or len(selected) != 1:
        return whole
    span = selected[0]
    fields = whole.fields.plus(("content-range", content_range(span, size_bytes)))
    return Answer(206, "Partial Content", fields, span)


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
