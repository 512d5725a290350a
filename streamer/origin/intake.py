"""From a complete file to a video that is being packaged.

Every step may be repeated: whoever finds a complete upload, after a failure or a crash, takes it in
again from where it stopped.
"""

from contextlib import suppress

from streamer.core.errors import Conflict, Unavailable
from streamer.core.video import VideoState
from streamer.origin.arrivals import Arrivals
from streamer.origin.packaging_queue import PackagingQueue
from streamer.shared.catalog import Catalog


class Intake:
    """Takes sources over into the store, the catalog and the queue."""

    def __init__(self, arrivals: Arrivals, catalog: Catalog, jobs: PackagingQueue) -> None:
        self._arrivals = arrivals
        self._catalog = catalog
        self._jobs = jobs

    async def take(self, video_id: str, *, size_bytes: int) -> None:
        """Make a complete upload the source of a video, and have it packaged.

        The file is consumed. If the queue does not answer, reconciliation enqueues the video later.

        Raises:
            NotFound: The video was deleted meanwhile.
            StorageFull: The store has no room; the file stays.
            Unavailable: The store or the database does not answer; the file stays, or is the
                source already.
        """
        video = await self._catalog.get_video(video_id)
        if video.state is VideoState.UPLOADING:
            await self._arrivals.finish(video_id, size_bytes)
            with suppress(Conflict):  # another process was faster
                await self._catalog.accept_source(video_id, size_bytes=size_bytes)
        with suppress(Unavailable):
            await self._jobs.package(video_id, video.version)
