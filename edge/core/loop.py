"""Requests that came through other nodes: the `CDN-Loop` field (RFC 8586)."""

from edge.core.fields import Fields

_FIELD = "cdn-loop"
_MEMBER = "streamer;node="


def marked(fields: Fields, node: str) -> Fields:
    """The fields with this node added to `CDN-Loop`; `node` is a token."""
    through = fields.get(_FIELD)
    member = _MEMBER + node
    value = f"{through}, {member}" if through else member
    return fields.without({_FIELD}).plus((_FIELD, value))


def passed_nodes(fields: Fields) -> frozenset[str]:
    """The nodes of this system that a request came through."""
    members = (fields.get(_FIELD) or "").split(",")
    found = (member.strip(" \t").partition(_MEMBER) for member in members)
    return frozenset(node for before, _, node in found if node and not before)
