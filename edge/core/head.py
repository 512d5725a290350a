"""Request heads, read strictly (RFC 9112 §2 to §6).

Rules of this file: whatever two parsers could read differently is refused, because a difference
between this cache and the origin is what request smuggling and cache poisoning live on. So: CRLF
only, targets in origin-form only (an absolute URL names a second host), no line folding, no blanks
before a colon, one Host, one Content-Length, one `Transfer-Encoding: chunked` and never both, no
control characters anywhere.

A head is read in two parts. The request line differs with every request; the block of fields after
it is the same for every request of a player, so its reading is a value that may be kept.
"""

import re
from dataclasses import dataclass

from edge.core.fields import Fields, members, preferred_codings
from streamer.core.head_bounds import MAX_FIELDS, MAX_TARGET_BYTES

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21\x22\x24-\x7e]+) HTTP/1\.([01])")
_FOREIGN_VERSION = re.compile(rb"[^ ]+ [^ ]+ HTTP/(?!1\.[01])[0-9](?:\.[0-9])?")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):([\t\x20-\x7e\x80-\xff]*)")
_DIGITS = re.compile(r"[0-9]{1,18}")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]+)(?::[0-9]{0,5})?")
_UNUSUAL = frozenset(
    {
        "authorization",
        "cache-control",
        "content-length",
        "expect",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "pragma",
        "range",
        "transfer-encoding",
        "via",
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that gets an error and a closed connection. `reason` is a short sentence."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class RequestLine:
    """Method, target as sent, and the minor version of HTTP/1."""

    method: str
    target: str
    minor_version: int


@dataclass(frozen=True, slots=True)
class FieldBlock:
    """What the fields of a request say about it, whatever its request line.

    `is_plain`: nothing in it changes how a stored response answers, so that a cached object can be
    sent without looking at the fields again. `codings` is the normalised Accept-Encoding.
    """

    fields: Fields
    host: str | None
    content_length: int | None
    is_chunked: bool
    closes: bool
    keeps_alive: bool
    expects_continue: bool
    is_plain: bool
    codings: str


@dataclass(frozen=True, slots=True)
class RequestHead:
    """One request, accepted. `target` is in origin-form."""

    method: str
    target: str
    minor_version: int
    block: FieldBlock

    @property
    def fields(self) -> Fields:
        """The header section."""
        return self.block.fields

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may carry another request (RFC 9112 §9.3)."""
        if self.block.closes:
            return False
        return self.minor_version == 1 or self.block.keeps_alive

    @property
    def has_body(self) -> bool:
        """Whether body bytes follow the head."""
        return self.block.is_chunked or bool(self.block.content_length)


def read_head(line: bytes, block: FieldBlock) -> RequestHead | Refusal:
    """The request that a request line and the fields after it make."""
    request_line = read_request_line(line)
    if isinstance(request_line, Refusal):
        return request_line
    return _combine(request_line, block)


def read_request_line(line: bytes) -> RequestLine | Refusal:
    """The parts of a request line, without its CRLF (RFC 9112 §3)."""
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        if _FOREIGN_VERSION.fullmatch(line):
            return Refusal(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        return Refusal(400, "malformed request line")
    if len(match[2]) > MAX_TARGET_BYTES:
        return Refusal(414, "the target is too long")
    return RequestLine(match[1].decode(), match[2].decode(), int(match[3]))


def read_block(block: bytes) -> FieldBlock | Refusal:
    """The fields of a request: `block` is their lines, each with its CRLF."""
    lines = block.split(b"\r\n")[:-1] if block else []
    if len(lines) > MAX_FIELDS:
        return Refusal(431, "too many header fields")
    items: list[tuple[str, str]] = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            return Refusal(400, "malformed header field")
        items.append((match[1].decode().lower(), match[2].strip(b" \t").decode("latin-1")))
    return _judge(Fields(tuple(items)))


def _judge(fields: Fields) -> FieldBlock | Refusal:
    names = [name for name, _ in fields.items]
    for name in ("host", "content-length", "transfer-encoding"):
        if names.count(name) > 1:
            return Refusal(400, f"repeated {name}")
    refusal = _framing_problem(fields) or _host_problem(fields)
    if refusal is not None:
        return refusal
    length = fields.get("content-length")
    options = members(fields.get("connection"))
    expectation = fields.get("expect")
    if expectation is not None and expectation.lower() != "100-continue":
        return Refusal(417, "unknown expectation")
    return FieldBlock(
        fields=fields,
        host=fields.get("host"),
        content_length=None if length is None else int(length),
        is_chunked="transfer-encoding" in names,
        closes="close" in options,
        keeps_alive="keep-alive" in options,
        expects_continue=expectation is not None,
        is_plain="host" in names and options <= {"keep-alive"} and _UNUSUAL.isdisjoint(names),
        codings=preferred_codings(fields.get("accept-encoding")),
    )


def _framing_problem(fields: Fields) -> Refusal | None:
    """RFC 9112 §6.1 to §6.3: one way only to tell where the message ends."""
    coding, length = fields.get("transfer-encoding"), fields.get("content-length")
    if coding is not None and length is not None:
        return Refusal(400, "both transfer-encoding and content-length")
    if coding is not None and coding.lower() != "chunked":
        return Refusal(400, "unknown transfer coding")
    if length is not None and _DIGITS.fullmatch(length) is None:
        return Refusal(400, "malformed content-length")
    return None


def _host_problem(fields: Fields) -> Refusal | None:
    host = fields.get("host")
    if host is not None and _HOST.fullmatch(host) is None:
        return Refusal(400, "malformed host")
    return None


def _combine(line: RequestLine, block: FieldBlock) -> RequestHead | Refusal:
    if line.minor_version == 1 and block.host is None:
        return Refusal(400, "missing host")
    if line.minor_version == 0 and block.is_chunked:
        return Refusal(400, "transfer-encoding in HTTP/1.0")
    # No method has lower-case letters; who does not tell cases apart takes it for another one.
    if line.method in ("CONNECT", "TRACE") or line.method != line.method.upper():
        return Refusal(501, "method not supported")
    if not line.target.startswith("/"):
        return Refusal(501 if line.target == "*" else 400, "unsupported form of target")
    return RequestHead(line.method, line.target, line.minor_version, block)
