"""Begins versions anew that nobody goes on with.

What a release records of its work is its own. A worker of it that lives may end what it began;
one that died is forgotten by those that live. And where the catalog is a copy that was restored,
the job of what was in the making then may have ended since.
"""

import logging

from streamer.origin.packaging_queue import PackagingQueue
from streamer.shared.catalog import Catalog

_log = logging.getLogger(__name__)


class Renewal:
    """Finds versions in the making that no worker is at, or will be.

    Args:
        catalog: Knows the workers and the versions.
        jobs: The queue.
    """

    def __init__(self, catalog: Catalog, jobs: PackagingQueue) -> None:
        self._catalog = catalog
        self._jobs = jobs

    async def sweep(self) -> None:
        """Have what nobody goes on with made as another version; repeating is harmless."""
        workers = await self._catalog.worker_heartbeats()
        for video_id, version in await self._jobs.stranded(workers.keys()):
            await self._renew(video_id, version)
            await self._jobs.withdraw(video_id, version)
        # A version is made, or has failed, before its job ends.
        for video_id, version in await self._jobs.ended(await self._catalog.in_the_making()):
            if await self._renew(video_id, version):
                _log.warning("video %s is begun anew: its job ended without it", video_id)

    async def _renew(self, video_id: str, version: int) -> bool:
        """Have a version made as another one; returns whether it was still in the making."""
        renewed = await self._catalog.renew_version(video_id, version)
        if renewed is None:
            return False
        await self._jobs.package(video_id, renewed)
        return True
