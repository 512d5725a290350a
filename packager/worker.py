"""A packager worker: one process that takes jobs until it is told to stop."""

import asyncio
import logging
import os
import socket
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from uuid import uuid4

from dbos import DBOS, DBOSClient, DBOSConfig

from packager.chunk_runner import ChunkRunner
from packager.core.worker_id import WorkerId
from packager.outages import wait_for_outages
from packager.recovery import Recovery
from packager.settings import PackagerSettings
from packager.together import together
from packager.trial import try_tools
from packager.workflow import Workflows
from packager.workshop import Workshop
from streamer.core.errors import StreamerError, Unavailable
from streamer.shared.jobs import (
    APPLICATION,
    APPLICATION_VERSION,
    ARRIVING_QUEUE,
    QUEUE,
    jobs_url,
    prepare_jobs,
)
from streamer.shared.object_store import ObjectStore

_HEARTBEAT_SECONDS = 2.0
# A job waits this long at most before a free worker sees it.
_POLL_SECONDS = 0.2
_log = logging.getLogger("packager")


async def run_worker(settings: PackagerSettings, *, stop: asyncio.Event) -> None:
    """Package videos until `stop` is set.

    Work that is running then is given up at the chunk it has reached; a worker that starts later
    resumes it. Only one worker may run in a process.

    Raises:
        InvalidInput: A program or an encoder that the settings name does not work here.
        Unavailable: The database does not answer at the start. Work waits for the store.
    """
    logging.getLogger("dbos").setLevel(logging.CRITICAL)
    async with AsyncExitStack() as stack:
        workshop = await Workshop.open(settings, stack)
        await try_tools(workshop.ffmpeg, settings.encoder)
        await _try_store(workshop.store)
        worker_id = WorkerId(socket.gethostname(), os.getpid(), uuid4().hex[:8])
        workflows = Workflows(workshop, str(worker_id))
        await _launch(settings, workflows, worker_id)
        stack.push_async_callback(asyncio.to_thread, DBOS.destroy, destroy_registry=True)
        stack.push_async_callback(workflows.close)
        runner = ChunkRunner(workshop, str(worker_id))
        working = asyncio.create_task(together([_beat(workshop, worker_id), runner.run()]))
        stopping = asyncio.create_task(stop.wait())
        try:
            _log.info("worker %s is ready", worker_id)
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.wait((working, stopping))
        if not working.cancelled():
            working.result()


async def _try_store(store: ObjectStore) -> None:
    try:
        await store.check()
    except Unavailable as error:
        _log.warning("work waits for the store: %s", error)


async def _launch(settings: PackagerSettings, workflows: Workflows, worker_id: WorkerId) -> None:
    url = jobs_url(settings.shared)
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": url,
        "application_version": APPLICATION_VERSION,
        "executor_id": str(worker_id),
        "log_level": "CRITICAL",
    }
    await asyncio.to_thread(prepare_jobs, url)
    await _register_queues(url, settings.videos)
    dbos = DBOS(config=config)
    workflows.register()
    DBOS.launch()
    wait_for_outages(dbos._sys_db.engine)  # noqa: SLF001


async def _register_queues(url: str, videos: int) -> None:
    """Make the queues known: those that DBOS finds at its launch are served from then on."""
    client = DBOSClient(system_database_url=url, application_name=APPLICATION)
    try:
        for queue in (QUEUE, ARRIVING_QUEUE):
            await client.register_queue_async(
                queue, worker_concurrency=videos, polling_interval_sec=_POLL_SECONDS
            )
    finally:
        await asyncio.to_thread(client.destroy)


async def _beat(workshop: Workshop, worker_id: WorkerId) -> None:
    """Say that this worker lives, and take over from those that do not, until cancelled."""
    recovery = Recovery(workshop.catalog, worker_id, most_tries=workshop.settings.tries)
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        with suppress(StreamerError):
            await workshop.catalog.worker_heartbeat(str(worker_id), now=datetime.now(UTC))
            await recovery.take_over()
        due = max(due + _HEARTBEAT_SECONDS, clock())
        await asyncio.sleep(due - clock())
