"""What a version's own workflow does, bounded in how many workers may die of it."""

import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from packager.ffmpeg import FfmpegInterruptedError
from packager.source_bytes import SourceBytes
from packager.workshop import Workshop
from streamer.core.errors import SourceRejected, StreamerError

_P = ParamSpec("_P")
_T = TypeVar("_T")
_log = logging.getLogger("packager")


class EndsWorkersError(SourceRejected):
    """As many workers died of it as may."""

    default_code = "encode_failed"


class Attempts:
    """One worker's attempts at the tasks of one version.

    A version of which workers died is a suspect: its tasks begin when all of the source is there,
    one at a time, and never beside another suspect's. So no version loses two attempts to another.

    Args:
        workshop: What to work with.
        worker_id: Whose attempts they are.
        video_id: The video.
        version: Its version.
        data: Its source.
    """

    def __init__(
        self, workshop: Workshop, worker_id: str, video_id: str, version: int, data: SourceBytes
    ) -> None:
        self._workshop = workshop
        self._worker_id = worker_id
        self._video_id = video_id
        self._version = version
        self._data = data

    def at(
        self, task: str, work: Callable[_P, Coroutine[Any, Any, _T]]
    ) -> Callable[_P, Coroutine[Any, Any, _T]]:
        """The same work, written down while it is done; begun again if its ffmpeg is interrupted.

        Raises:
            EndsWorkersError: `PACKAGER_TRIES` workers died of it.
            FfmpegInterruptedError: It was interrupted as often.
        """

        @wraps(work)
        async def attempt(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            async with self._attempt(task):
                for _ in range(self._workshop.settings.tries - 1):
                    try:
                        return await work(*args, **kwargs)
                    except FfmpegInterruptedError as error:
                        _log.warning("video %s: %s begins again: %s", self._video_id, task, error)
                return await work(*args, **kwargs)

        return attempt

    @asynccontextmanager
    async def _attempt(self, task: str) -> AsyncGenerator[None]:
        catalog = self._workshop.catalog
        deaths = await catalog.deaths(self._video_id, self._version)
        if deaths.get(task, 0) >= self._workshop.settings.tries:
            raise EndsWorkersError(
                "The video could not be converted:"
                f" the worker died {deaths[task]} times at this task: {task}."
            )
        if deaths:
            await self._data.wait_until_complete()
        async with self._workshop.apart(is_suspect=bool(deaths)):
            key = (self._video_id, self._version, task, self._worker_id)
            await catalog.begin_attempt(*key)
            try:
                yield
            finally:
                with suppress(StreamerError):
                    await catalog.end_attempt(*key)
