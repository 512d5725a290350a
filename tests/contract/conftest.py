"""Catalogs in both databases."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from streamer.shared.catalog import Catalog
from streamer.shared.release import RELEASE
from tests.servers import Postgres


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog without a video, to be copied."""
    path = tmp_path_factory.mktemp("tables") / "catalog.db"
    await (await Catalog.open(f"sqlite:///{path}")).close()
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_tables(postgres: Postgres) -> str:
    """The name of such a database, to be the template of others."""
    url = await postgres.create_database()
    await (await Catalog.open(url)).close()
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str, request: pytest.FixtureRequest) -> Postgres | None:
    """None where a database is a file."""
    found: Postgres | None = None
    if kind == "postgresql":
        found = request.getfixturevalue("postgres")
    return found


@pytest.fixture
async def empty_url(server: Postgres | None, tmp_path: Path) -> str:
    """The URL of a new database without tables."""
    if server is None:
        return f"sqlite:///{tmp_path}/new/catalog.db"
    return await server.create_database()


@pytest.fixture
def template(kind: str, request: pytest.FixtureRequest) -> Path | str:
    name = "sqlite_tables" if kind == "sqlite" else "postgres_tables"
    found: Path | str = request.getfixturevalue(name)
    return found


@pytest.fixture
async def url(template: Path | str, server: Postgres | None, tmp_path: Path) -> str:
    """The URL of a new catalog."""
    if server is None:
        shutil.copy(template, tmp_path / "catalog.db")
        return f"sqlite:///{tmp_path}/catalog.db"
    return await server.create_database(str(template))


@pytest.fixture
async def catalog(url: str) -> AsyncIterator[Catalog]:
    catalog = await Catalog.open(url)
    yield catalog
    await catalog.close()


@pytest.fixture
async def other(catalog: Catalog, url: str) -> AsyncIterator[Catalog]:
    """The same database by connections of its own, as another process has them."""
    other = await Catalog.open(url)
    yield other
    await other.close()


@pytest.fixture
async def newer(catalog: Catalog, url: str) -> AsyncIterator[Catalog]:
    """The same database as the next release has it."""
    newer = await Catalog.open(url, release=RELEASE + 1)
    yield newer
    await newer.close()
