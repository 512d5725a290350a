"""Connections to the catalog's database: SQLite or PostgreSQL behind one pair of transactions."""

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Table, event, exc, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from streamer.core.errors import InvalidInput, StorageFull, Unavailable
from streamer.shared.migrate import upgrade
from streamer.shared.pings import ping_before_use
from streamer.shared.postgresql_url import asyncpg_arguments, asyncpg_url
from streamer.shared.reasons import own_words
from streamer.shared.sqlstates import DISK_FULL, MISSING, OTHER_SESSION

_CONNECT_SECONDS = 5.0
_STATEMENT_SECONDS = 15.0
_MIGRATION_SECONDS = 60.0
# How much longer an answer may take than what the server bounds.
_ANSWER_SECONDS = 5.0
_LOCK_POLL_SECONDS = 0.02
# No transaction pauses. One that does has lost its process, and whoever waits for its locks gets
# them before that statement's time is up.
_IDLE_SECONDS = 10.0
# How soon the server gives up a statement, a transaction, a connection.
_SESSION = {
    "statement_timeout": int(_STATEMENT_SECONDS * 1000),
    "idle_in_transaction_session_timeout": int(_IDLE_SECONDS * 1000),
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_POOL_SIZE = 5
_POOL_OVERFLOW = 5
_MIGRATION_LOCK = 0x5742_1EA3
_POOLED = "the database's pooler keeps no sessions: it must pool by session, not by transaction"
_PROGRAM_ERRORS = (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError)


class Database:
    """A pool of connections to a database whose tables are up to date."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(begin="BEGIN IMMEDIATE")
        self._is_sqlite = engine.dialect.name == "sqlite"

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect and bring the tables up to date; several processes may do so at once.

        Args:
            url: `sqlite:///path` or `postgresql://…`.

        Raises:
            InvalidInput: The URL names no such database.
            Unavailable: The database does not answer.
            Conflict: It was made by a newer version.
        """
        target = _engine_url(url)
        if target.drivername.startswith("sqlite"):
            make_engine, migrate = _sqlite_engine, _migrate_sqlite
        else:
            make_engine, migrate = _postgresql_engine, _migrate_postgresql
        migrating = cls(make_engine(target, _MIGRATION_SECONDS))
        try:
            await migrate(migrating, Path(target.database or ""))
        finally:
            await migrating.close()
        return cls(make_engine(target, _STATEMENT_SECONDS))

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that only reads."""
        with _translated():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that writes: committed at the end, undone when the block raises.

        On SQLite it is the only one of its kind from its beginning, across processes.
        """
        with _translated():
            async with self._writer.begin() as connection:
                yield connection

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that may say what happens on a conflict."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    async def check(self) -> None:
        """Return when the database answers; raise Unavailable when it does not."""
        with _translated():
            async with self._engine.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _engine_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:  # a port that is no number, too
        raise InvalidInput("the database URL cannot be parsed") from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return parsed
    raise InvalidInput("the database URL must be sqlite:///path or postgresql://…")


def _sqlite_engine(url: URL, statement_seconds: float) -> AsyncEngine:
    """An engine that leaves BEGIN to us, so that a writer takes its lock at once.

    A transaction that reads first and writes later fails with SQLITE_BUSY when another process
    wrote in between; no timeout helps there.
    """
    engine = create_async_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=_STATEMENT_SECONDS,
        connect_args={"timeout": statement_seconds, "isolation_level": None},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _postgresql_engine(url: URL, statement_seconds: float) -> AsyncEngine:
    arguments = asyncpg_arguments(
        url,
        timeout_seconds=_CONNECT_SECONDS,
        application_name="streamer",
        parameters=_SESSION,
    )
    engine = create_async_engine(
        asyncpg_url(url),
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=_STATEMENT_SECONDS,
        connect_args={**arguments, "command_timeout": statement_seconds + _ANSWER_SECONDS},
    )
    ping_before_use(engine)
    return engine


async def _migrate_sqlite(database: Database, path: Path, /) -> None:
    """Make the file, in WAL mode, and its tables, under a lock that other processes respect."""
    with _translated():
        path.parent.mkdir(parents=True, exist_ok=True)
        async with _file_lock(path.with_name(path.name + ".lock")):
            await _enter_wal(path)
            async with database.writing() as connection:
                await connection.run_sync(upgrade)


async def _enter_wal(path: Path) -> None:
    """Switch the file to WAL, which it remembers; it cannot be done inside of a transaction."""

    def switch() -> None:
        connection = sqlite3.connect(path, timeout=_STATEMENT_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()

    await asyncio.to_thread(switch)


async def _migrate_postgresql(database: Database, _path: Path, /) -> None:
    await _check_sessions(database)
    async with database.writing() as connection:
        await connection.execute(
            text(f"SET LOCAL statement_timeout = {int(_MIGRATION_SECONDS * 1000)}")
        )
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        await connection.run_sync(upgrade)


async def _check_sessions(database: Database) -> None:
    """Return if each connection has a session of its own; raise Unavailable if a pooler mixes them.

    Such a pooler gives the session of a connection between two transactions to another connection.
    """
    async with database.reading() as one, database.reading() as other:
        own = await _session(one)
        await one.rollback()
        others = await _session(other)
        if await _session(one) != own or others == own:
            raise Unavailable(_POOLED)


async def _session(connection: AsyncConnection) -> object:
    return (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncGenerator[None]:
    with path.open("wb") as file:
        async with asyncio.timeout(_MIGRATION_SECONDS):
            while not _try_lock(file.fileno()):  # noqa: ASYNC110  # held by another process
                await asyncio.sleep(_LOCK_POLL_SECONDS)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _translated() -> Generator[None]:
    """Raise what the driver and the system report as failures of this program's own tree."""
    try:
        yield
    except (exc.DBAPIError, sqlite3.Error) as error:
        if _sqlstate(error) in OTHER_SESSION:
            raise Unavailable(_POOLED) from error
        if isinstance(error, _PROGRAM_ERRORS) and _sqlstate(error) not in MISSING:
            raise
        if _is_full(error):
            raise StorageFull("the database has no room left") from error
        raise Unavailable("the database does not answer", reason=own_words(error)) from error
    except (exc.TimeoutError, OSError, TimeoutError) as error:
        raise Unavailable("the database does not answer", reason=own_words(error)) from error


def _is_full(error: exc.DBAPIError | sqlite3.Error) -> bool:
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    if _sqlstate(error) == DISK_FULL:
        return True
    return getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _sqlstate(error: exc.DBAPIError | sqlite3.Error) -> str | None:
    """PostgreSQL's code of a failure."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)
