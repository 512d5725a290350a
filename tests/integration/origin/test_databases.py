"""Databases that an origin is given: usual URLs, and those that refuse it."""

from pathlib import Path

import pytest

from streamer.origin.settings import OriginSettings
from streamer.server import open_app
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
