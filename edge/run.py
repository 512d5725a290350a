"""Running an edge node: in this process, or with several workers."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from edge.access_log import check_writable
from edge.node import Node, Ports
from edge.settings import EdgeSettings
from edge.supervisor import supervise
from edge.workers import worker_count


async def run_edge(
    settings: EdgeSettings,
    *,
    stop: asyncio.Event,
    started: Callable[[Ports], None] | None = None,
) -> None:
    """Serve until `stop` is set, then finish the answers in progress.

    Args:
        settings: How to serve.
        stop: Ends the node.
        started: Told the bound ports once viewers are accepted.

    Raises:
        BadBehaviours: The file of behaviours cannot be used.
        BadCertificate: A certificate or its key cannot be used.
        Conflict: Another edge uses the cache directory.
        OSError: A port cannot be bound, or the access log not be written.
        WorkerFailed: A worker could not begin.
    """
    if settings.access_log is not None:
        await asyncio.to_thread(check_writable, settings.access_log)
    if worker_count(settings) > 1:
        await supervise(settings, stop=stop, started=started)
        return
    async with AsyncExitStack() as stack:
        node = await Node.open(settings, stack)
        ports = await node.serve(stack)
        if started is not None:
            started(ports)
        await stop.wait()
        await node.listener.close(settings.drain_seconds)
