"""The processes of a node's workers and what is said to all of them."""

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.control_client import ControlClient
from edge.errors import WorkerFailed
from edge.in_force import InForce
from edge.place import Place
from edge.settings import EdgeSettings
from edge.worker import describe_worker
from streamer.processes import Child

_READY_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.05
_STOP_MARGIN_SECONDS = 5.0
# A worker that has been told twice holds no copy that it got from one not yet told.
_PURGE_ROUNDS = 2

_log = logging.getLogger(__name__)


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

    async def take_in(self, files: Mapping[str, str]) -> None:
        """Have all of them go by what files say now; one that just begins, as soon as it can."""
        await asyncio.gather(*(self._have_taken_in(worker, files) for worker in self._workers))

    async def _have_taken_in(self, worker: Worker, files: Mapping[str, str]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_SECONDS):
                while True:
                    if await worker.control.take_in(files):
                        return
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        _log.warning("a worker does not answer: it is not known to go by the files as they are")

    def _check(self) -> None:
        for number, worker in enumerate(self._workers):
            if worker.process.pid is None or worker.process.starts > 1:
                raise WorkerFailed(f"worker {number} ended as it began; its log says why")


@asynccontextmanager
async def working(settings: EdgeSettings, identity: str, files: InForce) -> AsyncIterator[Workers]:
    """The workers, kept running; they finish what is in progress at the end.

    Args:
        settings: How the node serves.
        identity: Its id.
        files: What each of them is told at its start of the files that the settings name.
    """
    count = worker_count(settings)
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(_private_directory())
        workers = []
        for number in range(count):
            place = Place(identity, number, count, directory)
            process = _process(settings, place, files)
            await stack.enter_async_context(process)
            control = ControlClient(place.control_socket(number))
            workers.append(Worker(process, await stack.enter_async_context(control)))
        found = Workers(workers)
        try:
            yield found
        finally:
            await asyncio.gather(*(worker.process.stop() for worker in workers))


def worker_count(settings: EdgeSettings) -> int:
    """How many workers the settings ask for."""
    return settings.workers or len(os.sched_getaffinity(0))


def _process(settings: EdgeSettings, place: Place, files: InForce) -> Child:
    level = logging.getLevelName(logging.getLogger().getEffectiveLevel())
    return Child(
        ["edge-worker", str(place.number)],
        environment={
            **os.environ,
            "STREAMER_LOG_LEVEL": level.lower(),
        },
        stop_seconds=settings.drain_seconds + _STOP_MARGIN_SECONDS,
        told=lambda: describe_worker(settings, place, files.told()),
    )


@contextmanager
def _private_directory() -> Iterator[Path]:
    """A directory that only this user may enter, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="edge-", ignore_cleanup_errors=True) as name:
        yield Path(name)
