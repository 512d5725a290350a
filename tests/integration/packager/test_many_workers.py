"""Several workers at the chunks of one PostgreSQL database and one store."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamer.core.errors import NotFound
from streamer.core.keys import source_key, video_prefix
from streamer.core.video import VideoState
from streamer.shared.release import RELEASE
from streamer.shared.settings import SharedSettings
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.installation import (
    Installation,
    WatchedFfmpeg,
    WorkerProcess,
    eventually,
)
from tests.servers import Postgres

pytestmark = pytest.mark.slow

VIDEO, OTHER = "testvideo1", "testvideo2"
CLIP = "minute"
# The clip's chunks begin at these frames, 40 to a segment; the workflow encodes the first itself.
FIRST, *SHARED = CHUNKS = ["0", "40", "80", "160", "240", "360", "440", "520", "560"]
POISONED = SHARED[3]
# A chunk of the clip "numbered".
OF_THE_OTHER = "400"
MOST_TRIES = 3


@pytest.fixture
async def settings(tmp_path: Path, postgres: Postgres) -> SharedSettings:
    return SharedSettings(data_dir=tmp_path / "data", database_url=await postgres.create_database())


@pytest.fixture
def other_ffmpeg(tmp_path: Path) -> WatchedFfmpeg:
    (tmp_path / "watched-too").mkdir()
    return WatchedFfmpeg(tmp_path / "watched-too")


async def objects(installation: Installation, video_id: str) -> set[str]:
    """The names of all that was made of a video; most are named by their bytes."""
    prefix = video_prefix(video_id)
    listed = [info.key async for info in installation.store.list(prefix)]
    return {key.removeprefix(prefix) for key in listed if key != source_key(video_id)}


async def published(installation: Installation, video_id: str) -> object:
    """What the manifests are made of."""
    return (
        await installation.catalog.renditions(video_id),
        await installation.catalog.all_segments(video_id),
        (await installation.catalog.get_video(video_id)).duration_seconds,
    )


async def test_two_workers_share_the_chunks_of_one_video(
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    other_ffmpeg: WatchedFfmpeg,
    start_worker: StartWorker,
) -> None:
    watched = (ffmpeg, other_ffmpeg)
    for program in watched:
        for kind in SHARED:
            program.hold(kind)
        start_worker(PACKAGER_FFMPEG=str(program.path), PACKAGER_CONCURRENCY="1")
    await installation.hand_over(VIDEO, CLIP)

    async def both_have_some() -> bool:
        return all(any(program.is_running(kind) for kind in SHARED) for program in watched)

    await eventually(both_have_some)
    for program in watched:
        for kind in SHARED:
            program.release(kind)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    runs = ffmpeg.runs() + other_ffmpeg.runs()
    assert {kind: runs[kind] for kind in CHUNKS} == dict.fromkeys(CHUNKS, 1)


@pytest.mark.parametrize("seed", [1, 2])
async def test_workers_killed_at_any_moment_change_no_byte(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker, seed: int
) -> None:
    workers = [start_worker(PACKAGER_TRIES="20") for _ in range(2)]
    await installation.hand_over(OTHER, CLIP)
    assert (await installation.outcome(OTHER)).state is VideoState.READY
    moments = random.Random(seed)
    ffmpeg.hold(SHARED[-1])
    await installation.hand_over(VIDEO, CLIP)

    async def is_held_up() -> bool:
        return ffmpeg.is_running(SHARED[-1])

    for _ in range(3):
        wanted = ffmpeg.runs().total() + moments.randint(1, 3)

        async def it_is_time(wanted: int = wanted) -> bool:
            return ffmpeg.runs().total() >= wanted or await is_held_up()

        await eventually(it_is_time)
        await asyncio.sleep(moments.random() * 0.3)
        workers.pop(moments.randrange(2)).kill()
        workers.append(start_worker(PACKAGER_TRIES="20"))
    await eventually(is_held_up)
    for worker in workers:
        worker.kill()
    ffmpeg.release(SHARED[-1])
    start_worker(PACKAGER_TRIES="20")
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert ffmpeg.runs()[SHARED[-1]] > 2, "something was begun twice"
    assert await published(installation, VIDEO) == await published(installation, OTHER)
    assert await objects(installation, VIDEO) == await objects(installation, OTHER)


async def keep_busy(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    """Start a worker that has as much to do as it takes on, and other chunks wait."""
    for kind in SHARED[:2]:
        ffmpeg.hold(kind)
    start_worker(PACKAGER_CONCURRENCY="1")
    await installation.hand_over(VIDEO, CLIP)

    async def the_worker_has_enough() -> bool:
        return all(ffmpeg.is_running(kind) for kind in SHARED[:2])

    await eventually(the_worker_has_enough)


@pytest.mark.parametrize("step", [-1, 1])
async def test_a_worker_of_another_release_leaves_the_chunks_alone(
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    other_ffmpeg: WatchedFfmpeg,
    start_worker: StartWorker,
    step: int,
) -> None:
    start_worker(release=RELEASE + step, PACKAGER_FFMPEG=str(other_ffmpeg.path))
    heard: set[tuple[str, datetime]] = set()

    async def both_had_their_chances() -> bool:
        heard.update((await installation.catalog.worker_heartbeats()).items())
        counts = Counter(worker_id for worker_id, _ in heard)
        return len(counts) == 2 and min(counts.values()) > 3

    await keep_busy(installation, ffmpeg, start_worker)
    await eventually(both_had_their_chances)
    for kind in SHARED[:2]:
        ffmpeg.release(kind)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert set(other_ffmpeg.runs()) <= {"other"}, "it only tried its programs"


@pytest.mark.parametrize("clock_is_off", [timedelta(hours=-1), timedelta(hours=1)])
async def test_what_a_host_had_that_is_gone_is_taken_over_in_time(
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    start_worker: StartWorker,
    clock_is_off: timedelta,
) -> None:
    await keep_busy(installation, ffmpeg, start_worker)
    # This test is the other host: it takes a chunk and is not heard of again.
    gone = "elsewhere/1/abcdef"
    await installation.catalog.worker_heartbeat(gone, now=datetime.now(UTC) + clock_is_off)
    assert await installation.catalog.claim_chunk(gone) is not None
    for kind in SHARED[:2]:
        ffmpeg.release(kind)
    # Six seconds of silence, and the encoding.
    async with asyncio.timeout(60):
        video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert ffmpeg.runs()[SHARED[2]] == 1


@pytest.mark.parametrize("clock_is_off", [timedelta(hours=-1), timedelta(hours=1)])
async def test_a_living_host_s_clock_costs_it_nothing(
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    start_worker: StartWorker,
    clock_is_off: timedelta,
) -> None:
    await keep_busy(installation, ffmpeg, start_worker)
    catalog, living = installation.catalog, "elsewhere/1/abcdef"
    await catalog.worker_heartbeat(living, now=datetime.now(UTC) + clock_is_off)
    claimed = await catalog.claim_chunk(living)
    assert claimed is not None
    heard: set[datetime] = set()

    async def the_worker_had_its_chances() -> bool:
        now = datetime.now(UTC) + clock_is_off
        await catalog.worker_heartbeat(living, now=now)
        heartbeats = await catalog.worker_heartbeats()
        heard.update(at for worker_id, at in heartbeats.items() if worker_id != living)
        return len(heard) > 6

    await eventually(the_worker_had_its_chances)
    own = await catalog.own_chunks(living, {})
    assert own == {(VIDEO, 1, claimed.order.number)}
    await catalog.return_chunk(claimed, living)
    for kind in SHARED[:2]:
        ffmpeg.release(kind)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)


async def test_what_is_needed_sooner_passes_a_worker_s_chunks(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    late = SHARED[-2:]
    for kind in late:
        ffmpeg.hold(kind)
    start_worker(PACKAGER_CONCURRENCY="1")
    await installation.hand_over(VIDEO, CLIP)

    async def all_turns_are_taken() -> bool:
        return all(ffmpeg.is_running(kind) for kind in late)

    await eventually(all_turns_are_taken)
    await installation.hand_over(OTHER, "numbered")
    assert (await installation.outcome(OTHER)).state is VideoState.READY
    assert await all_turns_are_taken()
    for kind in late:
        ffmpeg.release(kind)
    assert (await installation.outcome(VIDEO)).state is VideoState.READY


async def test_a_chunk_that_ends_its_workers_fails_its_video_and_no_other(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.end_the_worker(POISONED)
    ffmpeg.hold(OF_THE_OTHER)
    workers = [start_worker() for _ in range(2)]
    await installation.hand_over(OTHER, "numbered")
    await installation.hand_over(VIDEO, CLIP)
    async with supervised(workers, start_worker):
        video = await installation.outcome(VIDEO)
        assert video.state is VideoState.FAILED
        assert video.error is not None
        assert "24 s to 36 s" in video.error.message
        assert "worker" in video.error.message
        assert ffmpeg.runs()[POISONED] == MOST_TRIES
        ffmpeg.release(OF_THE_OTHER)
        assert (await installation.outcome(OTHER)).state is VideoState.READY


@pytest.mark.parametrize(
    ("kind", "task"), [("probe", "probe"), (FIRST, "first pictures"), ("sound", "sound audio")]
)
async def test_a_task_that_ends_its_workers_fails_its_video_and_no_other(
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    start_worker: StartWorker,
    kind: str,
    task: str,
) -> None:
    ffmpeg.end_the_worker(kind, VIDEO)
    workers = [start_worker() for _ in range(2)]
    await installation.hand_over(OTHER, "numbered")
    await installation.hand_over(VIDEO, CLIP)
    async with supervised(workers, start_worker):
        video = await installation.outcome(VIDEO)
        assert video.error is not None
        assert (video.state, video.error.code) == (VideoState.FAILED, "encode_failed")
        assert f"the worker died 3 times at this task: {task}." in video.error.message
        assert ffmpeg.runs()["deadly"] == MOST_TRIES
        assert (await installation.outcome(OTHER)).state is VideoState.READY


async def test_a_worker_that_is_stopped_costs_no_try(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    at_once = (FIRST, "sound")
    for kind in at_once:
        ffmpeg.hold(kind)
    worker = start_worker(PACKAGER_TRIES="1")
    await installation.hand_over(VIDEO, "numbered")
    for time in (1, 2):

        async def is_at_both(time: int = time) -> bool:
            runs = ffmpeg.runs()
            return all(runs[kind] == time and ffmpeg.is_running(kind) for kind in at_once)

        await eventually(is_at_both)
        assert await worker.stop() == 0
        worker = start_worker(PACKAGER_TRIES="1")
    for kind in at_once:
        ffmpeg.release(kind)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)


@asynccontextmanager
async def supervised(
    workers: list[WorkerProcess], start_worker: StartWorker
) -> AsyncGenerator[None]:
    """Workers that end are started again."""
    restarting = asyncio.create_task(restart(workers, start_worker))
    try:
        yield
    finally:
        restarting.cancel()
        await asyncio.wait([restarting])


async def restart(workers: list[WorkerProcess], start_worker: StartWorker) -> None:
    """What a supervisor does, until cancelled."""
    while True:
        await asyncio.sleep(0.1)
        for worker in [worker for worker in workers if worker.has_ended]:
            workers.remove(worker)
            workers.append(start_worker())


async def test_a_deleted_video_s_work_ends_on_every_worker(
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    other_ffmpeg: WatchedFfmpeg,
    start_worker: StartWorker,
) -> None:
    watched = (ffmpeg, other_ffmpeg)
    for program in watched:
        for kind in SHARED:
            program.hold(kind)
        start_worker(PACKAGER_FFMPEG=str(program.path), PACKAGER_CONCURRENCY="1")
    await installation.hand_over(VIDEO, CLIP)

    async def both_have_some() -> bool:
        return all(any(program.is_running(kind) for kind in SHARED) for program in watched)

    await eventually(both_have_some)
    await installation.catalog.delete_video(VIDEO, now=datetime.now(UTC))
    await installation.jobs.cancel(VIDEO)

    async def nothing_runs() -> bool:
        return not any(program.is_running(kind) for program in watched for kind in CHUNKS)

    # Sooner than one that stands still is ended.
    async with asyncio.timeout(60):
        await eventually(nothing_runs)

    async def nothing_is_left() -> bool:
        return not [info async for info in installation.store.list(video_prefix(VIDEO))]

    await eventually(nothing_is_left)
    with pytest.raises(NotFound):
        await installation.catalog.get_video(VIDEO)


async def test_a_source_longer_than_stated_is_followed_by_the_next_worker_too(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    """Twelve seconds are stated: chunks from frame 160 on are not in the first plan."""
    behind_the_plan = "160", "400"
    ffmpeg.hold(behind_the_plan[1])
    first = start_worker()
    await installation.hand_over(VIDEO, "longer_than_stated")

    async def is_behind_the_plan() -> bool:
        return ffmpeg.is_running(behind_the_plan[1])

    await eventually(is_behind_the_plan)
    first.kill()
    ffmpeg.release(behind_the_plan[1])
    start_worker()
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert await installation.segment_counts(VIDEO) == {"180p": 15, "audio": 15}
    assert ffmpeg.runs()[behind_the_plan[0]] == 1
