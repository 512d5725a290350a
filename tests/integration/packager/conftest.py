import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from packager.core.recipe import Recipe
from packager.inspection import inspect_source
from packager.settings import PackagerSettings
from packager.workshop import Workshop
from streamer.shared.release import RELEASE
from streamer.shared.settings import SharedSettings
from tests.integration.packager.installation import Installation, WatchedFfmpeg, WorkerProcess
from tests.servers import Postgres

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def settings(tmp_path: Path) -> SharedSettings:
    return SharedSettings(data_dir=tmp_path / "data")


@pytest.fixture(params=["sqlite", "postgresql"])
async def either_database(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres
) -> SharedSettings:
    """Settings of an installation on each of the databases; a module makes it its `settings`."""
    url = await postgres.create_database() if request.param == "postgresql" else ""
    return SharedSettings(data_dir=tmp_path / "data", database_url=url)


@pytest.fixture
async def installation(settings: SharedSettings) -> AsyncIterator[Installation]:
    opened = await Installation.open(settings)
    yield opened
    await opened.close()


@pytest.fixture
async def empty_workshop(settings: SharedSettings) -> AsyncIterator[Workshop]:
    """A workshop without a video."""
    settings.data_dir.mkdir()
    async with AsyncExitStack() as stack:
        yield await Workshop.open(PackagerSettings(shared=settings), stack)


@pytest.fixture
async def recipe(workshop: Workshop) -> Recipe:
    """What becomes of the pictures of the one video that a module's own workshop holds."""
    (video,), _ = await workshop.catalog.list_videos(limit=2)
    async with workshop.sources.open(video.id) as source:
        found = (await inspect_source(workshop, video.id, 1, source)).recipe
    assert found is not None
    return found


@pytest.fixture
def ffmpeg(tmp_path: Path) -> WatchedFfmpeg:
    (tmp_path / "watched").mkdir()
    return WatchedFfmpeg(tmp_path / "watched")


@pytest.fixture
async def start_worker(
    settings: SharedSettings, ffmpeg: WatchedFfmpeg, tmp_path: Path
) -> AsyncIterator[StartWorker]:
    """Starts a worker process of the installation, of a release; extra variables by name."""
    started = []

    def start(*, release: int = RELEASE, **environment: str) -> WorkerProcess:
        worker = WorkerProcess(
            {
                "STREAMER_DATA_DIR": str(settings.data_dir),
                "STREAMER_STORE": settings.store,
                "STREAMER_DATABASE_URL": settings.database_url,
                "PACKAGER_FFMPEG": str(ffmpeg.path),
                "PACKAGER_FFPROBE": str(ffmpeg.probe_path),
                **environment,
            },
            tmp_path / "worker.log",
            release,
        )
        started.append(worker)
        return worker

    yield start
    await asyncio.gather(*(worker.stop() for worker in started), return_exceptions=True)
