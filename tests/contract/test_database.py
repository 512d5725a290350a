"""What the two databases promise: several users at once, versions, errors."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text, update
from sqlalchemy.exc import ProgrammingError

from streamer.core.errors import Conflict, InvalidInput, StorageFull, Unavailable
from streamer.core.video import (
    Rendition,
    Video,
)
from streamer.shared.catalog import Catalog
from streamer.shared.database import Database
from streamer.shared.tables import metadata, videos
from tests.catalogs import ID, LOW, NOW, SOUND, package, publish, segment, upload
from tests.servers import Line, Postgres, free_port


async def test_one_of_two_accepts_wins(catalog: Catalog, other: Catalog) -> None:
    for number in range(5):
        video_id = f"video00{number}"
        await upload(catalog, video_id)
        results = await asyncio.gather(
            *(each.accept_source(video_id, size_bytes=1) for each in (catalog, other) * 3),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Video) for result in results) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 5


async def test_two_workers_publish_at_once(catalog: Catalog, other: Catalog) -> None:
    await package(catalog, LOW, SOUND)

    async def work(worker: Catalog, rendition: Rendition) -> None:
        for number in range(20):
            await publish(worker, segment(rendition, number))

    await asyncio.gather(
        work(catalog, LOW), work(other, LOW), work(catalog, SOUND), work(other, SOUND)
    )
    assert await catalog.all_segments(ID) == {
        rendition.name: [segment(rendition, number) for number in range(20)]
        for rendition in (LOW, SOUND)
    }
    video = await catalog.get_video(ID)
    assert video.playable
    assert video.revision == 3 + 80


async def test_a_reader_does_not_wait_for_a_writer(catalog: Catalog, other: Catalog) -> None:
    await upload(catalog)
    async with catalog._database.writing() as connection:
        await connection.exec_driver_sql("UPDATE videos SET title = 'unfinished'")
        video = await asyncio.wait_for(other.get_video(ID), 30)
    assert video.title == "A film"


async def test_what_a_cancelled_writer_began_is_undone(catalog: Catalog, other: Catalog) -> None:
    await upload(catalog)
    written = asyncio.Event()

    async def write() -> None:
        async with catalog._database.writing() as connection:
            await connection.exec_driver_sql("UPDATE videos SET title = 'unfinished'")
            written.set()
            await asyncio.Event().wait()

    writer = asyncio.create_task(write())
    await asyncio.wait_for(written.wait(), 10)
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    assert (await other.set_title(ID, "after")).title == "after"
    assert (await catalog.get_video(ID)).title == "after"


async def test_check_returns_when_the_database_answers(catalog: Catalog) -> None:
    await catalog.check()


async def test_several_may_open_a_new_database_at_once(empty_url: str) -> None:
    catalogs = await asyncio.gather(*(Catalog.open(empty_url) for _ in range(5)))
    await upload(catalogs[0])
    for catalog in catalogs:
        assert (await catalog.get_video(ID)).id == ID
        await catalog.close()


_PROCESS = """
import asyncio, sys
from datetime import UTC, datetime
from streamer.shared.catalog import Catalog

async def main(url, name):
    catalog = await Catalog.open(url)
    for number in range(20):
        await catalog.create_video(f"{name}{number:07d}", title="t", now=datetime.now(UTC))
    await catalog.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_processes_share_a_new_database(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _PROCESS, empty_url, name)
        for name in "abc"
    ]
    async with asyncio.timeout(60):
        assert [await process.wait() for process in processes] == [0, 0, 0]
    catalog = await Catalog.open(empty_url)
    videos, _ = await catalog.list_videos(limit=100)
    assert len(videos) == 60
    await catalog.close()


async def test_the_migrations_make_the_tables_that_the_code_uses(catalog: Catalog) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with catalog._database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    catalog = await Catalog.open(url)
    async with catalog._database.writing() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await catalog.close()
    with pytest.raises(Conflict) as caught:
        await Catalog.open(url)
    assert caught.value.code == "database_version"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://host/db",
        "http://[bad",
        "postgresql://host:port/db",
    ],
)
async def test_a_url_of_no_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        await Catalog.open(url)


async def test_a_server_that_is_down_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await Catalog.open(f"postgresql://nobody@127.0.0.1:{free_port()}/none")


async def test_a_server_that_goes_down_is_unavailable(postgres: Postgres) -> None:
    async with Postgres() as server:
        url = await server.create_database()
        catalog = await Catalog.open(url)
        await upload(catalog)
    for attempt in (catalog.check(), catalog.get_video(ID), catalog.set_title(ID, "x")):
        with pytest.raises(Unavailable):
            await attempt
    await catalog.close()


async def test_wrong_credentials_are_unavailable(postgres: Postgres) -> None:
    with pytest.raises(Unavailable):
        await Catalog.open(postgres.url("postgres").replace("postgres@", "stranger@"))


async def test_sslmode_is_understood(postgres: Postgres) -> None:
    url = await postgres.create_database()
    catalog = await Catalog.open(f"{url}?sslmode=prefer")
    await catalog.close()
    with pytest.raises(Unavailable):
        await Catalog.open(f"{url}?sslmode=require")


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("ALTER TABLE videos OWNER TO pg_monitor", "ALTER TABLE videos OWNER TO {role}"),
        (
            "REVOKE USAGE ON SCHEMA public FROM public, {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
        ),
        ("ALTER TABLE videos RENAME TO gone", "ALTER TABLE gone RENAME TO videos"),
        ("ALTER SCHEMA public RENAME TO gone", "ALTER SCHEMA gone RENAME TO public"),
    ],
    ids=["rights at a table", "rights at the schema", "the table", "the schema"],
)
async def test_what_is_taken_away_is_unavailable_until_it_is_given_back(
    postgres: Postgres, begin: str, end: str
) -> None:
    url = await postgres.create_database()
    own_url = await postgres.create_role(url)
    role = make_url(own_url).username
    await postgres.execute(url, f"GRANT ALL ON SCHEMA public TO {role}")
    catalog = await Catalog.open(own_url)
    await upload(catalog)
    await postgres.execute(url, begin.format(role=role))
    for attempt in (catalog.get_video(ID), catalog.set_title(ID, "x")):
        with pytest.raises(Unavailable):
            await attempt
    await postgres.execute(url, end.format(role=role))
    assert (await catalog.get_video(ID)).id == ID
    await catalog.close()


async def test_the_server_gives_up_what_is_lost(postgres: Postgres) -> None:
    url = await postgres.create_database()
    database = await Database.open(f"{url}?options=-c%20tcp_keepalives_count%3D4")
    async with database.reading() as connection:
        names = "idle_in_transaction_session_timeout", "tcp_user_timeout", "tcp_keepalives_count"
        shown = [(await connection.execute(text(f"SHOW {name}"))).scalar() for name in names]
    assert shown == ["10s", "15000", "4"]
    await database.close()


async def test_who_asks_by_lost_connections_is_answered_by_others(postgres: Postgres) -> None:
    async with Line(await postgres.create_database()) as line:
        catalog = await Catalog.open(line.url)
        await upload(catalog)
        async with asyncio.timeout(60):
            await asyncio.gather(*(catalog.get_video(ID) for _ in range(3)))
        await line.lose()
        async with asyncio.timeout(15):
            await asyncio.gather(*(catalog.get_video(ID) for _ in range(3)))
        await catalog.close()


@pytest.mark.slow
async def test_a_transaction_that_is_lost_gives_its_locks_back(postgres: Postgres) -> None:
    url = await postgres.create_database()
    catalog, database = await Catalog.open(url), await Database.open(url)
    await upload(catalog)

    async def pause() -> None:
        async with database.writing() as connection:
            await connection.execute(update(videos).values(title="lost"))
            await catalog.set_title(ID, "found")

    with pytest.raises(Unavailable):
        await pause()
    assert (await catalog.get_video(ID)).title == "found"
    await catalog.close()
    await database.close()


async def test_an_error_of_this_program_is_none_of_the_database(postgres: Postgres) -> None:
    url = await postgres.create_database()
    catalog = await Catalog.open(url)
    await postgres.execute(url, "ALTER TABLE videos RENAME COLUMN title TO name")
    with pytest.raises(ProgrammingError):
        await catalog.get_video(ID)
    await catalog.close()


async def test_a_connection_that_the_server_closed_is_replaced(postgres: Postgres) -> None:
    url = await postgres.create_database()
    catalog = await Catalog.open(url)
    await upload(catalog)
    connection = await asyncpg.connect(postgres.url("postgres"))
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
        url.rpartition("/")[2],
    )
    await connection.close()
    assert (await catalog.get_video(ID)).id == ID
    await catalog.close()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is a text, and not a short one. " * 100)
    with pytest.raises(Unavailable):
        await Catalog.open(f"sqlite:///{tmp_path}/text.db")
    with pytest.raises(Unavailable):
        await Catalog.open(f"sqlite:///{tmp_path}")
    with pytest.raises(Unavailable):
        await Catalog.open("sqlite:////proc/nowhere/catalog.db")


async def test_sqlite_survives_a_crash(tmp_path: Path) -> None:
    """What was committed is there although nobody closed the database."""
    path = tmp_path / "catalog.db"
    catalog = await Catalog.open(f"sqlite:///{path}")
    await upload(catalog)
    for name in ("catalog.db", "catalog.db-wal"):
        (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
    await catalog.close()
    copy = await Catalog.open(f"sqlite:///{tmp_path}/copy-catalog.db")
    assert (await copy.get_video(ID)).id == ID
    await copy.close()


async def test_a_full_sqlite_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    catalog = await Catalog.open(f"sqlite:///{path}")
    async with catalog._database.reading() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFull):
        await catalog.create_video(ID, title="x" * 1_000_000, now=NOW)
    assert await catalog.list_videos(limit=1) == ([], None)
    await catalog.close()


async def test_sqlite_is_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    await (await Catalog.open(f"sqlite:///{path}")).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
