"""Deleting a video: invisible at once, gone from disk, store and edges a little later.

The tombstone in the catalog outlives a crash, and the moment in which a worker may still be
publishing or an origin still be storing: it is forgotten once a sweep finds nothing left to remove,
and not before every origin has swept.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from streamer.core import keys
from streamer.core.errors import StreamerError
from streamer.core.purge import Kind, Order
from streamer.origin.fetch import Fetches
from streamer.origin.packaging_queue import PackagingQueue
from streamer.origin.uploads import Uploads
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore

# Longer than from one sweep to the next but one.
_KEPT = timedelta(seconds=30)
_log = logging.getLogger(__name__)


class Deletion:
    """Removes videos with all that was made of them."""

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        jobs: PackagingQueue,
        uploads: Uploads,
        fetches: Fetches,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._jobs = jobs
        self._uploads = uploads
        self._fetches = fetches
        self._sweeps: set[asyncio.Task[None]] = set()

    async def delete(self, video_id: str, *, now: datetime) -> None:
        """Hide a video and begin to remove it; NotFound when there is none."""
        await self._catalog.delete_video(video_id, now=now)
        task = asyncio.create_task(self._sweep_quietly(video_id), name=f"delete {video_id}")
        self._sweeps.add(task)
        task.add_done_callback(self._sweeps.discard)

    async def sweep(self, *, now: datetime) -> None:
        """Remove what is left of deleted videos; forget those with nothing left, after a while."""
        for video_id, deleted_at in (await self._catalog.tombstones()).items():
            removed = await self._remove(video_id)
            if removed == 0 and now - deleted_at > _KEPT:
                await self._jobs.forget(video_id)
                await self._catalog.forget(video_id)

    async def close(self) -> None:
        """End the sweeps that are going on; the next start goes on with them."""
        for task in self._sweeps:
            task.cancel()
        await asyncio.gather(*self._sweeps, return_exceptions=True)

    async def _remove(self, video_id: str) -> int:
        """Remove all of a video but its tombstone; returns how many objects there were.

        The edges forget it last, when they can no longer fetch it again.
        """
        await self._fetches.cancel(video_id)
        await self._uploads.discard(video_id)
        await self._jobs.cancel(video_id)
        removed = await self._store.delete_prefix(keys.video_prefix(video_id))
        purge = Order(Kind.PATH, keys.all_media_paths(video_id))
        await self._catalog.record_purges([purge], now=datetime.now(UTC))
        return removed

    async def _sweep_quietly(self, video_id: str) -> None:
        try:
            await self._remove(video_id)
        except StreamerError as error:
            _log.warning("what is left of %s is removed later: %s", video_id, error)
