"""The catalog's attempts: who is at which task of a version, and how many died at it.

A task is what a version's own workflow does, in words; chunks, which any worker may claim, have
tries of their own.
"""

from sqlalchemy import ColumnElement, and_, select, update

from streamer.shared.records import Records, read_video
from streamer.shared.tables import attempts


class Attempts(Records):
    """The attempts at versions in the making."""

    async def deaths(self, video_id: str, version: int) -> dict[str, int]:
        """How many workers died at each task of a version, of those at which any did."""
        query = select(attempts.c.task, attempts.c.deaths).where(
            attempts.c.video_id == video_id, attempts.c.version == version, attempts.c.deaths > 0
        )
        async with self._database.reading() as connection:
            return {row.task: row.deaths for row in await connection.execute(query)}

    async def begin_attempt(self, video_id: str, version: int, task: str, worker_id: str) -> None:
        """A worker begins a task: should it die, that is a death at it.

        Raises:
            NotFound: The video was deleted.
        """
        row = {"video_id": video_id, "version": version, "task": task, "worker": worker_id}
        key = ["video_id", "version", "task"]
        statement = self._database.insert(attempts).values(row | {"deaths": 0})
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            await connection.execute(
                statement.on_conflict_do_update(index_elements=key, set_={"worker": worker_id})
            )

    async def end_attempt(self, video_id: str, version: int, task: str, worker_id: str) -> None:
        """A worker has done a task, or left it; nothing happens if another is at it by now."""
        is_own = and_(
            attempts.c.video_id == video_id,
            attempts.c.version == version,
            attempts.c.task == task,
            _is_at_work(worker_id),
        )
        async with self._database.writing() as connection:
            await connection.execute(update(attempts).where(is_own).values(worker=None))

    async def count_death(self, worker_id: str) -> None:
        """A worker is dead: it died at whatever it was at. Repeating changes nothing."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(attempts)
                .where(_is_at_work(worker_id))
                .values(worker=None, deaths=attempts.c.deaths + 1)
            )


def _is_at_work(worker_id: str) -> ColumnElement[bool]:
    return attempts.c.worker == worker_id
