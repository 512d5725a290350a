"""What all connections of a listener share."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from edge.access_log import AccessLog
from edge.clock import Clock
from edge.connections import Connections
from edge.core.addresses import Networks
from edge.core.head import FieldBlock
from edge.entry import Entry
from edge.metrics import Metrics
from edge.request import Request
from edge.response import Response
from edge.rules import Rules


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a connection may take, in seconds.

    `head` for a request head with the handshake before it, `idle` between requests. How much of
    what was sent is taken is looked at every `write`, how much of a request's body came every
    `body`.
    """

    head: float = 15.0
    idle: float = 75.0
    write: float = 30.0
    body: float = 60.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a viewer may ask for: the largest request body, the least pace in both directions."""

    request_body_bytes: int = 50 * 1024**3
    read_bytes_per_second: int = 1024
    write_bytes_per_second: int = 1024


@dataclass(frozen=True, slots=True)
class Site:
    """What all connections of a listener share.

    `handle` answers a request that is no plain hit, and notes its result. `on_fetch` is told when a
    viewer fetched an entry that the prefetcher has asked to hear of, and by which scheme. `rules`
    name objects. What `trusted_proxies` say of how their viewers came is believed.
    """

    entries: Mapping[bytes, list[Entry]]
    clock: Clock
    metrics: Metrics
    timeouts: Timeouts
    bounds: Bounds
    handle: Callable[[Request, Response], Awaitable[None]]
    on_fetch: Callable[[Entry, FieldBlock, str], None]
    access_log: AccessLog | None
    connections: Connections
    rules: Rules
    trusted_proxies: Networks
