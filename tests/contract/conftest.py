"""Catalogs in both databases."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from streamer.shared.catalog import Catalog
from streamer.shared.release import RELEASE
from tests.servers import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def make_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Awaitable[str]]:
    """Makes URLs of new, empty databases."""
    numbers = itertools.count()

    async def sqlite() -> str:
        return f"sqlite:///{tmp_path}/new/catalog-{next(numbers)}.db"

    if request.param == "sqlite":
        return sqlite
    server: Postgres = request.getfixturevalue("postgres")
    return server.create_database


@pytest.fixture
async def url(make_url: Callable[[], Awaitable[str]]) -> str:
    return await make_url()


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
