"""Taking over the jobs of workers that died."""

import asyncio
import os
from datetime import datetime

from dbos import DBOS

from packager.core.worker_id import WorkerId
from streamer.shared.catalog import Catalog


async def take_over(
    catalog: Catalog, own_id: WorkerId, *, silent_seconds: float, most_tries: int, now: datetime
) -> None:
    """Give the unfinished jobs and chunks of dead workers to others.

    A worker is dead when it was silent for long, or at once when it ran on this host and its
    process is gone.

    Raises:
        Unavailable: The catalog does not answer.
    """
    silent = await catalog.dead_workers(now=now, silent_seconds=silent_seconds)
    known = await catalog.dead_workers(now=now, silent_seconds=0)
    for text in {*silent, *filter(lambda text: _is_gone(text, own_id), known)} - {str(own_id)}:
        # Whoever resumes its jobs must know of its death.
        await catalog.count_death(text)
        await asyncio.to_thread(_requeue, text)
        await catalog.release_chunks(
            text, reason="the worker that encoded it died", most_tries=most_tries
        )
        await catalog.forget_worker(text)


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
