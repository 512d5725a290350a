"""The process that keeps the workers of a node and does what is to be done once for all of them.

It binds the port, so that it is known and nobody else's, but listens on nothing that viewers reach:
the workers do, on sockets of their own that share the port (SO_REUSEPORT, socket(7)). It holds the
cache directory, follows the origin's log of purges, reads the files again that SIGHUP is about,
tells the origin that the node lives and serves the admin port.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

from edge.admin import serving
from edge.disk import DirectoryLock
from edge.hangup import hangups
from edge.heartbeat import Heartbeat, describe, edge_id
from edge.in_force import InForce, follow
from edge.listener import binding
from edge.metrics import Metrics
from edge.node import Ports, running
from edge.node_admin import create_node_admin
from edge.purges import PurgeLog, read_position
from edge.settings import EdgeSettings
from edge.workers import Workers, working


async def supervise(
    settings: EdgeSettings,
    *,
    stop: asyncio.Event,
    started: Callable[[Ports], None] | None = None,
) -> None:
    """Serve with several workers until `stop` is set, then let them finish.

    Args:
        settings: How the node serves.
        stop: Ends the node.
        started: Told the bound ports once all workers accept viewers.

    Raises:
        BadBehaviours: The file of behaviours cannot be used.
        BadCertificate: A certificate or its key cannot be used.
        Conflict: Another edge uses the cache directory.
        OSError: A port cannot be bound.
        WorkerFailed: A worker could not begin.
    """
    metrics = Metrics(settings.region)
    async with AsyncExitStack() as stack:
        hangup = stack.enter_context(hangups())  # one that comes while workers begin is not lost
        files = await asyncio.to_thread(InForce, settings, metrics.counters)
        if settings.cache_dir is not None:
            stack.enter_context(await asyncio.to_thread(DirectoryLock, settings.cache_dir))
        identity = edge_id(settings.cache_dir)
        port = stack.enter_context(_held_port(settings.host, settings.port))
        workers = await stack.enter_async_context(
            working(settings.model_copy(update={"port": port}), identity, files)
        )
        admin = create_node_admin(workers, metrics)
        admin_port = await stack.enter_async_context(
            serving(admin, settings.admin_host, settings.admin_port)
        )
        heartbeat = Heartbeat(
            settings.origin,
            settings.api_token.get_secret_value(),
            metrics.counters,
            lambda: describe(settings, identity, port),
        )
        purges = await stack.enter_async_context(
            PurgeLog(
                settings.origin,
                workers.purge,
                metrics.counters,
                await asyncio.to_thread(read_position, settings.purge_position),
                settings.purge_position,
                settings.purge_interval_seconds,
            )
        )
        if not await _are_ready(workers, stop):
            return
        works = [
            heartbeat.run(settings.heartbeat_seconds),
            purges.run(),
            follow(files, hangup, lambda: workers.take_in(files.told())),
        ]
        await stack.enter_async_context(running(works))
        if started is not None:
            started(Ports(port, admin_port))
        await stop.wait()


async def _are_ready(workers: Workers, stop: asyncio.Event) -> bool:
    """Wait until all workers serve, which is true, or `stop` is set.

    Raises:
        WorkerFailed: A worker could not begin.
    """
    beginning = asyncio.create_task(workers.ready())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((beginning, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        beginning.cancel()
        stopping.cancel()
        await asyncio.wait((beginning, stopping))
    if beginning.cancelled():
        return False
    beginning.result()
    return True


@contextmanager
def _held_port(host: str, port: int) -> Iterator[int]:
    """A port that the workers may listen on and nobody else.

    Raises:
        OSError: Somebody else listens on it.
    """
    with binding(host, port):
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # Another node of this user would share its port with us.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    with socket.socket(family, kind, protocol) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(address)
        yield int(held.getsockname()[1])
