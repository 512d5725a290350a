"""Work that a failure or a crash left undone is found and done.

Everything here may be repeated, and done by several processes at once.
"""

import asyncio
import logging
from datetime import UTC, datetime

from streamer.core.video import VideoState
from streamer.origin.deletion import Deletion
from streamer.origin.failure_log import FailureLog
from streamer.origin.fetch import Fetches
from streamer.origin.packaging_queue import PackagingQueue
from streamer.origin.renewal import Renewal
from streamer.origin.retirement import Retirement
from streamer.origin.uploads import Uploads
from streamer.origin.webhooks import WebhookSender
from streamer.shared.catalog import Catalog

_EVERY_SECONDS = 10.0
_log = logging.getLogger(__name__)


class Reconciler:
    """Looks for undone work when the origin starts, and again and again."""

    def __init__(
        self,
        catalog: Catalog,
        jobs: PackagingQueue,
        uploads: Uploads,
        fetches: Fetches,
        deletion: Deletion,
        retirement: Retirement,
        renewal: Renewal,
        webhooks: WebhookSender,
    ) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._uploads = uploads
        self._fetches = fetches
        self._deletion = deletion
        self._retirement = retirement
        self._webhooks = webhooks
        self._steps = [
            (step, _failure_log())
            for step in (
                uploads.take_in_complete,
                self._remove_expired,
                self._enqueue,
                renewal.sweep,
                self._fetch,
                self._sweep,
                self._retire,
                self._forget_events,
            )
        ]

    async def run(self) -> None:
        """Reconcile until cancelled."""
        with _failure_log().surviving():
            await self._uploads.abandon_interrupted(now=datetime.now(UTC))
        while True:
            await self.reconcile()
            await asyncio.sleep(_EVERY_SECONDS)

    async def reconcile(self) -> None:
        """Do all that is undone; what fails is left for the next time."""
        for step, failures in self._steps:
            with failures.surviving():
                await step()

    async def _remove_expired(self) -> None:
        await self._uploads.remove_expired(now=datetime.now(UTC))

    async def _enqueue(self) -> None:
        # What a worker that died was at may wait again among what still arrives.
        for video_id, version in await self._catalog.in_the_making():
            await self._jobs.package(video_id, version)

    async def _sweep(self) -> None:
        await self._deletion.sweep(now=datetime.now(UTC))

    async def _retire(self) -> None:
        await self._retirement.sweep(now=datetime.now(UTC))

    async def _forget_events(self) -> None:
        await self._webhooks.forget_old(now=datetime.now(UTC))

    async def _fetch(self) -> None:
        for video in await self._catalog.in_state(VideoState.UPLOADING):
            if video.source_url is None:
                continue
            if await self._uploads.is_complete(video.id):
                await self._fetches.keep(video.id)
            else:
                self._fetches.start(video.id, video.source_url)


def _failure_log() -> FailureLog:
    return FailureLog(_log, "something is left for later")
