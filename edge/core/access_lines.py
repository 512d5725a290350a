"""Lines of the access log: JSON, and CloudFront's standard format.

What many requests have in common (a viewer's fields, an object's) is rendered once in a batch. What
grants access by being in a URL (tokens, signatures, policies) is cut to its first characters.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from edge.core.access import Access, Ending, Peer
from edge.core.fields import Fields

_TEXTS = 4096
_LINE_BYTES = len("  HTTP/1.1\r\n\r\n")
# What CloudFront's documentation lists: controls, the blank, what is not ASCII, and these.
_ENCODED = re.compile(r"""[\x00-\x20\x7f-\U0010ffff<>"#%{|}\\^~\[\]`']""")
_SECRET = re.compile(
    r"([?&](?:[^=&#]*(?:token|signature|password|secret)|policy|sig|jwt|api[_-]?key)=[^&#]{0,4})"
    r"[^&#]+",
    re.IGNORECASE,
)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/")

W3C_FIELDS = (
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)"),
    *("cs-uri-stem", "sc-status", "cs(Referer)", "cs(User-Agent)", "cs-uri-query", "cs(Cookie)"),
    *("x-edge-result-type", "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes"),
    *("time-taken", "x-forwarded-for", "ssl-protocol", "ssl-cipher"),
    *("x-edge-response-result-type", "cs-protocol-version", "fle-status"),
    *("fle-encrypted-fields", "c-port", "time-to-first-byte", "x-edge-detailed-result-type"),
    *("sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end"),
)
_RESULT_TYPES: Mapping[str, str] = {
    "hit": "Hit",
    "stale": "Hit",
    "collapsed": "Hit",
    "revalidated": "RefreshHit",
    "miss": "Miss",
    "passed": "Miss",
}

PartT = TypeVar("PartT")
RenderedT = TypeVar("RenderedT")


class Lines(Protocol):
    """One format. `header` is what a file begins with."""

    header: str

    def render(self, accesses: Iterable[Access]) -> Iterator[str]:
        """A line, ended, for each access; pure ASCII without controls."""
        ...


class JsonLines:
    """One JSON object a line."""

    header = ""

    def render(self, accesses: Iterable[Access]) -> Iterator[str]:
        """A line for each access."""
        peers, blocks = _Once(_json_peer), _Once(_json_block)
        for access in accesses:
            yield (
                f'{{"at": {access.at:.3f}, {peers.of(access.peer)}, '
                f'"method": {_json(access.method)}, "target": {_json_url(access.target)}, '
                f'{blocks.of(access.asked)}, "status": {access.status}, '
                f'"sent_bytes": {access.sent_bytes}, "result": "{access.result}", '
                f'"seconds": {access.seconds:.6f}, '
                f'"first_byte_seconds": {access.first_byte_seconds:.6f}, '
                f'"ending": "{access.ending.value}"}}\n'
            )


class W3cLines:
    """CloudFront's standard log: tab-separated, 33 fields, `-` for what is missing.

    Cookies are not logged: they may be what grants access. A request's id is of this log alone.

    Args:
        location: This node, for x-edge-location.
        id_prefix: What makes request ids unique among all logs.
    """

    header = f"#Version: 1.0\n#Fields: {' '.join(W3C_FIELDS)}\n"

    def __init__(self, location: str, id_prefix: str) -> None:
        self._location = location
        self._id_prefix = id_prefix
        self._number = 0

    def render(self, accesses: Iterable[Access]) -> Iterator[str]:
        """A line for each access."""
        peers, blocks, answers = _Once(_w3c_peer), _Once(_w3c_block), _Once(_w3c_answer)
        location, second, moment = self._location, -1, ""
        for access in accesses:
            self._number += 1
            if int(access.at) != second:
                second = int(access.at)
                moment = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d\t%H:%M:%S}"
            address, port, protocol, tls_version, tls_cipher = peers.of(access.peer)
            host, referer, agent, forwarded_for, block_bytes = blocks.of(access.asked)
            content_type, range_start, range_end = answers.of(access.answered)
            stem, query = _w3c_target(access.target)
            minor, length = access.minor_version, access.content_length
            line_bytes = len(access.method) + len(access.target) + _LINE_BYTES
            received_bytes = line_bytes + block_bytes + access.received_body_bytes
            result = _result_type(access)
            yield (
                f"{moment}\t{location}\t{access.head_bytes + access.sent_bytes}\t{address}\t"
                f"{access.method or '-'}\t{host}\t{stem}\t{access.status}\t{referer}\t"
                f"{agent}\t{query}\t-\t"
                f"{result if access.ending is Ending.WHOLE else 'Error'}\t"
                f"{self._id_prefix}{self._number:x}\t{host}\t{protocol}\t{received_bytes}\t"
                f"{access.seconds:.3f}\t{forwarded_for}\t{tls_version}\t{tls_cipher}\t{result}\t"
                f"{'-' if minor is None else f'HTTP/1.{minor}'}\t-\t-\t{port}\t"
                f"{access.first_byte_seconds:.3f}\t{_detailed_type(access, result)}\t"
                f"{content_type}\t{'-' if length is None else length}\t"
                f"{range_start}\t{range_end}\n"
            )


class _Once(Generic[PartT, RenderedT]):
    """Renders a part that many accesses share once, told by its identity: parts are kept alive.

    Args:
        render: What a part is shown as.
    """

    def __init__(self, render: Callable[[PartT], RenderedT]) -> None:
        self._render = render
        self._found: dict[int, tuple[PartT, RenderedT]] = {}

    def of(self, part: PartT) -> RenderedT:
        """What the part is shown as."""
        found = self._found.get(id(part))
        if found is None:
            found = self._found[id(part)] = part, self._render(part)
        return found[1]


@lru_cache(_TEXTS)
def _encoded(text: str | None) -> str:
    """A value as it may stand between tabs; `-` for none."""
    return _ENCODED.sub(_percent, text) if text else "-"


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("latin-1", "replace"))


@lru_cache(_TEXTS)
def _json(text: str | None) -> str:
    return json.dumps(text)


@lru_cache(_TEXTS)
def _json_url(text: str | None) -> str:
    return json.dumps(None if text is None else _cut(text))


@lru_cache(_TEXTS)
def _w3c_target(text: str) -> tuple[str, str]:
    """A target's path and its query."""
    stem, _, query = _cut(text).partition("?")
    return _encoded(stem), _encoded(query)


def _cut(url: str) -> str:
    """A URL as it may be shown to those who must not use it."""
    return _SECRET.sub(r"\1...", url)


def _json_peer(peer: Peer) -> str:
    return (
        f'"viewer": {_json(peer.address)}, "port": {peer.port}, '
        f'"tls_version": {_json(peer.tls_version)}'
    )


def _json_block(asked: Fields) -> str:
    host, referer, agent = (asked.get(name) for name in ("host", "referer", "user-agent"))
    return f'"host": {_json(host)}, "referer": {_json_url(referer)}, "user_agent": {_json(agent)}'


def _w3c_peer(peer: Peer) -> tuple[str, int, str, str, str]:
    protocol = "https" if peer.tls_version else "http"
    version, cipher = _encoded(peer.tls_version), _encoded(peer.tls_cipher)
    return _encoded(peer.address), peer.port, protocol, version, cipher


def _w3c_block(asked: Fields) -> tuple[str, str, str, str, int]:
    """Host, Referer, User-Agent, X-Forwarded-For, and the bytes of the fields as usually sent."""
    host, agent, forwarded_for = (
        _encoded(asked.get(name)) for name in ("host", "user-agent", "x-forwarded-for")
    )
    referer = _encoded(_cut(asked.get("referer") or ""))
    block_bytes = sum(len(name) + len(value) + len(": \r\n") for name, value in asked.items)
    return host, referer, agent, forwarded_for, block_bytes


def _w3c_answer(answered: Fields) -> tuple[str, str, str]:
    content_range = _CONTENT_RANGE.match(answered.get("content-range") or "")
    start, end = content_range.groups() if content_range else ("-", "-")
    return _encoded(answered.get("content-type")), start, end


def _result_type(access: Access) -> str:
    """How the answer began: x-edge-response-result-type."""
    return "Error" if access.status >= 400 else _RESULT_TYPES.get(access.result, "Error")


def _detailed_type(access: Access, result: str) -> str:
    if access.ending is Ending.VIEWER_LEFT:
        return "ClientCommError"
    if access.ending is Ending.TRUNCATED:
        return "OriginReadError"
    if result != "Error":
        return result
    if access.minor_version is None:
        return "InvalidRequest"
    if access.status in (502, 504) and access.result == "error":
        return "OriginCommError"
    return "OriginError" if access.status >= 500 else "Error"
