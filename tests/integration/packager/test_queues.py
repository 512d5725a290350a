"""Whole sources beside those that still arrive, on SQLite and on a real PostgreSQL server."""

import asyncio
from datetime import UTC, datetime

import pytest

from sample_media.generate import generate
from streamer.core.keys import source_key
from streamer.core.video import VideoState
from streamer.shared.settings import SharedSettings
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.installation import Installation, WatchedFfmpeg, eventually

pytestmark = pytest.mark.slow

ABANDONED, ARRIVING, WHOLE = "testvideo1", "testvideo2", "testvideo3"


@pytest.fixture
def settings(either_database: SharedSettings) -> SharedSettings:
    return either_database


async def test_whole_sources_wait_for_none_that_arrive(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    catalog, jobs = installation.catalog, installation.jobs
    for video_id in (ABANDONED, ARRIVING):
        await catalog.create_video(video_id, title="x", now=datetime.now(UTC))
        await catalog.note_received(video_id, received_bytes=0, length_bytes=1_000_000)
        await jobs.package(video_id, arrives=True)
    start_worker(PACKAGER_VIDEOS="1")

    async def waits_for_bytes() -> bool:
        return ffmpeg.is_running("probe")

    await eventually(waits_for_bytes)
    await installation.hand_over(WHOLE, "plain")
    assert (await installation.outcome(WHOLE)).state is VideoState.READY
    clip = await asyncio.to_thread(generate, "plain")
    stored = await installation.store.put_file(source_key(ARRIVING), clip)
    await catalog.accept_source(ARRIVING, size_bytes=stored.size_bytes)
    await jobs.package(ARRIVING)
    assert (await installation.outcome(ARRIVING)).state is VideoState.READY
    assert (await catalog.get_video(ABANDONED)).state is VideoState.UPLOADING
    assert ffmpeg.is_running("probe")
