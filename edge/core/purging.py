"""What a purge means for stored objects."""

from dataclasses import replace

from edge.core.policy import StoredResponse
from streamer.core.purge import WILDCARD, Kind, Order

Range = tuple[bytes, bytes]


def key_ranges(order: Order) -> tuple[Range, ...]:
    """Where, in the order of their bytes, the keys are that a purge of a path may cover.

    Each range is the first key and the one after the last. Keys are ASCII, and after a path comes
    its end, a query or a scope (`edge.core.key`).
    """
    if order.kind is Kind.TAG:
        return ()
    path = order.value.encode("ascii")
    if order.value.endswith(WILDCARD):
        return ((path[:-1], path[:-1] + b"\xff"),)
    return ((path, path + b"\0"), (path + b" ", path + b"!"), (path + b"?", path + b"@"))


def softened(response: StoredResponse, now: float) -> StoredResponse:
    """A response that is stale from now on, if it was not before."""
    freshness = response.freshness
    lifetime_seconds = min(freshness.lifetime_seconds, now - freshness.born_at)
    return replace(response, freshness=replace(freshness, lifetime_seconds=lifetime_seconds))
