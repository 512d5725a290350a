"""Taking over the jobs of workers that died."""

import asyncio
import os
from time import monotonic

from dbos import DBOS

from packager.core.failure_detector import FailureDetector
from packager.core.worker_id import WorkerId
from streamer.shared.catalog import Catalog

_SILENT_SECONDS = 6.0


class Recovery:
    """Finds dead workers, and gives what they had to others.

    A worker is dead when it was silent for long, or at once when it ran on this host and its
    process is gone. Those of newer releases are left to their own: nobody else can go on with
    what they had.

    Args:
        catalog: Knows the workers.
        own_id: The worker that looks.
        most_tries: How often a chunk is tried before it has failed.
    """

    def __init__(self, catalog: Catalog, own_id: WorkerId, *, most_tries: int) -> None:
        self._catalog = catalog
        self._own_id = own_id
        self._most_tries = most_tries
        self._detector = FailureDetector(_SILENT_SECONDS)

    async def take_over(self) -> None:
        """Give the unfinished jobs and chunks of dead workers to others; call it at each heartbeat.

        Raises:
            Unavailable: The catalog does not answer.
        """
        heartbeats = await self._catalog.worker_heartbeats(but_newer=True)
        silent = self._detector.dead(heartbeats, now=monotonic())
        gone = {text for text in heartbeats if _is_gone(text, self._own_id)}
        for text in (silent | gone) - {str(self._own_id)}:
            await self._bury(text)

    async def _bury(self, worker_id: str) -> None:
        # Whoever resumes its jobs must know of its death.
        await self._catalog.count_death(worker_id)
        await asyncio.to_thread(_requeue, worker_id)
        await self._catalog.release_chunks(
            worker_id, reason="the worker that encoded it died", most_tries=self._most_tries
        )
        await self._catalog.forget_worker(worker_id)


def _is_gone(text: str, own_id: WorkerId) -> bool:
    worker = WorkerId.parse(text)
    if worker is None or worker.host != own_id.host:
        return False
    if worker.pid == own_id.pid:
        # A container's first process has the same number again after a restart.
        return worker != own_id
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _requeue(worker_id: str) -> None:
    # Without its Conductor, DBOS leaves it to the application to name the dead.
    DBOS._recover_pending_workflows([worker_id])  # noqa: SLF001
