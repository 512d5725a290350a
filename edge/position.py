"""How far this process has obeyed the log of purges, and saying so to whom it asks.

A cache that has obeyed a purge must not get back what it forgot from another that has not obeyed
yet. So it tells other caches with each request how far it is; one that is behind obeys first
(`edge.purges`), or leaves the request to others.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from edge.core.fields import Fields
from edge.upstream import Source, UpstreamFailure, UpstreamResponse

BEHIND = "purges-behind"
"""The detail of answers that leave a request to others."""

_FIELD = "streamer-purges"
_MAX_DIGITS = 18


@dataclass(slots=True)
class Position:
    """A place in the log, by the ids of purges.

    Attributes:
        obeyed: What is stored reflects the log up to here; None: how far is not known yet.
        begun: What is fetched from now on has to reflect it up to here.
    """

    obeyed: int | None = None
    begun: int = 0

    @classmethod
    def after(cls, purge_id: int | None) -> "Position":
        """The place behind the purge that was obeyed last; None: none is known."""
        return cls(purge_id, purge_id or 0)


class Telling:
    """A cache that is asked, and told how far this one has obeyed the log.

    Args:
        source: It.
        position: How far that is.
    """

    def __init__(self, source: Source, position: Position) -> None:
        self._source = source
        self._position = position

    async def ask(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None = None
    ) -> UpstreamResponse | UpstreamFailure:
        """Send a request and wait for the head of its answer. Redirects are answers."""
        told = untold(fields).plus((_FIELD, str(self._position.begun)))
        return await self._source.ask(method, target, told, body)


def untold(fields: Fields) -> Fields:
    """A request's fields without what they tell."""
    return fields.without({_FIELD})


def told_by(fields: Fields) -> int:
    """The purge up to which an answer has to reflect the log; 0: nobody has said."""
    value = fields.get(_FIELD) or ""
    is_number = value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
    return int(value) if is_number else 0
