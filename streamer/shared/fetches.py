"""The catalog's fetches: which origin fetches a video from its URL.

Leases end by the database's clock: those of origins may differ.
"""

from datetime import timedelta

from sqlalchemy import delete, or_

from streamer.shared.records import Records, database_time, read_video
from streamer.shared.tables import fetches


class Fetches(Records):
    """The leases of fetches."""

    async def lease_fetch(self, video_id: str, owner: str, *, seconds: float) -> bool:
        """Give the fetch of a video to `owner` for so long from now; returns whether it has it.

        It has not while the lease of another one lasts. One's own lease begins again, also when
        it has ended.

        Raises:
            NotFound: The video was deleted.
        """
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            now = await database_time(connection)
            values = {"owner": owner, "leased_until": now + timedelta(seconds=seconds)}
            is_free = or_(fetches.c.owner == owner, fetches.c.leased_until <= now)
            leased = await connection.execute(
                self._database.insert(fetches)
                .values(video_id=video_id, **values)
                .on_conflict_do_update(index_elements=["video_id"], set_=values, where=is_free)
                .returning(fetches.c.owner)
            )
            return leased.first() is not None

    async def release_fetch(self, video_id: str, owner: str) -> None:
        """End the lease of `owner`; that it has none is no error."""
        is_own = (fetches.c.video_id == video_id) & (fetches.c.owner == owner)
        async with self._database.writing() as connection:
            await connection.execute(delete(fetches).where(is_own))
