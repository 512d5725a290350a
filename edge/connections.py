"""The connections of a node: how many there may be, of whom, and when they are over."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge.core.addresses import Networks, is_within, network_of
from edge.core.head import Refusal
from edge.metrics import Counters

if TYPE_CHECKING:
    from edge.http import Connection


class Connections:
    """The open connections of one node.

    Args:
        counters: Where they are counted.
        limit: How many there may be.
        limit_per_address: How many of them may come from one address.
        proxies: Whose connections are those of many viewers: only `limit` bounds them.
    """

    def __init__(
        self,
        counters: Counters,
        limit: int,
        limit_per_address: int,
        proxies: Networks = (),
    ) -> None:
        self._counters = counters
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._proxies = proxies
        self._open: set[Connection] = set()
        self._by_network: dict[str, int] = {}
        self._gone = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator["Connection"]:
        return iter(tuple(self._open))

    def add(self, connection: "Connection", address: str) -> Refusal | None:
        """Take a connection in; returns why not. An empty address is one of this machine's own."""
        if len(self._open) >= self._limit:
            self._counters.connections_refused += 1
            return Refusal(503, "too many connections")
        network = network_of(address)
        count = self._by_network.get(network, 0)
        is_full = count >= self._limit_per_address and not is_within(address, self._proxies)
        if address and is_full:
            self._counters.connections_refused += 1
            return Refusal(429, "too many connections from this address")
        self._counters.connections += 1
        self._by_network[network] = count + 1
        self._open.add(connection)
        return None

    def remove(self, connection: "Connection", address: str) -> None:
        """Forget a connection that is over, or that was never taken in."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        network = network_of(address)
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]
        self._gone.set()

    async def over(self, grace_seconds: float) -> None:
        """Return when all connections are over, or after `grace_seconds`."""
        try:
            async with asyncio.timeout(grace_seconds):
                while self._open:
                    self._gone.clear()
                    await self._gone.wait()
        except TimeoutError:
            return
