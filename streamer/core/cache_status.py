"""The `Cache-Status` response header field (RFC 9211): how a cache handled a request."""

from dataclasses import dataclass
from enum import StrEnum


class Forward(StrEnum):
    """Why a request went towards the origin (RFC 9211 §2.2)."""

    BYPASS = "bypass"
    METHOD = "method"
    URI_MISS = "uri-miss"
    VARY_MISS = "vary-miss"
    REQUEST = "request"
    STALE = "stale"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class CacheStatus:
    """One cache's member of the list.

    A hit has `forward` None. `ttl_seconds` is negative for a response that is stale.
    `forward_status` is the status of the next hop's answer. `key` is the cache key, where it is not
    the target itself. `detail` is a token of ours.
    """

    cache: str
    forward: Forward | None = None
    forward_status: int | None = None
    ttl_seconds: int | None = None
    stored: bool = False
    collapsed: bool = False
    key: str | None = None
    detail: str | None = None


def render(status: CacheStatus) -> str:
    """The member as a structured field item, parameters in the RFC's order."""
    parts = [status.cache]
    if status.forward is None:
        parts.append("hit")
    else:
        parts.append(f"fwd={status.forward}")
    if status.forward_status is not None:
        parts.append(f"fwd-status={status.forward_status}")
    if status.ttl_seconds is not None:
        parts.append(f"ttl={status.ttl_seconds}")
    if status.stored:
        parts.append("stored")
    if status.collapsed:
        parts.append("collapsed")
    if status.key is not None:
        parts.append(f"key={_string(status.key)}")
    if status.detail is not None:
        parts.append(f"detail={status.detail}")
    return "; ".join(parts)


def render_own(cache: str, detail: str) -> str:
    """The member for an answer of the cache's own: neither a hit nor forwarded (RFC 9211 §2)."""
    return f"{cache}; detail={detail}"


def append(towards_origin: str | None, member: str) -> str:
    """The list with `member` added last, nearest to the viewer (RFC 9211 §2)."""
    return f"{towards_origin}, {member}" if towards_origin else member


def _string(text: str) -> str:
    """Printable ASCII as a structured string (RFC 9651 §4.1.6)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
