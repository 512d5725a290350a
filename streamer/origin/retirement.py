"""Removes versions of videos that were replaced or given up, and what a failed video has published.

A replaced one stays for those who are in the middle of it. Its objects go first: the catalog knows
of them until nothing is left, so a crash leaves nothing behind.
"""

from datetime import datetime, timedelta

from streamer.core import keys
from streamer.core.purge import Kind, Order
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore


class Retirement:
    """Removes what nobody needs.

    Args:
        catalog: Knows the versions.
        store: Has their objects.
        grace_seconds: How long a replaced version stays.
    """

    def __init__(self, catalog: Catalog, store: ObjectStore, *, grace_seconds: float) -> None:
        self._catalog = catalog
        self._store = store
        self._grace = timedelta(seconds=grace_seconds)

    async def sweep(self, *, now: datetime) -> None:
        """Remove what is there to be removed; repeating is harmless."""
        before = now - self._grace
        for video_id, version in await self._catalog.forgettable_versions(before=before):
            await self._remove(video_id, version, now)

    async def _remove(self, video_id: str, version: int, now: datetime) -> None:
        names = [item.name for item in await self._catalog.renditions(video_id, version)]
        for name in names:
            await self._store.delete_prefix(keys.rendition_prefix(video_id, name))
        await self._catalog.forget_version(video_id, version)
        purges = [Order(Kind.PATH, keys.all_rendition_paths(video_id, name)) for name in names]
        await self._catalog.record_purges(purges, now=now)
