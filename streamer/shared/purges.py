"""The catalog's purges: a log that every edge reads from where it stopped."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core import keys
from streamer.core.purge import Kind, Order, Purge
from streamer.shared.records import Records
from streamer.shared.tables import purges

_FORGOTTEN_AFTER = timedelta(days=7)
_LOG_LOCK = 0x5742_1EA4


class Purges(Records):
    """The purges of a catalog."""

    async def record_purges(self, orders: Sequence[Order], *, now: datetime) -> int:
        """Append purges and return the last one's id; those of a week ago are forgotten."""
        async with self._database.writing() as connection:
            return await append_purges(connection, orders, now=now)

    async def purges_after(self, purge_id: int, *, limit: int = 1000) -> list[Purge]:
        """The purges recorded after the one with this id, oldest first."""
        query = (
            select(purges.c.id, purges.c.kind, purges.c.value, purges.c.is_soft)
            .where(purges.c.id > purge_id)
            .order_by(purges.c.id)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [
                Purge(row.id, Order(Kind(row.kind), row.value, row.is_soft))
                for row in await connection.execute(query)
            ]

    async def purge_bounds(self) -> tuple[int, int]:
        """The ids of the oldest and the newest purge that are remembered; (0, 0) for none."""
        query = select(func.min(purges.c.id), func.max(purges.c.id))
        async with self._database.reading() as connection:
            oldest, newest = (await connection.execute(query)).one()
        return oldest or 0, newest or 0


def manifest_purges(video_id: str) -> list[Order]:
    """What makes edges ask again which renditions a video has."""
    return [Order(Kind.PATH, path) for path in keys.manifest_paths(video_id)]


def subtitles_purges(video_id: str, rendition: str) -> list[Order]:
    """What makes edges ask again which subtitles a video has, and for their playlist."""
    paths = keys.all_rendition_paths(video_id, rendition)
    return [*manifest_purges(video_id), Order(Kind.PATH, paths)]


def storyboard_purges(video_id: str) -> list[Order]:
    """What makes edges forget the storyboard of a video."""
    return [Order(Kind.PATH, path) for path in keys.storyboard_paths(video_id)]


def uploaded_purges(video_id: str) -> list[Order]:
    """What makes edges forget all uploaded subtitles of a video."""
    return [Order(Kind.PATH, keys.uploaded_paths(video_id))]


async def append_purges(
    connection: AsyncConnection, orders: Sequence[Order], *, now: datetime
) -> int:
    """Record purges in a transaction; returns the last one's id.

    Until it ends no other transaction records any, so that ids are committed in their order: edges
    that have read one never look for an earlier one. What else the transaction locks it must have
    locked before.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        await connection.execute(select(func.pg_advisory_xact_lock(_LOG_LOCK)))
    rows = [
        {
            "kind": order.kind.value,
            "value": order.value,
            "is_soft": order.is_soft,
            "requested_at": now,
        }
        for order in orders
    ]
    forgotten = purges.c.requested_at < now - _FORGOTTEN_AFTER
    await connection.execute(insert(purges), rows)
    await connection.execute(delete(purges).where(forgotten))
    newest = await connection.execute(select(func.max(purges.c.id)))
    return int(newest.scalar_one())
