"""A database that is away, or gives no rights, while a video is packaged: it takes longer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from packager.patience import outlast
from streamer.core.video import VideoState
from streamer.shared.settings import SharedSettings
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.installation import Installation, WatchedFfmpeg, eventually
from tests.servers import Postgres

pytestmark = pytest.mark.slow

VIDEO = "testvideo1"
# The first frames of chunks of the clip "minute".
CHUNKS = ["160", "240", "360", "440"]
# In this time everybody asks, and who says nothing is dead.
OUTAGE_SECONDS = 8
Outage = Callable[[Postgres, str], AbstractAsyncContextManager[None]]


def stopped(server: Postgres, url: str) -> AbstractAsyncContextManager[None]:
    """The server does not run meanwhile."""
    return server.stopped()


@asynccontextmanager
async def revoked(server: Postgres, url: str) -> AsyncGenerator[None]:
    """Whom the workers are may not use what is in the database meanwhile."""
    target = make_url(url)
    name, role = target.database or "", target.username
    schemas = f"SCHEMA public, dbos FROM PUBLIC, {role}"
    await server.execute(server.url(name), f"REVOKE USAGE ON {schemas}")
    yield
    await server.execute(server.url(name), f"GRANT USAGE ON SCHEMA public, dbos TO {role}")


@pytest.fixture
async def own_postgres() -> AsyncIterator[Postgres]:
    async with Postgres() as server:
        yield server


@pytest.fixture
async def settings(tmp_path: Path, own_postgres: Postgres) -> SharedSettings:
    made = await own_postgres.create_database()
    url = await own_postgres.create_role(made)
    target = make_url(url)
    await own_postgres.execute(
        made,
        f"GRANT CREATE ON DATABASE {target.database} TO {target.username}",
        f"GRANT ALL ON SCHEMA public TO {target.username}",
    )
    return SharedSettings(data_dir=tmp_path / "data", database_url=url)


@pytest.mark.parametrize("outage", [stopped, revoked])
async def test_a_database_that_is_away_for_a_moment_fails_no_video(
    outage: Outage,
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    tmp_path: Path,
    start_worker: StartWorker,
    own_postgres: Postgres,
) -> None:
    (tmp_path / "watched-too").mkdir()
    watched = ffmpeg, WatchedFfmpeg(tmp_path / "watched-too")
    for program in watched:
        for chunk in CHUNKS:
            program.hold(chunk)
        start_worker(
            PACKAGER_FFMPEG=str(program.path), PACKAGER_CONCURRENCY="1", PACKAGER_TRIES="1"
        )
    await installation.hand_over(VIDEO, "minute")

    async def both_have_some() -> bool:
        return all(any(program.is_running(chunk) for chunk in CHUNKS) for program in watched)

    await eventually(both_have_some)
    async with outage(own_postgres, installation.settings.database_url):
        for program in watched:
            for chunk in CHUNKS:
                program.release(chunk)
        await asyncio.sleep(OUTAGE_SECONDS)
    video = await outlast(lambda: installation.outcome(VIDEO))
    assert (video.state, video.error) == (VideoState.READY, None)
