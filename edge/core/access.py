"""One answered request, as the access log tells of it."""

from enum import StrEnum
from typing import NamedTuple

from edge.core.fields import Fields

_NO_FIELDS = Fields()
_REFUSAL_FIELDS = Fields((("content-type", "text/plain"),))


class Ending(StrEnum):
    """How far an answer came."""

    WHOLE = "whole"
    VIEWER_LEFT = "viewer-left"
    TRUNCATED = "truncated"


class Peer(NamedTuple):
    """The viewer's end of a connection. The TLS version and cipher suite are None without TLS."""

    address: str
    port: int
    tls_version: str | None = None
    tls_cipher: str | None = None


class Access(NamedTuple):
    """One answered request.

    Attributes:
        at: When the answer ended, in seconds since the epoch.
        peer: Who asked.
        method: Of the request; empty where it could not be read, as are the next two.
        target: As sent, or in origin-form.
        minor_version: Of HTTP/1; None where the request could not be read.
        asked: The request's fields.
        received_body_bytes: The size of the request's body, as far as it came.
        status: The answer's status code.
        answered: The answer's fields.
        content_length: What the answer said of its body's length.
        sent_bytes: The body bytes sent.
        head_bytes: The size of the answer's head.
        result: How it was answered (`edge.metrics.Result`).
        seconds: From the request's head to the last byte handed to the kernel.
        first_byte_seconds: The same to the first byte.
        ending: How far the answer came.
    """

    at: float
    peer: Peer
    method: str
    target: str
    minor_version: int | None
    asked: Fields
    received_body_bytes: int
    status: int
    answered: Fields
    content_length: int | None
    sent_bytes: int
    head_bytes: int
    result: str
    seconds: float = 0.0
    first_byte_seconds: float = 0.0
    ending: Ending = Ending.WHOLE


def refused(at: float, peer: Peer, status: int, head_bytes: int, text_bytes: int) -> Access:
    """The access of a request that could not be read."""
    return Access(
        at=at,
        peer=peer,
        method="",
        target="",
        minor_version=None,
        asked=_NO_FIELDS,
        received_body_bytes=0,
        status=status,
        answered=_REFUSAL_FIELDS,
        content_length=text_bytes,
        sent_bytes=text_bytes,
        head_bytes=head_bytes,
        result="refused",
    )
