"""Pooled connections to PostgreSQL that were lost without a word are not used again."""

from typing import Any

import asyncpg
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

_PING_SECONDS = 2.0
_USED = "used"
_LOST = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server's goodbye is being read
)


def ping_before_use(engine: AsyncEngine) -> None:
    """Have a connection of the pool answer before it is used again, or another one made instead.

    SQLAlchemy's own ping waits as long as any statement may take, and fails what it was to serve.
    """

    @event.listens_for(engine.sync_engine, "checkout")
    def ping(connection: Any, record: ConnectionPoolEntry, _lent: object) -> None:
        if _USED not in record.info:
            record.info[_USED] = True
            return
        try:
            connection.run_async(_ping)
        except _LOST as error:
            # What happened to one connection happened to the others in the pool.
            raise exc.InvalidatePoolError from error


async def _ping(connection: Any) -> None:
    try:
        await connection.execute("SELECT 1", timeout=_PING_SECONDS)
    except BaseException:
        # A connection that is closed in order waits for the server's answer, too.
        connection.terminate()
        raise
