"""What is on its way into the cache here, and must not get there once its key is forgotten."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from edge.core.key import path_of
from edge.core.policy import StoredResponse
from edge.rules import Rules
from streamer.core.purge import Kind, Order, parse_tags


class Arrival(Protocol):
    """Something that may be stored when all of it has come.

    Attributes:
        is_void: What it is stored for was forgotten meanwhile.
    """

    is_void: bool

    @property
    def key(self) -> bytes:
        """What it is to be stored for."""
        ...

    @property
    def tags(self) -> frozenset[str] | None:
        """What its object may be purged by; None while the answer's head is still to come."""
        ...


@dataclass(eq=False, slots=True)
class Left:
    """What the answer to a passed request leaves in the cache.

    `response` is None while the answer's head is still to come, and where it leaves nothing.
    """

    key: bytes
    response: StoredResponse | None = None
    is_void: bool = False

    @property
    def tags(self) -> frozenset[str] | None:
        """What its object may be purged by; None while the answer's head is still to come."""
        return None if self.response is None else parse_tags(self.response.fields.combined)


class Arriving:
    """All that is on its way.

    Args:
        rules: What is stored.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._arrivals: set[Arrival] = set()

    def add(self, arrival: Arrival) -> None:
        """Watch over something from now on; it is void at once if nothing is stored for its key."""
        if not self._rules.stores(arrival.key):  # it was before a reload
            arrival.is_void = True
        self._arrivals.add(arrival)

    def discard(self, arrival: Arrival) -> None:
        """Something has arrived, or never will."""
        self._arrivals.discard(arrival)

    @contextmanager
    def leaving(self, key: bytes) -> Iterator[Left]:
        """What a request for a key, passed in this context, is going to leave."""
        left = Left(key)
        self.add(left)
        try:
            yield left
        finally:
            self.discard(left)

    def invalidate(self, key: bytes, spared: Arrival | None = None) -> None:
        """Keep what is on its way for a key from being stored or shared any further.

        What the request that changed the object itself leaves is spared.
        """
        self.void(lambda other: other == key or other.startswith(key + b" "), spared)

    def void(self, covers: Callable[[bytes], bool], spared: Arrival | None = None) -> None:
        """Do the same for all keys that are covered."""
        for arrival in self._arrivals:
            if arrival is not spared and covers(arrival.key):
                arrival.is_void = True

    def purge(self, order: Order) -> None:
        """Do the same for what a purge covers, or may cover: an answer to come has unknown tags."""
        for arrival in self._arrivals:
            tags = arrival.tags
            if tags is None and order.kind is Kind.TAG:
                tags = frozenset({order.value})
            if order.covers(path_of(arrival.key), tags or frozenset()):
                arrival.is_void = True
