"""The process that keeps the workers of a node and does what is to be done once for all of them.

It binds the port, so that it is known and nobody else's, but listens on nothing that viewers reach:
the workers do, on sockets of their own that share the port (SO_REUSEPORT, socket(7)). It holds the
cache directory, follows the origin's log of purges, tells the origin that the node lives and serves
the admin port.
"""

import asyncio
import logging
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.admin import serving
from edge.control_client import ControlClient
from edge.disk import DirectoryLock
from edge.errors import WorkerFailed
from edge.heartbeat import Heartbeat, describe, edge_id
from edge.metrics import Metrics
from edge.node import Ports, running
from edge.node_admin import create_node_admin
from edge.place import Place
from edge.purges import PurgeLog
from edge.settings import EdgeSettings
from edge.worker import ENVIRONMENT, describe_worker
from streamer.processes import Child

_READY_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.05
_STOP_MARGIN_SECONDS = 5.0
# A worker that has been told twice holds no copy that it got from one not yet told.
_PURGE_ROUNDS = 2

_log = logging.getLogger(__name__)


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
        Conflict: Another edge uses the cache directory.
        OSError: A port cannot be bound.
        WorkerFailed: A worker could not begin.
    """
    metrics = Metrics(settings.region)
    async with AsyncExitStack() as stack:
        if settings.cache_dir is not None:
            stack.enter_context(await asyncio.to_thread(DirectoryLock, settings.cache_dir))
        identity = edge_id(settings.cache_dir)
        port = stack.enter_context(_held_port(settings.host, settings.port))
        workers = await stack.enter_async_context(
            _working(settings.model_copy(update={"port": port}), identity)
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
        purges = PurgeLog(settings.origin, workers.purge, metrics.counters, settings.purge_position)
        await workers.ready()
        works = [
            heartbeat.run(settings.heartbeat_seconds),
            purges.run(settings.purge_interval_seconds),
        ]
        await stack.enter_async_context(running(works))
        _log.info("edge %s serves on port %d with %d workers", settings.name, port, len(workers))
        if started is not None:
            started(Ports(port, admin_port))
        await stop.wait()


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker's process and the way to talk to it."""

    process: Child
    control: ControlClient

    async def is_ready(self) -> bool:
        """Whether viewers are let in."""
        return await self.control.get("/readyz") is not None


class Workers:
    """All workers of a node, by number."""

    def __init__(self, workers: list[Worker]) -> None:
        self._workers = workers

    def __len__(self) -> int:
        return len(self._workers)

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers)

    async def ready(self) -> None:
        """Return when all of them serve.

        Raises:
            WorkerFailed: One of them has ended instead, or does not begin.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_SECONDS):
                while not await self.are_ready():
                    self._check()
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                return
        raise WorkerFailed("the workers did not begin to serve in time")

    async def are_ready(self) -> bool:
        """Whether all of them let viewers in."""
        return all(await asyncio.gather(*(worker.is_ready() for worker in self._workers)))

    async def ask(self, path: str, query: Mapping[str, str] | None = None) -> list[Any | None]:
        """What each of them says; None for one that does not answer."""
        return await asyncio.gather(*(one.control.get(path, query) for one in self._workers))

    async def purge(self, item: dict[str, Any]) -> bool:
        """Make all of them obey one item of the log of purges; whether they have."""
        has_obeyed = True
        for _ in range(_PURGE_ROUNDS):
            said = await asyncio.gather(*(worker.control.purge(item) for worker in self._workers))
            has_obeyed &= all(said)
        return has_obeyed

    def signal(self, number: int) -> None:
        """Send all of them a signal."""
        for worker in self._workers:
            worker.process.signal(number)

    def _check(self) -> None:
        for number, worker in enumerate(self._workers):
            if worker.process.pid is None or worker.process.starts > 1:
                raise WorkerFailed(f"worker {number} ended as it began; its log says why")


@asynccontextmanager
async def _working(settings: EdgeSettings, identity: str) -> AsyncIterator[Workers]:
    """The workers, kept running; they finish what is in progress at the end."""
    count = worker_count(settings)
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(_private_directory())
        workers = []
        for number in range(count):
            place = Place(identity, number, count, directory)
            process = _process(settings, place)
            await stack.enter_async_context(process)
            control = ControlClient(place.control_socket(number))
            workers.append(Worker(process, await stack.enter_async_context(control)))
        try:
            with _passing_on_sighup(found := Workers(workers)):
                yield found
        finally:
            await asyncio.gather(*(worker.process.stop() for worker in workers))


def worker_count(settings: EdgeSettings) -> int:
    """How many workers the settings ask for."""
    return settings.workers or len(os.sched_getaffinity(0))


def _process(settings: EdgeSettings, place: Place) -> Child:
    level = logging.getLevelName(logging.getLogger().getEffectiveLevel())
    return Child(
        ["edge-worker", str(place.number)],
        environment={
            ENVIRONMENT: describe_worker(settings, place),
            "STREAMER_LOG_LEVEL": level.lower(),
        },
        stop_seconds=settings.drain_seconds + _STOP_MARGIN_SECONDS,
    )


@contextmanager
def _private_directory() -> Iterator[Path]:
    """A directory that only this user may enter, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="edge-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _passing_on_sighup(workers: Workers) -> Iterator[None]:
    """Tell the workers what tells this process to read its configuration anew."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, workers.signal, signal.SIGHUP)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


@contextmanager
def _held_port(host: str, port: int) -> Iterator[int]:
    """A port that the workers may listen on and nobody else.

    Raises:
        OSError: Somebody else listens on it.
    """
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
