"""From a complete file to a video that is being packaged.

Every step may be repeated: whoever finds a complete upload, after a failure or a crash, takes it in
again from where it stopped.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from streamer.core import keys
from streamer.core.errors import Conflict, Unavailable
from streamer.core.video import VideoState
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore


class PackagingQueue(Protocol):
    """The durable hand-over to the workers, as `streamer.shared.jobs.Jobs` offers it."""

    async def package(self, video_id: str, version: int = 1) -> None:
        """Enqueue a version of a video; doing it again changes nothing."""
        ...

    async def cancel(self, video_id: str) -> None:
        """End the work on a video."""
        ...

    async def check(self) -> None:
        """Return when the queue answers; raise Unavailable when it does not."""
        ...


class Intake:
    """Takes sources over into the store, the catalog and the queue."""

    def __init__(self, store: ObjectStore, catalog: Catalog, jobs: PackagingQueue) -> None:
        self._store = store
        self._catalog = catalog
        self._jobs = jobs

    async def take(self, video_id: str, path: Path, *, size_bytes: int) -> None:
        """Make the file at `path` the source of a video, and have it packaged.

        The file is consumed. If the queue does not answer, reconciliation enqueues the video later.

        Raises:
            NotFound: The video was deleted meanwhile.
            StorageFull: The store has no room; the file stays.
            Unavailable: The store or the database does not answer; the file stays, or is the
                source already.
        """
        video = await self._catalog.get_video(video_id)
        if video.state is VideoState.UPLOADING:
            await self._store_source(video_id, path)
            with suppress(Conflict):  # another process was faster
                await self._catalog.accept_source(video_id, size_bytes=size_bytes)
        with suppress(Unavailable):
            await self._jobs.package(video_id)

    async def _store_source(self, video_id: str, path: Path) -> None:
        key = keys.source_key(video_id)
        if await asyncio.to_thread(path.exists):
            await self._store.put_file(key, path, move=True)
        else:  # it was moved there before a crash
            await self._store.head(key)
