"""The sockets viewers connect to, and the sweep that ends connections past their deadline."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.clock import Clock
from edge.connections import Connections

_BACKLOG = 4096
# Autotuning starts small and costs a third of the throughput of large bodies.
_SEND_BUFFER_BYTES = 256 * 1024
_SWEEP_SECONDS = 1.0

Connect = Callable[[], asyncio.Protocol]


class Listener:
    """Accepts viewers on one socket or more.

    Args:
        connections: Where connections keep themselves.
        clock: The present.

    Attributes:
        port: That of the first socket opened.
    """

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self._connections = connections
        self._clock = clock
        self._servers: list[asyncio.Server] = []
        self.port = 0

    @property
    def is_accepting(self) -> bool:
        """Whether new viewers are let in."""
        return bool(self._servers) and all(server.is_serving() for server in self._servers)

    async def open(
        self, host: str, port: int, connect: Connect, *, reuse_port: bool = False
    ) -> int:
        """Bind and accept; returns the port.

        Args:
            host: The address to bind.
            port: The port; 0 chooses one.
            connect: Makes the protocol of a new connection.
            reuse_port: Whether other processes may listen on the same port.

        Raises:
            OSError: The address cannot be bound.
        """
        with binding(host, port):
            bound = _bind(host, port, reuse_port=reuse_port)
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(connect, sock=bound, backlog=_BACKLOG))
        bound_port = int(bound.getsockname()[1])
        self.port = self.port or bound_port
        return bound_port

    async def open_unix(self, path: Path, connect: Connect) -> None:
        """Accept on a Unix socket.

        Raises:
            OSError: The path cannot be bound.
        """
        loop = asyncio.get_running_loop()
        self._servers.append(
            await loop.create_unix_server(connect, path=str(path), backlog=_BACKLOG)
        )

    async def sweep(self) -> None:
        """End connections past their deadline, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = self._clock.now
            for connection in self._connections:
                connection.note_untaken()
                if connection.deadline < now:
                    connection.expire()

    async def close(self, grace_seconds: float) -> None:
        """Accept no more; answers in progress get `grace_seconds` to finish."""
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.drain()
        await self._connections.over(grace_seconds)
        for connection in self._connections:
            connection.abort()


@contextmanager
def binding(host: str, port: int) -> Iterator[None]:
    """Around what binds an address: an OSError says which one."""
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        reason = os.strerror(code) if code > 0 else error.strerror  # a name's have their own
        raise OSError(code, f"cannot listen on {host} port {port}: {reason}") from error


def _bind(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
