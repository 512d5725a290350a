"""Workers as processes: killed, stopped, cancelled, and several videos at once."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from packager.core.recipe import read_recipe
from sample_media.generate import generate
from streamer.core.errors import NotFound
from streamer.core.keys import rendition_prefix, source_key, video_prefix
from streamer.core.options import PackagingOptions, VideoCodec
from streamer.core.video import MediaKind, VideoError, VideoState
from streamer.origin.renewal import Renewal
from streamer.shared import jobs
from tests.integration.packager.conftest import StartWorker
from tests.integration.packager.described import write
from tests.integration.packager.installation import Installation, WatchedFfmpeg, eventually

pytestmark = pytest.mark.slow

VIDEO = "testvideo1"
OTHER = "testvideo2"
# The clip "numbered": 500 frames, 100 to a segment, one rendition. Chunks begin at these frames.
FIRST, SECOND, LAST = "0", "100", "400"
RENDITION = "180p"


async def held_up_at_the_last_chunk(
    installation: Installation, ffmpeg: WatchedFfmpeg, video_id: str = VIDEO
) -> None:
    """Everything but the last chunk is published, and that one is running."""

    async def is_so() -> bool:
        counts = await installation.segment_counts(video_id)
        return counts.get(RENDITION, 0) == 4 and ffmpeg.is_running(LAST)

    await eventually(is_so)


async def test_a_killed_worker_s_video_is_finished_by_the_next_one(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.hold(LAST)
    first = start_worker()
    await installation.hand_over(VIDEO, "numbered")
    await held_up_at_the_last_chunk(installation, ffmpeg)

    async def sound_is_recorded() -> bool:
        return (await installation.segment_counts(VIDEO)).get("audio", 0) >= 4

    await eventually(sound_is_recorded)
    first.kill()

    async def ffmpeg_has_ended() -> bool:
        return not ffmpeg.is_running(LAST)

    await eventually(ffmpeg_has_ended)
    ffmpeg.release(LAST)
    start_worker()
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert await installation.segment_counts(VIDEO) == {RENDITION: 5, "audio": 5}
    runs = ffmpeg.runs()
    assert (runs[FIRST], runs[SECOND], runs[LAST]) == (1, 1, 2)


async def test_a_stopped_worker_leaves_its_video_to_the_next_one(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.hold(LAST)
    first = start_worker()
    await installation.hand_over(VIDEO, "numbered")
    await held_up_at_the_last_chunk(installation, ffmpeg)
    assert await first.stop() == 0
    assert not ffmpeg.is_running(LAST)
    assert (await installation.catalog.get_video(VIDEO)).state is VideoState.PACKAGING
    ffmpeg.release(LAST)
    start_worker()
    assert (await installation.outcome(VIDEO)).state is VideoState.READY
    assert ffmpeg.runs()[SECOND] == 1


async def test_a_deleted_video_s_work_ends_and_leaves_nothing(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.hold(LAST)
    start_worker()
    await installation.hand_over(VIDEO, "numbered")
    await held_up_at_the_last_chunk(installation, ffmpeg)
    video = await installation.catalog.get_video(VIDEO)
    assert video.playable_at is not None
    await installation.catalog.delete_video(VIDEO, now=video.playable_at)
    await installation.jobs.cancel(VIDEO)

    async def nothing_is_left() -> bool:
        objects = [info async for info in installation.store.list(video_prefix(VIDEO))]
        return not objects and not ffmpeg.is_running(LAST)

    await eventually(nothing_is_left)
    with pytest.raises(NotFound):
        await installation.catalog.get_video(VIDEO)


async def test_a_deleted_video_s_next_version_ends_with_it(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    start_worker()
    await installation.hand_over(VIDEO, "plain")
    await installation.outcome(VIDEO)
    ffmpeg.hold(FIRST)
    again = await installation.catalog.repackage(VIDEO, PackagingOptions())
    assert again.repackaging is not None
    await installation.jobs.package(VIDEO, again.repackaging.version)

    async def only_its_first_chunk_is_left() -> bool:
        sound = await installation.catalog.segments(VIDEO, "audio-v2")
        return ffmpeg.is_running(FIRST) and not ffmpeg.is_running("sound") and bool(sound)

    await eventually(only_its_first_chunk_is_left)
    await installation.catalog.delete_video(VIDEO, now=datetime.now(UTC))
    await installation.jobs.cancel(VIDEO)

    async def nothing_is_left() -> bool:
        objects = [info async for info in installation.store.list(video_prefix(VIDEO))]
        return not objects and not ffmpeg.is_running(FIRST)

    await eventually(nothing_is_left)


async def test_a_new_video_starts_while_another_one_keeps_the_worker_busy(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.hold(LAST)
    start_worker(PACKAGER_CONCURRENCY="1")
    await installation.hand_over(VIDEO, "numbered")
    await held_up_at_the_last_chunk(installation, ffmpeg)
    await installation.hand_over(OTHER, "numbered")

    async def is_playable() -> bool:
        return (await installation.catalog.get_video(OTHER)).playable

    await eventually(is_playable)
    assert (await installation.catalog.get_video(VIDEO)).state is VideoState.PACKAGING
    ffmpeg.release(LAST)
    assert (await installation.outcome(VIDEO)).state is VideoState.READY
    assert (await installation.outcome(OTHER)).state is VideoState.READY
    assert await installation.track(VIDEO, RENDITION) == await installation.track(OTHER, RENDITION)


@contextmanager
def on_one_processor() -> Iterator[None]:
    """Processes that are started here may run on one processor."""
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usual)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)


@pytest.mark.parametrize(("seconds", "late"), [(0, ()), (5, ("360p",))])
async def test_how_slow_the_first_chunk_was_decides_what_comes_last(
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    start_worker: StartWorker,
    seconds: int,
    late: tuple[str, ...],
) -> None:
    ffmpeg.slow_down(FIRST, seconds)
    ffmpeg.hold(SECOND)
    with on_one_processor():
        start_worker()
    await installation.hand_over(VIDEO, "plain")

    async def there_are_chunks() -> bool:
        return bool(await installation.catalog.chunk_statuses(VIDEO, 1))

    await eventually(there_are_chunks)
    kept = await installation.catalog.begin_version(VIDEO, 1, "", now=datetime.now(UTC))
    assert read_recipe(kept).late == late


async def test_what_is_complete_is_said_so_while_further_codecs_are_made(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    clip = await asyncio.to_thread(generate, "numbered")
    ffmpeg.hold(LAST)
    start_worker()
    hevc = PackagingOptions(codecs=(VideoCodec.HEVC,))
    await installation.hand_over_file(VIDEO, clip, hevc)

    async def has_begun() -> bool:
        return RENDITION in await installation.segment_counts(VIDEO)

    await eventually(has_begun)
    ffmpeg.hold(FIRST)
    assert await complete_renditions(installation) == set()
    ffmpeg.release(LAST)

    async def is_complete() -> bool:
        return await complete_renditions(installation) == {RENDITION, "audio"}

    await eventually(is_complete)
    assert (await installation.catalog.get_video(VIDEO)).state is VideoState.PACKAGING
    ffmpeg.release(FIRST)
    assert (await installation.outcome(VIDEO)).state is VideoState.READY
    assert await complete_renditions(installation) == {RENDITION, f"{RENDITION}-hevc", "audio"}


async def test_a_picture_that_is_held_is_complete_at_the_end_of_the_sound(
    installation: Installation, start_worker: StartWorker
) -> None:
    start_worker()
    await installation.hand_over(VIDEO, "still_and_song")
    counts: dict[str, int] = {}

    async def pictures_are_complete() -> bool:
        nonlocal counts
        is_so = bool(await complete_renditions(installation) - {"audio"})
        counts = await installation.segment_counts(VIDEO)
        return is_so

    await eventually(pictures_are_complete)
    await installation.outcome(VIDEO)
    assert counts == await installation.segment_counts(VIDEO)


async def test_a_picture_is_held_as_long_as_the_longest_sound_goes_on(
    installation: Installation, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker()
    clip = await asyncio.to_thread(
        write,
        tmp_path / "commented.mp4",
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3", "-f", "lavfi", "-i", "sine=d=3"),
        *("-f", "lavfi", "-i", "sine=d=10", "-map", "0", "-map", "1", "-map", "2"),
    )
    await installation.hand_over_file(VIDEO, clip)
    assert (await installation.outcome(VIDEO)).duration_seconds == pytest.approx(10, abs=0.1)
    for rendition in await installation.catalog.renditions(VIDEO):
        segments = await installation.catalog.segments(VIDEO, rendition.name)
        ticks = sum(segment.duration_ticks for segment in segments)
        assert ticks / rendition.timescale == pytest.approx(10, abs=0.1)


async def complete_renditions(installation: Installation) -> set[str]:
    found = await installation.catalog.renditions(VIDEO)
    return {rendition.name for rendition in found if rendition.is_complete}


async def test_a_chunk_that_cannot_be_encoded_fails_its_video(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.break_down(LAST)
    start_worker()
    await installation.hand_over(VIDEO, "numbered")
    video = await installation.outcome(VIDEO)
    assert video.state is VideoState.FAILED
    assert video.error is not None
    assert video.error.code == "encode_failed"
    assert "out of luck" in video.error.message
    assert ffmpeg.runs()[LAST] == 3, "it is tried twice more"


HEVC, AV1 = f"{RENDITION}-hevc", f"{RENDITION}-av1"
BOTH_CODECS = PackagingOptions(codecs=(VideoCodec.HEVC, VideoCodec.AV1))


async def pictures(installation: Installation) -> list[str]:
    found = await installation.catalog.renditions(VIDEO)
    return [rendition.name for rendition in found if rendition.kind is MediaKind.VIDEO]


async def objects(installation: Installation, rendition: str) -> list[str]:
    prefix = rendition_prefix(VIDEO, rendition)
    return [info.key async for info in installation.store.list(prefix)]


@pytest.mark.parametrize("last", [LAST, FIRST])
async def test_a_codec_that_cannot_be_encoded_is_left_out(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker, last: str
) -> None:
    clip = await asyncio.to_thread(generate, "numbered")
    ffmpeg.break_down(last, "libx265")
    start_worker()
    await installation.hand_over_file(VIDEO, clip, BOTH_CODECS)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert video.warnings == (f"{HEVC} was left out: out of luck.",)
    assert await pictures(installation) == [RENDITION, AV1]
    assert await complete_renditions(installation) == {RENDITION, AV1, "audio"}
    assert await objects(installation, HEVC) == []
    assert len(await objects(installation, AV1)) == 6
    assert ffmpeg.runs()[last] == 5, "it is tried twice more, beside the other codecs'"


async def test_a_large_rendition_that_cannot_be_encoded_is_left_out(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.slow_down(FIRST, 5)
    # The first chunk of the larger rendition, which comes last.
    ffmpeg.break_down(FIRST, "scale=640:360")
    with on_one_processor():
        start_worker()
    await installation.hand_over(VIDEO, "plain")
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert video.warnings == ("360p was left out: out of luck.",)
    assert await pictures(installation) == ["240p"]


async def test_what_was_left_out_stays_so_for_the_next_worker(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    clip = await asyncio.to_thread(generate, "numbered")
    ffmpeg.break_down(FIRST, "libx265")
    # A poster is made beside the pictures.
    ffmpeg.hold("still")
    first = start_worker()
    await installation.hand_over_file(VIDEO, clip, BOTH_CODECS)

    async def is_complete() -> bool:
        return await complete_renditions(installation) == {RENDITION, AV1, "audio"} and (
            await pictures(installation) == [RENDITION, AV1]
        )

    await eventually(is_complete)
    tried = ffmpeg.runs()[FIRST]
    first.kill()
    ffmpeg.release("still")
    start_worker()
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert video.warnings == (f"{HEVC} was left out: out of luck.",)
    assert await pictures(installation) == [RENDITION, AV1]
    assert ffmpeg.runs()[FIRST] == tried


async def test_a_codec_that_ends_its_workers_is_left_out_of_a_new_version(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    worker = start_worker()
    await installation.hand_over(VIDEO, "numbered")
    await installation.outcome(VIDEO)
    ffmpeg.end_the_worker(FIRST, "libx265")
    hevc = PackagingOptions(codecs=(VideoCodec.HEVC,))
    again = await installation.catalog.repackage(VIDEO, hevc)
    assert again.repackaging is not None
    await installation.jobs.package(VIDEO, again.repackaging.version)

    async def has_died() -> bool:
        return worker.has_ended

    for _ in range(3):
        await eventually(has_died)
        worker = start_worker()

    async def is_settled() -> bool:
        making = (await installation.catalog.get_video(VIDEO)).repackaging
        return making is None or making.error is not None

    await eventually(is_settled)
    video = await installation.catalog.get_video(VIDEO)
    assert (video.version, video.repackaging) == (2, None)
    assert video.warnings == (f"{HEVC}-v2 was left out: the worker that encoded it died.",)
    assert await pictures(installation) == [f"{RENDITION}-v2"]


async def test_a_codec_whose_end_cannot_be_encoded_is_left_out(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    clip = await asyncio.to_thread(generate, "fading_out")
    ffmpeg.break_down(FIRST, "tpad*libx265")
    start_worker()
    await installation.hand_over_file(VIDEO, clip, BOTH_CODECS)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    left_out, _ = reversed(video.warnings)
    assert left_out.endswith("-hevc was left out: out of luck.")
    ((own, in_av1)) = await pictures(installation)
    assert in_av1 == f"{own}-av1"


async def test_a_failed_video_is_packaged_anew_from_the_source_it_has(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.break_down(LAST)
    start_worker()
    await installation.hand_over(VIDEO, "numbered")
    assert (await installation.outcome(VIDEO)).state is VideoState.FAILED
    ffmpeg.mend(LAST)
    again = await installation.catalog.repackage(VIDEO, PackagingOptions())
    await installation.jobs.package(VIDEO, again.version)
    video = await installation.outcome(VIDEO)
    assert (video.state, video.version, video.error) == (VideoState.READY, 2, None)
    counts = await installation.segment_counts(VIDEO)
    assert (counts[f"{RENDITION}-v2"], counts["audio-v2"]) == (5, 5)
    assert [r.name for r in await installation.catalog.renditions(VIDEO)] == [
        f"{RENDITION}-v2",
        "audio-v2",
    ]


async def test_what_an_earlier_release_left_begins_again(
    installation: Installation,
    ffmpeg: WatchedFfmpeg,
    start_worker: StartWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = start_worker()
    ffmpeg.hold(LAST)
    await installation.hand_over(VIDEO, "numbered")
    await held_up_at_the_last_chunk(installation, ffmpeg)
    await begun.stop()
    renewal = Renewal(installation.catalog, installation.jobs)
    await renewal.sweep()
    assert (await installation.catalog.get_video(VIDEO)).version == 1, "it is of this release"
    monkeypatch.setattr(jobs, "APPLICATION_VERSION", "0")
    await installation.hand_over(OTHER, "plain")
    monkeypatch.undo()
    await count_as_of_an_earlier_release(installation, VIDEO)
    await renewal.sweep()
    assert (await installation.catalog.get_video(VIDEO)).version == 1, "its worker may live"
    ffmpeg.release(LAST)
    start_worker()

    async def has_begun_again() -> bool:
        await renewal.sweep()
        return (await installation.catalog.get_video(VIDEO)).version == 2

    await eventually(has_begun_again)
    for video_id in (VIDEO, OTHER):
        video = await installation.outcome(video_id)
        assert (video.state, video.version, video.error) == (VideoState.READY, 2, None)
    assert (await installation.segment_counts(VIDEO))[f"{RENDITION}-v2"] == 5


async def count_as_of_an_earlier_release(installation: Installation, video_id: str) -> None:
    engine = create_engine(jobs.jobs_url(installation.settings))
    with engine.begin() as connection:
        statement = text(
            "UPDATE workflow_status SET application_version='0' WHERE workflow_uuid=:i"
        )
        assert connection.execute(statement, {"i": video_id}).rowcount == 1
    engine.dispose()


async def test_sound_that_cannot_be_decoded_becomes_silence(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.break_down("sound")
    start_worker()
    await installation.hand_over(VIDEO, "numbered")
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert await installation.segment_counts(VIDEO) == {RENDITION: 5, "audio": 5}


async def test_what_is_killed_begins_again(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    start_worker()
    await installation.hand_over(OTHER, "numbered")
    await installation.outcome(OTHER)
    for kind in ("probe", "sound", "still"):
        ffmpeg.kill(kind)
    before = ffmpeg.runs()
    await installation.hand_over(VIDEO, "numbered")
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error, video.warnings) == (VideoState.READY, None, ())
    assert (video.has_poster, video.has_storyboard) == (True, True)
    assert await installation.track(VIDEO, "audio") == await installation.track(OTHER, "audio")
    again = ffmpeg.runs() - before
    assert (again["sound"], again["still"]) == (2, 3)


async def test_sound_that_is_killed_each_time_fails_its_video(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.kill("sound", times=2)
    start_worker(PACKAGER_TRIES="2")
    await installation.hand_over(VIDEO, "numbered")
    video = await installation.outcome(VIDEO)
    assert video.state is VideoState.FAILED
    assert video.error is not None
    assert video.error.code == "encode_failed"
    assert "ended from outside" in video.error.message
    assert ffmpeg.runs()["sound"] == 2


async def test_a_video_without_pictures_to_show_is_still_ready(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.break_down("still")
    start_worker()
    await installation.hand_over(VIDEO, "plain")
    video = await installation.outcome(VIDEO)
    assert video.state is VideoState.READY
    assert (video.has_poster, video.has_storyboard) == (False, False)


async def test_subtitles_that_cannot_be_read_are_left_out(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    ffmpeg.break_down("other", "webvtt")
    start_worker()
    await installation.hand_over(VIDEO, "subtitles")
    video = await installation.outcome(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert video.warnings == ("sub-eng was left out: reading failed.",)
    kinds = {rendition.kind for rendition in await installation.catalog.renditions(VIDEO)}
    assert kinds == {MediaKind.VIDEO, MediaKind.AUDIO}


async def test_a_job_that_was_handed_over_twice_is_done_once(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker
) -> None:
    await installation.hand_over(VIDEO, "numbered")
    await installation.jobs.package(VIDEO)
    start_worker()
    await installation.outcome(VIDEO)
    await installation.jobs.package(VIDEO)
    await installation.hand_over(OTHER, "plain")
    await installation.outcome(OTHER)
    assert ffmpeg.runs()[LAST] == 1


async def test_a_source_that_is_gone_leaves_the_worker_alive(
    installation: Installation, start_worker: StartWorker
) -> None:
    start_worker()
    await installation.jobs.package("neverexisted")
    await installation.hand_over(VIDEO, "plain")
    assert (await installation.outcome(VIDEO)).state is VideoState.READY


async def test_a_version_whose_source_is_gone_fails(
    installation: Installation, start_worker: StartWorker
) -> None:
    start_worker()
    await installation.hand_over(VIDEO, "plain")
    await installation.outcome(VIDEO)
    await installation.store.delete(source_key(VIDEO))
    await installation.catalog.repackage(VIDEO, PackagingOptions())
    await installation.jobs.package(VIDEO, 2)

    async def has_failed() -> bool:
        repackaging = (await installation.catalog.get_video(VIDEO)).repackaging
        return repackaging is not None and repackaging.error is not None

    await eventually(has_failed)
    video = await installation.catalog.get_video(VIDEO)
    assert video.state is VideoState.READY
    assert video.repackaging is not None
    assert video.repackaging.error == VideoError("source_gone", "The source is gone.")


async def test_a_worker_whose_video_others_finished_has_no_part_in_it(
    installation: Installation, ffmpeg: WatchedFfmpeg, start_worker: StartWorker, tmp_path: Path
) -> None:
    ffmpeg.hold(LAST)
    start_worker(PACKAGER_VIDEOS="1")
    await installation.hand_over(VIDEO, "numbered")
    await held_up_at_the_last_chunk(installation, ffmpeg)
    await installation.catalog.finish(VIDEO, duration_seconds=16.0, now=datetime.now(UTC))
    await installation.catalog.end_version(VIDEO, 1)
    await installation.hand_over(OTHER, "plain")
    assert (await installation.outcome(OTHER)).state is VideoState.READY
    video = await installation.catalog.get_video(VIDEO)
    assert (video.state, video.error) == (VideoState.READY, None)
    assert "Traceback" not in (tmp_path / "worker.log").read_text()
