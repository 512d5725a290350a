"""What methods other than GET mean for what is stored (RFC 9110 §9.3.3, RFC 9111 §4.4)."""

from urllib.parse import urljoin, urlsplit

from edge.core.behaviours import Behaviour
from edge.core.fields import Fields
from edge.core.policy import Query, StoredResponse, examine
from streamer.core.freshness import parse_cache_control


def changed_targets(target: str, host: str, fields: Fields) -> list[str]:
    """The other targets of the same origin whose objects an unsafe request changed (RFC 9111 §4.4).

    Args:
        target: The request's target.
        host: Its Host.
        fields: The fields of its answer.
    """
    named = (fields.get(name) for name in ("location", "content-location"))
    targets = (named_target(reference, target, host) for reference in named)
    return [other for other in targets if other is not None]


def named_target(reference: str | None, target: str, host: str) -> str | None:
    """The target that a URI reference in an answer names; None if it is of another origin."""
    if reference is None or not reference.isascii():
        return None
    try:
        parts = urlsplit(urljoin(f"http://{host}{target}", reference))
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.netloc.lower() != host.lower():
        return None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def examine_post(
    query: Query,
    target: str,
    reason: str,
    fields: Fields,
    *,
    request_time: float,
    response_time: float,
    behaviour: Behaviour,
) -> StoredResponse | None:
    """What a 200 to POST leaves for later requests with GET (RFC 9110 §9.3.3).

    Returns:
        The response to store: one that is fresh by what it states, and that names the target as
        what it represents. Else None.
    """
    if "no-store" in parse_cache_control(query.fields.get("cache-control")):
        return None
    host = query.fields.get("host") or ""
    if named_target(fields.get("content-location"), target, host) != target:
        return None
    examined = examine(
        Query("GET", query.selecting),
        200,
        reason,
        fields,
        request_time=request_time,
        response_time=response_time,
        negative_seconds={},
        behaviour=behaviour,
    )
    if not isinstance(examined, StoredResponse):
        return None
    freshness = examined.freshness
    return examined if freshness.is_explicit and freshness.is_usable(response_time) else None
