"""What a purge means for stored objects."""

from dataclasses import replace

from edge.core.key import path_of
from edge.core.policy import StoredResponse
from streamer.core.paths import normal_path
from streamer.core.purge import WILDCARD, Kind, Order, spellings

Range = tuple[bytes, bytes]
PathRange = tuple[str, str]
_AFTER_ALL = "\u0100"  # normal paths are decoded as Latin-1


def key_ranges(order: Order) -> tuple[Range, ...]:
    """Where, in the order of their bytes, the keys are that a purge of a path may cover.

    Each range is the first key and the one after the last. Keys are ASCII, and after a path comes
    its end, a query or a scope (`edge.core.key`). Other spellings of a path may be elsewhere as
    well (`path_ranges`).
    """
    if order.kind is Kind.TAG:
        return ()
    named = {text.encode("ascii") for text in spellings(order.value) if text.isascii()}
    if order.value.endswith(WILDCARD):
        return tuple((path, path + b"\xff") for path in named)
    return tuple(
        (path + first, path + end)
        for path in named
        for first, end in ((b"", b"\0"), (b" ", b"!"), (b"?", b"@"))
    )


def path_ranges(order: Order) -> tuple[PathRange, ...]:
    """Where, in the order of normal paths, those are that a purge of a path covers."""
    if order.kind is Kind.TAG:
        return ()
    _, path = spellings(order.value)
    return ((path, path + (_AFTER_ALL if order.value.endswith(WILDCARD) else "\0")),)


def respelled(key: bytes) -> str | None:
    """The normal path of a key that spells it otherwise."""
    path = path_of(key)
    normal = normal_path(path)
    return None if normal == path else normal


def softened(response: StoredResponse, now: float) -> StoredResponse:
    """A response that is stale from now on, if it was not before."""
    freshness = response.freshness
    lifetime_seconds = min(freshness.lifetime_seconds, now - freshness.born_at)
    return replace(response, freshness=replace(freshness, lifetime_seconds=lifetime_seconds))
