"""Databases that an origin is given: usual URLs, and those that refuse it."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from streamer.core.errors import Unavailable
from streamer.origin.settings import OriginSettings
from streamer.server import open_app
from tests.integration.origin.conftest import OpenOrigin
from tests.integration.test_cli import streamer
from tests.servers import Postgres


async def open_and_close(directory: Path, url: str) -> None:
    async with open_app(OriginSettings(data_dir=directory, database_url=url)):
        pass


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=disable&sslrootcert=/etc/ssl/certs/ca-certificates.crt",
        "connect_timeout=5",
        "application_name=mine",
        "options=-csearch_path%3Dpublic",
        "target_session_attrs=read-write",
    ],
)
async def test_usual_parameters_are_understood(
    postgres: Postgres, tmp_path: Path, query: str
) -> None:
    await open_and_close(tmp_path, f"{await postgres.create_database()}?{query}")


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
