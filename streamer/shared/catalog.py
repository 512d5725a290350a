"""The catalog: what the services share of videos, segments, chunks, edges, workers and purges.

Every instant is aware and given by the caller, but that of an event, which is this machine's, and
the end of a lease of a fetch, which is the database's. Every method raises Unavailable when the
database does not answer and StorageFull when it has no room.
"""

from typing import Self

from streamer.shared.attempts import Attempts
from streamer.shared.chunks import Chunks
from streamer.shared.database import Database
from streamer.shared.fetches import Fetches
from streamer.shared.presence import Presence
from streamer.shared.publication import Publication
from streamer.shared.purges import Purges
from streamer.shared.release import RELEASE
from streamer.shared.subtitles import Subtitles
from streamer.shared.versions import Versions
from streamer.shared.videos import Videos
from streamer.shared.webhooks import Webhooks


class Catalog(
    Videos, Publication, Versions, Subtitles, Chunks, Attempts, Fetches, Presence, Purges, Webhooks
):
    """One database, shared by origin and workers."""

    @classmethod
    async def open(cls, url: str, *, release: int = RELEASE) -> Self:
        """The catalog at `sqlite:///path` or `postgresql://…`, its tables brought up to date.

        Its chunks and workers are those of a release.

        Raises:
            InvalidInput: The URL names no such database.
            Conflict: It was made by a newer version of this program.
        """
        return cls(await Database.open(url), release)

    async def close(self) -> None:
        """Close every connection."""
        await self._database.close()

    async def check(self) -> None:
        """Return when the database answers; raise Unavailable when it does not."""
        await self._database.check()
