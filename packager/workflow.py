"""The durable workflow behind a job: one video, from its source to `ready` or `failed`."""

import asyncio
import logging

from dbos import DBOS
from dbos import error as dbos_error

from packager.attempts import Attempts
from packager.core.report import explain_failure
from packager.ffmpeg import FfmpegError
from packager.packaging import Packaging
from packager.patience import outlast
from packager.workshop import Workshop, clear_if_deleted
from streamer.core.errors import NotFound, SourceRejected, StreamerError
from streamer.shared.jobs import WORKFLOW

_log = logging.getLogger("packager")

# The job was cancelled: seen before a step, or by a step that wanted to record its result.
_LOST = (dbos_error.DBOSWorkflowCancelledError, dbos_error.DBOSWorkflowConflictIDError)


class Workflows:
    """The workflows that this process runs, as the worker of this id."""

    def __init__(self, workshop: Workshop, worker_id: str) -> None:
        self._workshop = workshop
        self._worker_id = worker_id
        self._tasks: set[asyncio.Task[object]] = set()
        self._is_open = True

    def register(self) -> None:
        """Make the workflow known to DBOS."""

        # Deaths are counted by task. Deploys are not, so there may be any number of resumptions.
        @DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)
        async def package_video(video_id: str, version: int) -> None:
            await self._run(video_id, version)

    async def close(self) -> None:
        """End what is running, processes included; DBOS still holds it to be resumed."""
        self._is_open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, video_id: str, version: int) -> None:
        # A cancelled task leaves the workflow pending: the next worker resumes it.
        if not self._is_open:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await self._package(video_id, version)
        except _LOST:
            await clear_if_deleted(self._workshop, video_id)
            raise

    async def _package(self, video_id: str, version: int) -> None:
        try:
            async with self._workshop.sources.open(video_id) as source:
                attempts = Attempts(self._workshop, self._worker_id, video_id, version, source.data)
                await Packaging(self._workshop, video_id, version, source, attempts).run()
        except (SourceRejected, NotFound) as error:
            await self._fail(video_id, version, error.code, error.detail)
        except FfmpegError as error:
            _log.warning("video %s: ffmpeg failed: %s", video_id, error.report)
            reason = explain_failure(error.report)
            await self._fail(video_id, version, reason.code, reason.detail)
        except StreamerError as error:
            _log.warning("video %s cannot be packaged: %s", video_id, error)
            await self._fail(video_id, version, error.code, error.detail)
        except Exception:
            _log.exception("video %s cannot be packaged", video_id)
            await self._fail(video_id, version, "internal", "The video could not be packaged.")

    async def _fail(self, video_id: str, version: int, code: str, message: str) -> None:
        """Have the version fail, unless it is made or given up, or its video deleted."""
        catalog = self._workshop.catalog
        await outlast(lambda: catalog.fail(video_id, code=code, message=message, version=version))
        await outlast(lambda: catalog.end_version(video_id, version))
        await outlast(lambda: clear_if_deleted(self._workshop, video_id))
