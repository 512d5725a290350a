"""What the jobs' database keeps of the work, on SQLite and on a real PostgreSQL server."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from streamer.core.options import PackagingOptions
from streamer.core.video import VideoState
from streamer.origin.retirement import Retirement
from streamer.shared.jobs import jobs_url
from streamer.shared.settings import SharedSettings
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.installation import Installation, WatchedFfmpeg, eventually

pytestmark = pytest.mark.slow

VIDEO = "testvideo1"
LONGER = f"{VIDEO}0"
TABLES = ("workflow_status", "workflow_input", "workflow_output", "operation_outputs")
SECOND = timedelta(seconds=1)


@pytest.fixture
def settings(either_database: SharedSettings) -> SharedSettings:
    return either_database


async def test_what_is_replaced_or_deleted_leaves_no_record(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    catalog, jobs = installation.catalog, installation.jobs
    retirement = Retirement(catalog, installation.store, jobs, grace_seconds=0)
    ffmpeg.hold("sound")
    start_worker()
    await installation.hand_over(VIDEO, "plain")

    async def sound_begins() -> bool:
        return ffmpeg.is_running("sound")

    await eventually(sound_begins)
    await jobs.forget_version(VIDEO, 1)
    assert VIDEO in recorded(installation), "it goes on"
    ffmpeg.release("sound")
    await installation.outcome(VIDEO)
    await catalog.repackage(VIDEO, PackagingOptions())
    await jobs.package(VIDEO, 2)

    async def is_replaced() -> bool:
        return (await catalog.get_video(VIDEO)).version == 2

    await eventually(is_replaced)
    await retirement.sweep(now=datetime.now(UTC) + SECOND)
    assert recorded(installation) == {f"{VIDEO}-v2"}
    await installation.hand_over(LONGER, "plain")
    await jobs.cancel(VIDEO)
    await jobs.forget(VIDEO)
    assert recorded(installation) == {LONGER}
    assert (await installation.outcome(LONGER)).state is VideoState.READY


def recorded(installation: Installation) -> set[str]:
    """The jobs of which anything is recorded."""
    engine = create_engine(jobs_url(installation.settings))
    schema = "dbos." if engine.dialect.name == "postgresql" else ""
    union = " UNION ".join(f"SELECT workflow_uuid FROM {schema}{table}" for table in TABLES)
    try:
        with engine.connect() as connection:
            return set(connection.execute(text(union)).scalars())
    finally:
        engine.dispose()
