"""Databases that an origin is given: usual URLs, and those that refuse it."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import create_engine, make_url

from streamer.core.errors import Unavailable
from streamer.origin.settings import OriginSettings
from streamer.processes import end_with_parent
from streamer.server import open_app
from streamer.shared.jobs import jobs_url
from streamer.shared.settings import SharedSettings
from tests.integration.origin.conftest import OpenOrigin, eventually
from tests.integration.test_cli import streamer
from tests.servers import Postgres, free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


async def open_and_close(directory: Path, url: str) -> None:
    async with open_app(OriginSettings(data_dir=directory, database_url=url)):
        pass


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=disable&sslrootcert=/etc/ssl/certs/ca-certificates.crt",
        "connect_timeout=5",
        "keepalives_idle=30&tcp_user_timeout=20000",
        "application_name=mine",
        "options=-csearch_path%3Dpublic",
        "target_session_attrs=read-write",
    ],
)
async def test_usual_parameters_are_understood(
    postgres: Postgres, tmp_path: Path, query: str
) -> None:
    await open_and_close(tmp_path, f"{await postgres.create_database()}?{query}")


@pytest.mark.parametrize(("query", "milliseconds"), [("", 15_000), ("?tcp_user_timeout=7", 7)])
async def test_the_job_queue_does_not_wait_for_a_connection_that_is_lost(
    postgres: Postgres, tmp_path: Path, query: str, milliseconds: int
) -> None:
    url = f"{await postgres.create_database()}{query}"
    engine = create_engine(jobs_url(SharedSettings(data_dir=tmp_path, database_url=url)))
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as own:
            asked = [
                own.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPCNT)
            ]
    engine.dispose()
    assert asked == [milliseconds, 10, 3]


async def test_an_encoding_that_is_none_is_taken(postgres: Postgres, tmp_path: Path) -> None:
    create = (
        "CREATE DATABASE plain ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    await postgres.execute(postgres.url("postgres"), create)
    await open_and_close(tmp_path, postgres.url("plain"))


async def test_why_it_refuses_is_told_at_the_start(postgres: Postgres, tmp_path: Path) -> None:
    url = await postgres.create_database()
    role = await postgres.create_role(url)
    refusals = {
        postgres.url("nowhere"): 'database "nowhere" does not exist',
        f"{url}?sslmode=require": "SSL",
        role: "permission denied for schema public",
    }
    for refused, reason in refusals.items():
        with pytest.raises(Unavailable, match=reason) as caught:
            await open_and_close(tmp_path, refused)
        assert caught.value.detail == "the database does not answer"
    await postgres.execute(url, f"GRANT ALL ON SCHEMA public TO {make_url(role).username}")
    with pytest.raises(Unavailable, match="permission denied for database") as caught:
        await open_and_close(tmp_path, role)
    assert caught.value.detail == "the job queue does not answer"


async def test_a_pooler_must_keep_sessions(postgres: Postgres, tmp_path: Path) -> None:
    url = await postgres.create_database()
    async with pooled(url, tmp_path, "session") as pooler:
        await open_and_close(tmp_path, pooler)
    async with pooled(url, tmp_path, "transaction") as pooler:
        with pytest.raises(Unavailable, match="must pool by session"):
            await open_and_close(tmp_path, pooler)


@asynccontextmanager
async def pooled(url: str, directory: Path, mode: str) -> AsyncGenerator[str]:
    """The URL of a database behind a pooler."""
    assert PGBOUNCER, "pgbouncer is not installed: make test installs it"
    server, port = make_url(url), free_port()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": mode,
        "ignore_startup_parameters": "extra_float_digits,options",
    }
    lines = [
        "[databases]",
        f"{server.database} = host=127.0.0.1 port={server.port} user={server.username}",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    path = directory / f"{mode}.ini"
    path.write_text("\n".join(lines))
    with path.open() as file:
        process = await asyncio.create_subprocess_exec(
            *(PGBOUNCER, "-q", "/dev/stdin"),
            # It refuses to be root, and others may not come to where the file lies.
            user="nobody" if os.geteuid() == 0 else None,
            stdin=file,
            preexec_fn=end_with_parent,
        )
    try:
        pooled_url = server.set(port=port).render_as_string()
        await eventually(lambda: answers(pooled_url))
        yield pooled_url
    finally:
        process.terminate()
        await process.wait()


async def answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


def test_the_command_says_why(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is a text, and not a short one. " * 100)
    url = f"sqlite:///{tmp_path}/text.db"
    result = streamer("serve", STREAMER_DATABASE_URL=url, STREAMER_DATA_DIR=str(tmp_path))
    assert result.returncode == 3
    said = "streamer: the database does not answer: file is not a database"
    assert said in result.stderr.splitlines()


async def test_clients_are_not_told_why_but_the_log_is(
    open_origin: OpenOrigin, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    url = await postgres.create_database()
    role = await postgres.create_role(url)
    await postgres.execute(url, f"GRANT ALL ON SCHEMA public TO {make_url(role).username}")
    async with open_origin(database_url=role) as origin:
        await postgres.execute(url, "ALTER TABLE videos OWNER TO pg_monitor")
        answer = await origin.client.get("/api/v1/videos")
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert answer.json()["detail"] == "the database does not answer"
        await origin.services.reconciler.reconcile()
        assert "permission denied for table videos" in caplog.text
