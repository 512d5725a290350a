"""Messages between the workers of one node, which is one cache to everybody else.

The worker that owns a key answers another worker as the node would answer a viewer. That worker
takes the node's own traces out of the answer again: it is going to leave them itself, once.
"""

import re
from dataclasses import dataclass

from edge.core.fields import Fields
from streamer.core.cache_status import CacheStatus, Forward

_GATEWAY_ERRORS = frozenset({502, 504})
_CONDITIONS = ("if-none-match", "if-modified-since")
_BEHAVIOURS = "streamer-behaviours"

OTHER_BEHAVIOURS = "other-behaviours"
"""The detail of answers that leave a request to others."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the owner of a key answered.

    `fields` is the header section as it came to this node, `status` what the owner did for it.
    """

    fields: Fields
    status: CacheStatus

    def failure(self, status: int) -> str | None:
        """Why the owner, which answered with this status, got no answer; None: it did, or had."""
        has_answer = self.status.forward is None or self.status.forward_status is not None
        return self.status.detail if status in _GATEWAY_ERRORS and not has_answer else None


def inner_fields(fields: Fields, behaviours: str) -> Fields:
    """The request fields for the owner of a key.

    A worker asks about its copy when that is stale, or when a viewer demands it: a stale one of
    the owner's is no better (RFC 9111 §5.2.1.3).

    Args:
        fields: Those for whoever is asked.
        behaviours: The digest of those that the worker goes by.
    """
    fields = untold(fields).plus((_BEHAVIOURS, behaviours))
    is_conditional = any(name in fields.combined for name in _CONDITIONS)
    return fields.plus(("cache-control", "min-fresh=0")) if is_conditional else fields


def outer_fields(fields: Fields) -> Fields:
    """The same for somebody else, who is not told what a viewer demands of this cache."""
    return fields.without({"cache-control", "pragma"})


def untold(fields: Fields) -> Fields:
    """The same without what only the owner of a key is told."""
    return fields.without({_BEHAVIOURS})


def told_behaviours(fields: Fields) -> str | None:
    """The digest of the behaviours that the worker which sent a request goes by."""
    return fields.get(_BEHAVIOURS)


def read_told(fields: Fields, name: str, via: str) -> Told | None:
    """What an answer of the worker that owns a key tells; None if no worker answered.

    Args:
        fields: The answer's header section.
        name: The node's name in `Cache-Status`, where its member is the last one.
        via: The node in `Via`, likewise.
    """
    listed, _, member = (fields.get("cache-status") or "").rpartition(", ")
    status = read_member(member, name)
    if status is None:
        return None
    through = (fields.get("via") or "").removesuffix(via).rstrip(", ")
    kept = fields.without({"cache-status", "via"})
    items = (("cache-status", listed), ("via", through))
    return Told(kept.plus(*((name, value) for name, value in items if value)), status)


def read_member(member: str, name: str) -> CacheStatus | None:
    """A member of `Cache-Status` as `render` writes it; None if it is not that of cache `name`."""
    cache, *parameters = member.split("; ")
    if cache != name:
        return None
    values = dict(parameter.partition("=")[::2] for parameter in parameters)
    status, ttl = values.get("fwd-status"), values.get("ttl")
    return CacheStatus(
        name,
        Forward(values["fwd"]) if "fwd" in values else None,
        forward_status=None if status is None else int(status),
        ttl_seconds=None if ttl is None else int(ttl),
        stored="stored" in values,
        collapsed="collapsed" in values,
        key=_text(values["key"]) if "key" in values else None,
        detail=values.get("detail"),
    )


def _text(string: str) -> str:
    """The text of a structured string (RFC 9651 §4.2.5)."""
    return re.sub(r"\\(.)", r"\1", string[1:-1])
