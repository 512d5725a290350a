"""The catalog's edges and workers, and when they were last heard of."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Insert, Table, delete, select

from streamer.core.edges import Edge
from streamer.shared.records import Records, check_text
from streamer.shared.rows import to_edge
from streamer.shared.tables import edges, workers

_EDGE_FORGOTTEN_AFTER = timedelta(days=1)


class Presence(Records):
    """The processes that report to a catalog."""

    async def heartbeat(self, edge: Edge, *, now: datetime) -> None:
        """Note that an edge is alive, and what it says of itself; `edge.seen_at` is not read.

        Edges that were silent for a day are forgotten.
        """
        for value in (edge.id, edge.region, edge.url, edge.version):
            check_text(value)
        long_silent = edges.c.seen_at < now - _EDGE_FORGOTTEN_AFTER
        async with self._database.writing() as connection:
            await connection.execute(self._upsert(edges, asdict(edge) | {"seen_at": now}))
            await connection.execute(delete(edges).where(long_silent))

    async def living_edges(self, *, now: datetime, within_seconds: float) -> list[Edge]:
        """The edges heard of within the last seconds, by region and id."""
        query = (
            select(edges)
            .where(edges.c.seen_at >= now - timedelta(seconds=within_seconds))
            .order_by(edges.c.region, edges.c.id)
        )
        async with self._database.reading() as connection:
            return [to_edge(row) for row in await connection.execute(query)]

    async def worker_heartbeat(self, worker_id: str, *, now: datetime) -> None:
        """Note that a worker is alive, at `now` by its own clock."""
        values = {"id": check_text(worker_id), "seen_at": now, "release": self._release}
        async with self._database.writing() as connection:
            await connection.execute(self._upsert(workers, values))

    async def worker_heartbeats(self, *, but_newer: bool = False) -> dict[str, datetime]:
        """When each worker that is not forgotten was alive last, by its own clock and no other.

        `but_newer` leaves out those of newer releases.
        """
        query = select(workers)
        if but_newer:
            query = query.where(workers.c.release <= self._release)
        async with self._database.reading() as connection:
            rows = await connection.execute(query)
            return {row.id: row.seen_at for row in rows}

    async def forget_worker(self, worker_id: str) -> None:
        """Remove a worker; one that is not known is no error."""
        async with self._database.writing() as connection:
            await connection.execute(delete(workers).where(workers.c.id == check_text(worker_id)))

    def _upsert(self, table: Table, values: dict[str, Any]) -> Insert:
        """Insert the row, or overwrite the one with its id."""
        statement = self._database.insert(table).values(values)
        changed = {name: statement.excluded[name] for name in values if name != "id"}
        return statement.on_conflict_do_update(index_elements=["id"], set_=changed)
