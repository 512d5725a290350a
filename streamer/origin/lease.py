"""One origin at a time fetches a video: the one that has the lease, which it renews meanwhile.

An origin that ended without a word keeps others waiting until its lease ends.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from streamer.core.errors import NotFound, StreamerError
from streamer.origin.errors import Locked
from streamer.shared.catalog import Catalog

_LEASE_SECONDS = 30.0
_RENEWAL_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Leases:
    """The leases of this process.

    Args:
        catalog: Keeps them, for all origins.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._owner = uuid4().hex

    async def take(self, video_id: str) -> None:
        """Have the lease of a video's fetch, from now on or still.

        Raises:
            NotFound: The video was deleted.
            Locked: Another origin has it.
        """
        if not await self._catalog.lease_fetch(video_id, self._owner, seconds=_LEASE_SECONDS):
            raise Locked("another origin is fetching this video")

    async def release(self, video_id: str) -> None:
        """Leave a fetch to others."""
        await self._catalog.release_fetch(video_id, self._owner)

    @asynccontextmanager
    async def kept(self, video_id: str) -> AsyncIterator[None]:
        """Take the lease and renew it while the block runs.

        The block is cancelled when another origin has the lease. It runs on while the catalog
        does not answer: nobody else can take it then.

        Raises:
            NotFound: The video was deleted.
            Locked: Another origin has the lease.
        """
        await self.take(video_id)
        try:
            async with asyncio.timeout(None) as loss:
                renewing = asyncio.create_task(self._renew(video_id, loss))
                try:
                    yield
                finally:
                    renewing.cancel()
                    await asyncio.gather(renewing, return_exceptions=True)
        except TimeoutError as error:
            raise Locked("another origin is fetching this video") from error

    async def _renew(self, video_id: str, loss: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(_RENEWAL_SECONDS)
            try:
                await self.take(video_id)
            except (Locked, NotFound):
                loss.reschedule(asyncio.get_running_loop().time())
                return
            except StreamerError as error:
                _log.warning("the lease of %s is renewed later: %s", video_id, error)
