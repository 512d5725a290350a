"""Following videos as they change: one poller for all who watch.

While anyone watches, the catalog is asked a few times a second which of the watched videos have a
new revision. Each change is presented once, whatever the number of watchers.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streamer.core.errors import NotFound, StreamerError
from streamer.core.video import Video
from streamer.origin.resources import Presenter, VideoResource
from streamer.shared.catalog import Catalog

_POLL_SECONDS = 0.2
_HEARTBEAT_SECONDS = 15.0
_log = logging.getLogger(__name__)

HEARTBEAT = b": still here\n\n"


class _Watched:
    """A video that somebody watches: its latest resource, None once it is gone."""

    def __init__(self, revision: int, resource: VideoResource) -> None:
        self.revision = revision
        self.resource: VideoResource | None = resource
        self.watchers = 0
        self._changed = asyncio.Event()

    def change(self, revision: int, resource: VideoResource | None) -> None:
        """Wake everyone who waits."""
        self.revision, self.resource = revision, resource
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return after the next change or the given time."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return


class Watches:
    """All that is watched in this process.

    Args:
        catalog: Asked for changes.
        presenter: Makes the resources that are sent.
    """

    def __init__(self, catalog: Catalog, presenter: Presenter) -> None:
        self._catalog = catalog
        self._presenter = presenter
        self._watched: dict[str, _Watched] = {}
        self._poller: asyncio.Task[None] | None = None
        self._is_closed = False

    async def events(self, video: Video) -> AsyncIterator[bytes]:
        """The video now and after each change, as server-sent events, until its state is final.

        Comments keep the connection alive. It also ends when the video is deleted or the origin
        stops.
        """
        async with self._watch(video) as watched:
            sent: VideoResource | None = None
            while (current := watched.resource) is not None and not self._is_closed:
                yield HEARTBEAT if current is sent else _event(current)
                if current.is_settled():
                    return
                sent = current
                if watched.resource is sent and not self._is_closed:
                    await watched.wait(_HEARTBEAT_SECONDS)

    @property
    def is_polling(self) -> bool:
        """Whether the catalog is being asked for changes."""
        return self._poller is not None and not self._poller.done()

    def count_watchers(self, video_id: str) -> int:
        """How many streams follow a video."""
        watched = self._watched.get(video_id)
        return 0 if watched is None else watched.watchers

    async def close(self) -> None:
        """End every stream of events."""
        self._is_closed = True
        for watched in self._watched.values():
            watched.change(watched.revision, watched.resource)
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    @asynccontextmanager
    async def _watch(self, video: Video) -> AsyncIterator[_Watched]:
        if video.id not in self._watched:
            resource = await self._presenter.present(video)
            self._watched.setdefault(video.id, _Watched(video.revision, resource))
        watched = self._watched[video.id]
        watched.watchers += 1
        self._ensure_polling()
        try:
            yield watched
        finally:
            watched.watchers -= 1
            if watched.watchers == 0:
                del self._watched[video.id]

    def _ensure_polling(self) -> None:
        if not self.is_polling:
            self._poller = asyncio.create_task(self._poll(), name="poll for changes")

    async def _poll(self) -> None:
        while self._watched:
            try:
                await self._look()
            except StreamerError as error:
                _log.warning("changes are not seen for now: %s", error)
            await asyncio.sleep(_POLL_SECONDS)

    async def _look(self) -> None:
        revisions = {video_id: watched.revision for video_id, watched in self._watched.items()}
        changes = await self._catalog.changes_since(revisions)
        for video in changes.videos:
            await self._present(video)
        for video_id in changes.gone:
            if watched := self._watched.get(video_id):
                watched.change(watched.revision, None)

    async def _present(self, video: Video) -> None:
        try:
            resource = await self._presenter.present(video)
        except NotFound:  # deleted since; the next look says so
            return
        if watched := self._watched.get(video.id):
            watched.change(video.revision, resource)


def _event(resource: VideoResource) -> bytes:
    return f"event: video\ndata: {resource.model_dump_json()}\n\n".encode()
