"""Fixtures that every suite may use: real servers, started once a session, when first asked for."""

from collections.abc import AsyncIterator

import hypothesis
import pytest
import pytest_asyncio

from streamer.seaweedfs import SeaweedFS
from tests.servers import Postgres

# A busy machine fails no test by being slow.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SeaweedFS]:
    """A server of the S3 API with an empty bucket."""
    async with SeaweedFS(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """A PostgreSQL server; `await postgres.create_database()` is the URL of an empty database."""
    async with Postgres() as server:
        yield server
