"""Removes versions of videos that were replaced or given up, and what a failed video has published.

A replaced one stays for those who are in the middle of it. Its objects and its job go first: the
catalog knows of it until nothing is left, so a crash leaves nothing behind.

Storyboards have no version: of their sheets those go that the present one does not name. A version
in the making has sheets that nothing names yet, so all stays until it is there.
"""

from datetime import datetime, timedelta

from streamer.core import keys
from streamer.core.errors import NotFound
from streamer.core.purge import Kind, Order
from streamer.origin.packaging_queue import PackagingQueue
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore
from streamer.shared.purges import storyboard_purges


class Retirement:
    """Removes what nobody needs.

    Args:
        catalog: Knows the versions.
        store: Has their objects.
        jobs: Has records of the work on them.
        grace_seconds: How long a replaced version stays.
    """

    def __init__(
        self, catalog: Catalog, store: ObjectStore, jobs: PackagingQueue, *, grace_seconds: float
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._jobs = jobs
        self._grace = timedelta(seconds=grace_seconds)

    async def sweep(self, *, now: datetime) -> None:
        """Remove what is there to be removed; repeating is harmless."""
        before = now - self._grace
        for video_id, version in await self._catalog.forgettable_versions(before=before):
            if not (await self._catalog.get_video(video_id)).is_being_packaged_anew:
                await self._tidy_storyboard(video_id)
                await self._remove(video_id, version, now)

    async def _tidy_storyboard(self, video_id: str) -> None:
        if await self._catalog.is_encrypted(video_id):
            await self._store.delete(keys.media_key(video_id, keys.STORYBOARD))
            await self._catalog.set_pictures(video_id, has_storyboard=False)
        storyboard = await self._storyboard(video_id)
        sheets = [info.key async for info in self._store.list(keys.sprites_prefix(video_id))]
        for key in sheets:
            if key.removeprefix(keys.video_prefix(video_id)) not in storyboard:
                await self._store.delete(key)

    async def _storyboard(self, video_id: str) -> str:
        """The text that names its sheets; empty where there is none."""
        try:
            async with self._store.get(keys.media_key(video_id, keys.STORYBOARD)) as body:
                return b"".join([piece async for piece in body.chunks]).decode()
        except NotFound:
            return ""

    async def _remove(self, video_id: str, version: int, now: datetime) -> None:
        names = [item.name for item in await self._catalog.renditions(video_id, version)]
        for name in names:
            await self._store.delete_prefix(keys.rendition_prefix(video_id, name))
        await self._jobs.forget_version(video_id, version)
        await self._catalog.forget_version(video_id, version)
        purges = [Order(Kind.PATH, keys.all_rendition_paths(video_id, name)) for name in names]
        await self._catalog.record_purges([*purges, *storyboard_purges(video_id)], now=now)
