"""The socket viewers connect to, and the sweep that ends connections past their deadline."""

import asyncio
import socket
from collections.abc import Callable

from edge.clock import Clock
from edge.http import Connection

_BACKLOG = 4096
# Autotuning starts small and costs a third of the throughput of large bodies.
_SEND_BUFFER_BYTES = 256 * 1024
_SWEEP_SECONDS = 1.0


class Listener:
    """Accepts viewers.

    Args:
        connect: Makes the protocol of a new connection.
        connections: Where connections keep themselves.
        clock: The present.
    """

    def __init__(
        self, connect: Callable[[], Connection], connections: set[Connection], clock: Clock
    ) -> None:
        self._connect = connect
        self._connections = connections
        self._clock = clock
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def is_accepting(self) -> bool:
        """Whether new viewers are let in."""
        return self._server is not None and self._server.is_serving()

    async def open(self, host: str, port: int) -> None:
        """Bind and accept.

        Raises:
            OSError: The address cannot be bound.
        """
        bound = _bind(host, port)
        self.port = bound.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, sock=bound, backlog=_BACKLOG)

    async def sweep(self) -> None:
        """End connections past their deadline, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = self._clock.now
            for connection in [c for c in self._connections if c.deadline < now]:
                connection.expire()

    async def close(self, grace_seconds: float) -> None:
        """Accept no more; answers in progress get `grace_seconds` to finish."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.drain()
        closing = [connection.closed for connection in self._connections]
        if closing and grace_seconds > 0:
            await asyncio.wait(closing, timeout=grace_seconds)
        for connection in list(self._connections):
            connection.abort()


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
