"""A catalog that was restored from a copy, beside the jobs' database as it is now."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streamer.core.options import PackagingOptions
from streamer.core.video import Repackaging, Video, VideoState
from streamer.origin.renewal import Renewal
from streamer.shared.settings import SharedSettings
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.installation import Installation, WatchedFfmpeg, eventually

VIDEO = "testvideo1"


async def make_probing(installation: Installation) -> None:
    await installation.catalog.create_video(VIDEO, title="x", now=datetime.now(UTC))
    await installation.catalog.accept_source(VIDEO, size_bytes=1)
    await installation.jobs.package(VIDEO)


async def swept(installation: Installation) -> Video:
    await Renewal(installation.catalog, installation.jobs).sweep()
    return await installation.catalog.get_video(VIDEO)


class TestOnEitherDatabase:
    @pytest.fixture
    def settings(self, either_database: SharedSettings) -> SharedSettings:
        return either_database

    async def test_what_is_in_the_making_begins_again_when_its_job_has_ended(
        self, installation: Installation
    ) -> None:
        await make_probing(installation)
        assert (await swept(installation)).version == 1, "it waits"
        await installation.jobs.withdraw(VIDEO, 1)
        video = await swept(installation)
        assert (video.state, video.version) == (VideoState.PROBING, 2)
        assert (await swept(installation)).version == 2, "that waits now"

    async def test_so_does_a_new_version_while_the_old_one_plays(
        self, installation: Installation
    ) -> None:
        await make_probing(installation)
        catalog, jobs = installation.catalog, installation.jobs
        await catalog.begin_packaging(VIDEO, duration_seconds=1.0, renditions=[])
        await catalog.finish(VIDEO, duration_seconds=1.0, now=datetime.now(UTC))
        await jobs.withdraw(VIDEO, 1)
        assert (await swept(installation)).version == 1, "it is ready"
        await catalog.repackage(VIDEO, PackagingOptions())
        await jobs.package(VIDEO, 2)
        await jobs.withdraw(VIDEO, 2)
        assert (await swept(installation)).repackaging == Repackaging(3, 0.0)


@pytest.mark.slow
async def test_a_video_of_a_restored_catalog_is_packaged_again(
    settings: SharedSettings, ffmpeg: WatchedFfmpeg, start_worker: StartWorker, tmp_path: Path
) -> None:
    path = settings.data_dir / "streamer.db"
    copy = tmp_path / "copy.db"
    installation = await Installation.open(settings)
    ffmpeg.hold("sound")
    worker = start_worker()
    await installation.hand_over(VIDEO, "plain")

    async def sound_begins() -> bool:
        return ffmpeg.is_running("sound")

    await eventually(sound_begins)
    await asyncio.to_thread(back_up, path, copy)
    ffmpeg.release("sound")
    jobs = installation.jobs

    async def has_ended() -> bool:
        return await jobs.ended([(VIDEO, 1)]) == [(VIDEO, 1)]

    await eventually(has_ended)
    assert (await installation.outcome(VIDEO)).state is VideoState.READY
    await worker.stop()
    await installation.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    copy.rename(path)
    installation = await Installation.open(settings)
    start_worker()

    async def is_ready() -> bool:
        return (await swept(installation)).state is VideoState.READY

    await eventually(is_ready)
    assert (await installation.catalog.get_video(VIDEO)).version == 2
    await installation.close()


def back_up(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
