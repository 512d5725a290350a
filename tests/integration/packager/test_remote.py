"""Workers whose store is an S3 bucket and whose database is a PostgreSQL server."""

from pathlib import Path

import pytest

from streamer.core.video import VideoState
from streamer.seaweedfs import SeaweedFS
from streamer.shared.settings import SharedSettings
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.installation import Installation
from tests.servers import Postgres

VIDEO = "testvideo1"


@pytest.fixture
async def settings(
    tmp_path: Path, seaweedfs: SeaweedFS, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> SharedSettings:
    for name, value in seaweedfs.environment().items():
        monkeypatch.setenv(name, value)
    return SharedSettings(
        data_dir=tmp_path / "data",
        store=f"s3://{seaweedfs.bucket}/packager",
        database_url=await postgres.create_database(),
        s3_addressing_style="path",
    )


async def test_a_video_is_packaged_out_of_a_bucket(
    installation: Installation, start_worker: StartWorker
) -> None:
    start_worker()
    await installation.hand_over(VIDEO, "plain")
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert await installation.segment_counts(VIDEO) == {"240p": 1, "360p": 1, "audio": 1}
    assert (await installation.track(VIDEO, "360p"))[4:8] == b"ftyp"
