"""What all connections of a listener share."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from edge.access_log import AccessLog
from edge.clock import Clock
from edge.connections import Connections
from edge.core.head import FieldBlock
from edge.entry import Entry
from edge.metrics import Metrics
from edge.request import Request
from edge.response import Response
from edge.rules import Rules


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a connection may take, in seconds.

    `head` for a request head, `idle` between requests, `write` for taking what was sent, `body`
    between two pieces of a request's body.
    """

    head: float = 15.0
    idle: float = 75.0
    write: float = 30.0
    body: float = 60.0


@dataclass(frozen=True, slots=True)
class Site:
    """What all connections of a listener share.

    `handle` answers a request that is no plain hit. `on_fetch` is told when a viewer fetched an
    entry that the prefetcher has asked to hear of. `rules` name objects.
    """

    entries: Mapping[bytes, list[Entry]]
    clock: Clock
    metrics: Metrics
    timeouts: Timeouts
    handle: Callable[[Request, Response], Awaitable[str]]
    on_fetch: Callable[[Entry, FieldBlock], None]
    access_log: AccessLog | None
    connections: Connections
    rules: Rules
