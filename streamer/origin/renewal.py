"""Begins versions anew that workers of an earlier release left: nobody can go on with them.

What a release records of its work is its own. A worker of it that lives may end what it began;
one that died is forgotten by those that live.
"""

from streamer.origin.packaging_queue import PackagingQueue
from streamer.shared.catalog import Catalog


class Renewal:
    """Finds jobs of earlier releases that no worker is at.

    Args:
        catalog: Knows the workers and the versions.
        jobs: The queue.
    """

    def __init__(self, catalog: Catalog, jobs: PackagingQueue) -> None:
        self._catalog = catalog
        self._jobs = jobs

    async def sweep(self) -> None:
        """Have what is stranded made as another version; repeating is harmless."""
        workers = await self._catalog.worker_heartbeats()
        for video_id, version in await self._jobs.stranded(workers.keys()):
            renewed = await self._catalog.renew_version(video_id, version)
            if renewed is not None:
                await self._jobs.package(video_id, renewed)
            await self._jobs.withdraw(video_id, version)
