"""What the catalog promises, checked on SQLite and on a real PostgreSQL server."""

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, make_url, select, text, update
from sqlalchemy.exc import ProgrammingError

from streamer.core.chunks import ChunkOrder, deadline
from streamer.core.edges import Edge
from streamer.core.errors import Conflict, InvalidInput, NotFound, StorageFull, Unavailable
from streamer.core.keys import rendition_name
from streamer.core.options import PackagingOptions, Preset
from streamer.core.video import (
    EVERY_VERSION,
    Chapter,
    ContentKey,
    Extent,
    MediaKind,
    Rendition,
    Repackaging,
    Segment,
    Video,
    VideoError,
    VideoState,
)
from streamer.shared.catalog import Catalog
from streamer.shared.database import Database
from streamer.shared.tables import metadata, videos
from tests.servers import Line, Postgres, free_port

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ID = "video000"
LOW = Rendition(
    "240p",
    MediaKind.VIDEO,
    "avc1.64001f",
    30000,
    width=426,
    height=240,
    frame_rate=Fraction(30000, 1001),
)
HIGH = replace(LOW, name="1080p", width=1920, height=1080)
SOUND = Rendition(
    "audio-eng",
    MediaKind.AUDIO,
    "mp4a.40.2",
    48000,
    language="en",
    label="English",
    channels=6,
    is_default=True,
)
OTHER_SOUND = replace(SOUND, name="audio-deu", language="de", label="Deutsch", is_default=False)
FAST = PackagingOptions(preset=Preset.FAST)
KEY, OTHER_KEY = ContentKey(b"i" * 16, b"k" * 16), ContentKey(b"j" * 16, b"l" * 16)

Step = Callable[[Catalog], Awaitable[object]]


def segment(rendition: Rendition, number: int, size_bytes: int = 1000) -> Segment:
    name = f"{rendition.name}/{number:06d}.m4s"
    return Segment(rendition.name, number, name, 4 * rendition.timescale, size_bytes)


async def upload(catalog: Catalog, video_id: str = ID, now: datetime = NOW) -> Video:
    return await catalog.create_video(video_id, title="A film", now=now)


async def probe(catalog: Catalog) -> Video:
    await upload(catalog)
    return await catalog.accept_source(ID, size_bytes=5_000_000_000)


async def package(catalog: Catalog, *renditions: Rendition) -> Video:
    await probe(catalog)
    return await catalog.begin_packaging(
        ID, duration_seconds=60.5, renditions=renditions or (LOW, HIGH, SOUND)
    )


async def publish(catalog: Catalog, *segments: Segment, now: datetime = NOW) -> None:
    names = {segment.rendition for segment in segments}
    await catalog.publish(
        ID, segments, init_names={name: f"{name}/init.mp4" for name in names}, now=now
    )


async def make_ready(catalog: Catalog) -> Video:
    await package(catalog)
    return await catalog.finish(ID, duration_seconds=60.4, now=NOW)


async def make_failed(catalog: Catalog) -> None:
    await package(catalog)
    await catalog.fail(ID, code="truncated", message="The file ends early.")


async def test_a_new_video_is_uploading(catalog: Catalog) -> None:
    made = await catalog.create_video(
        ID, title="Ein Film 🎬", now=NOW, source_url="https://example.org/film"
    )
    assert made == await catalog.get_video(ID)
    assert made == Video(
        id=ID,
        title="Ein Film 🎬",
        state=VideoState.UPLOADING,
        progress=0.0,
        duration_seconds=None,
        error=None,
        has_poster=False,
        has_storyboard=False,
        source_bytes=None,
        source_url="https://example.org/film",
        created_at=NOW,
        playable_at=None,
        ready_at=None,
        revision=1,
    )
    assert made.created_at.tzinfo is UTC


async def test_instants_come_back_in_utc(catalog: Catalog) -> None:
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    made = await upload(catalog, now=tokyo)
    assert made.created_at == NOW
    assert made.created_at.tzinfo is UTC


async def test_an_id_is_given_once(catalog: Catalog) -> None:
    await upload(catalog)
    with pytest.raises(Conflict):
        await upload(catalog)
    await catalog.delete_video(ID, now=NOW)
    with pytest.raises(Conflict):
        await upload(catalog)
    await catalog.forget(ID)
    await upload(catalog)


@pytest.mark.parametrize(
    "video_id", ["", "short", "UPPERCASE", "a" * 33, "with/slash", "nul\0nul0"]
)
async def test_what_is_no_id_is_never_found(catalog: Catalog, video_id: str) -> None:
    with pytest.raises(InvalidInput):
        await upload(catalog, video_id)
    with pytest.raises(NotFound):
        await catalog.get_video(video_id)
    with pytest.raises(NotFound):
        await catalog.delete_video(video_id, now=NOW)
    await catalog.set_progress(video_id, 0.5)
    await catalog.fail(video_id, code="x", message="x")
    await catalog.forget(video_id)


@pytest.mark.parametrize("title", ["nul\0", "\ud800"])
async def test_text_that_no_database_holds_is_refused(catalog: Catalog, title: str) -> None:
    with pytest.raises(InvalidInput):
        await catalog.create_video(ID, title=title, now=NOW)
    with pytest.raises(InvalidInput):
        await catalog.list_videos(limit=1, query=title)
    await upload(catalog)
    with pytest.raises(InvalidInput):
        await catalog.set_title(ID, title)


async def test_the_whole_way_to_ready(catalog: Catalog) -> None:
    assert (await probe(catalog)).source_bytes == 5_000_000_000
    packaging = await catalog.begin_packaging(ID, duration_seconds=60.5, renditions=[LOW])
    assert packaging.state is VideoState.PACKAGING
    assert packaging.duration_seconds == 60.5
    await catalog.set_progress(ID, 0.5)
    ready = await catalog.finish(ID, duration_seconds=60.4, now=NOW)
    assert ready.state is VideoState.READY
    assert (ready.progress, ready.duration_seconds, ready.ready_at) == (1.0, 60.4, NOW)
    assert ready == await catalog.get_video(ID)


STEPS: dict[str, Step] = {
    "accept": lambda catalog: catalog.accept_source(ID, size_bytes=1),
    "begin": lambda catalog: catalog.begin_packaging(ID, duration_seconds=1, renditions=[LOW]),
    "finish": lambda catalog: catalog.finish(ID, duration_seconds=1, now=NOW),
    "publish": lambda catalog: publish(catalog, segment(LOW, 0)),
}
STATES: dict[VideoState, Step] = {
    VideoState.UPLOADING: upload,
    VideoState.PROBING: probe,
    VideoState.PACKAGING: package,
    VideoState.READY: make_ready,
    VideoState.FAILED: make_failed,
}
LEGAL = {
    ("accept", VideoState.UPLOADING),
    ("begin", VideoState.UPLOADING),
    ("begin", VideoState.PROBING),
    ("finish", VideoState.PACKAGING),
    ("finish", VideoState.READY),
    ("publish", VideoState.PACKAGING),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", STEPS)
async def test_only_legal_steps_are_taken(catalog: Catalog, step: str, state: VideoState) -> None:
    await STATES[state](catalog)
    before = await catalog.get_video(ID)
    if (step, state) in LEGAL:
        await STEPS[step](catalog)
    else:
        with pytest.raises(Conflict):
            await STEPS[step](catalog)
        assert await catalog.get_video(ID) == before


@pytest.mark.parametrize("step", STEPS)
async def test_no_step_without_a_video(catalog: Catalog, step: str) -> None:
    with pytest.raises(NotFound):
        await STEPS[step](catalog)


@pytest.mark.parametrize("state", STATES)
async def test_a_video_fails_unless_it_is_done(catalog: Catalog, state: VideoState) -> None:
    await STATES[state](catalog)
    before = await catalog.get_video(ID)
    await catalog.fail(ID, code="not_a_video", message="This is a text.")
    video = await catalog.get_video(ID)
    if state in (VideoState.READY, VideoState.FAILED):
        assert video == before
    else:
        assert video.state is VideoState.FAILED
        assert video.error == VideoError("not_a_video", "This is a text.")
        assert not video.playable


async def test_a_failed_video_is_not_playable(catalog: Catalog) -> None:
    await package(catalog, LOW)
    await publish(catalog, segment(LOW, 0))
    assert (await catalog.get_video(ID)).playable
    await catalog.fail(ID, code="encode_failed", message="It broke.")
    assert not (await catalog.get_video(ID)).playable


async def test_packaging_may_begin_again_the_same_way(catalog: Catalog) -> None:
    first = await package(catalog, HIGH, LOW, SOUND)
    await publish(catalog, segment(LOW, 0))
    again = await catalog.begin_packaging(ID, duration_seconds=60.5, renditions=[HIGH, LOW, SOUND])
    assert again.state is VideoState.PACKAGING
    assert again.created_at == first.created_at
    assert (await catalog.segments(ID, LOW.name)) == [segment(LOW, 0)]
    for others in ([LOW], [LOW, HIGH, OTHER_SOUND], []):
        with pytest.raises(Conflict):
            await catalog.begin_packaging(ID, duration_seconds=60.5, renditions=others)


async def test_renditions_come_by_height_then_audio(catalog: Catalog) -> None:
    await package(catalog, SOUND, HIGH, OTHER_SOUND, LOW)
    assert await catalog.renditions(ID) == [LOW, HIGH, SOUND, OTHER_SOUND]


async def test_progress_never_goes_back(catalog: Catalog) -> None:
    await package(catalog)
    for progress, expected in ((0.25, 0.25), (0.1, 0.25), (0.25, 0.25), (0.5, 0.5), (7.0, 1.0)):
        await catalog.set_progress(ID, progress)
        assert (await catalog.get_video(ID)).progress == expected


async def test_progress_belongs_to_packaging(catalog: Catalog) -> None:
    await probe(catalog)
    before = await catalog.get_video(ID)
    await catalog.set_progress(ID, 0.5)
    assert await catalog.get_video(ID) == before


async def test_published_segments_are_seen_up_to_the_first_gap(catalog: Catalog) -> None:
    await package(catalog, LOW, HIGH)
    await publish(catalog, segment(LOW, 1), segment(LOW, 3), segment(HIGH, 1))
    assert await catalog.segments(ID, LOW.name) == []
    assert await catalog.all_segments(ID) == {}
    await publish(catalog, segment(LOW, 0))
    assert await catalog.segments(ID, LOW.name) == [segment(LOW, 0), segment(LOW, 1)]
    assert await catalog.all_segments(ID) == {LOW.name: [segment(LOW, 0), segment(LOW, 1)]}
    await publish(catalog, segment(LOW, 2), segment(HIGH, 0))
    assert await catalog.all_segments(ID) == {
        LOW.name: [segment(LOW, number) for number in range(4)],
        HIGH.name: [segment(HIGH, number) for number in range(2)],
    }
    assert await catalog.segments(ID, "480p") == []


async def test_an_extent_changes_with_each_publication(catalog: Catalog) -> None:
    await package(catalog, LOW, HIGH)
    assert await catalog.extents(ID) == {}
    first = [segment(LOW, 0, size_bytes=7), segment(LOW, 2, size_bytes=5)]
    await publish(catalog, *first)
    ticks = segment(LOW, 0).duration_ticks
    assert await catalog.extents(ID) == {LOW.name: Extent(2, 2 * ticks, 12, ticks)}
    assert Extent.of(first) == Extent(2, 2 * ticks, 12, ticks)
    longer = replace(segment(LOW, 2, size_bytes=9), duration_ticks=ticks + 1)
    await publish(catalog, longer, segment(HIGH, 0, size_bytes=1))
    assert await catalog.extents(ID) == {
        LOW.name: Extent(2, 2 * ticks + 1, 16, ticks + 1),
        HIGH.name: Extent(1, ticks, 1, ticks),
    }
    await catalog.delete_video(ID, now=NOW)
    assert await catalog.extents(ID) == {}


async def test_publication_describes_the_renditions(catalog: Catalog) -> None:
    await package(catalog, LOW, HIGH)
    await catalog.publish(
        ID,
        [segment(LOW, 0)],
        init_names={LOW.name: "240p/init.mp4"},
        codecs={LOW.name: "avc1.640015"},
        now=NOW,
    )
    described = replace(LOW, init_name="240p/init.mp4", codecs="avc1.640015")
    assert await catalog.renditions(ID) == [described, HIGH]
    await catalog.publish(ID, [segment(LOW, 1)], init_names={}, now=NOW)
    assert await catalog.renditions(ID) == [described, HIGH]


async def test_publishing_twice_changes_nothing(catalog: Catalog) -> None:
    await package(catalog, LOW)
    await publish(catalog, segment(LOW, 0), segment(LOW, 1))
    done_again = replace(segment(LOW, 1), name="240p/000001-other.m4s", size_bytes=7)
    later = NOW + timedelta(seconds=9)
    await publish(catalog, segment(LOW, 0), done_again, segment(LOW, 2), now=later)
    assert await catalog.segments(ID, LOW.name) == [segment(LOW, number) for number in range(3)]
    assert (await catalog.get_video(ID)).playable_at == NOW


async def test_a_segment_that_goes_on_replaces_the_one_that_ended_before(
    catalog: Catalog,
) -> None:
    await package(catalog, LOW)
    short = replace(segment(LOW, 1), name="240p/000001-short.m4s", duration_ticks=1)
    await publish(catalog, segment(LOW, 0), short)
    await publish(catalog, segment(LOW, 1), segment(LOW, 2))
    await publish(catalog, short)
    assert await catalog.segments(ID, LOW.name) == [segment(LOW, number) for number in range(3)]


async def test_so_it_does_in_a_version_that_is_made_while_another_is_ready(
    catalog: Catalog,
) -> None:
    await make_ready(catalog)
    await catalog.repackage(ID, FAST)
    new = replace(LOW, name="240p-v2", version=2)
    await catalog.begin_packaging(ID, duration_seconds=60.5, renditions=[new], version=2)
    await publish(catalog, replace(segment(new, 0), duration_ticks=1))
    await publish(catalog, segment(new, 0))
    assert await catalog.segments(ID, new.name) == [segment(new, 0)]


async def test_a_version_that_lacks_a_segment_is_not_finished(catalog: Catalog) -> None:
    await package(catalog, LOW, SOUND)
    await publish(catalog, segment(LOW, 0), segment(SOUND, 0), segment(SOUND, 2))
    with pytest.raises(Conflict, match="a segment of audio-eng is missing"):
        await catalog.finish(ID, duration_seconds=12, now=NOW)
    await publish(catalog, segment(SOUND, 1))
    assert (await catalog.finish(ID, duration_seconds=12, now=NOW)).state is VideoState.READY
    await catalog.repackage(ID, FAST)
    new = replace(LOW, name="240p-v2", version=2)
    await catalog.begin_packaging(ID, duration_seconds=12, renditions=[new], version=2)
    await publish(catalog, segment(new, 1))
    with pytest.raises(Conflict, match="a segment of 240p-v2 is missing"):
        await catalog.finish(ID, duration_seconds=12, now=NOW, version=2)


async def test_a_rendition_is_complete_before_its_video_is(catalog: Catalog) -> None:
    await package(catalog, LOW, HIGH)
    await publish(catalog, segment(LOW, 0), segment(HIGH, 0))
    await catalog.complete(ID, {LOW.name})
    revision = (await catalog.get_video(ID)).revision
    await catalog.complete(ID, {LOW.name})
    assert (await catalog.get_video(ID)).revision == revision
    found = {item.name: item.is_complete for item in await catalog.renditions(ID)}
    assert found == {LOW.name: True, HIGH.name: False}
    await catalog.begin_packaging(ID, duration_seconds=60.5, renditions=[LOW, HIGH])
    with pytest.raises(NotFound):
        await catalog.complete("nothing0", {LOW.name})


async def test_what_is_left_out_is_gone_with_its_segments(catalog: Catalog) -> None:
    await package(catalog, LOW, HIGH)
    await publish(catalog, segment(LOW, 0), segment(HIGH, 1))
    for _ in range(2):
        await catalog.leave_out(ID, {HIGH.name})
        assert names(await catalog.renditions(ID)) == [LOW.name]
    with pytest.raises(Conflict, match="no rendition"):
        await publish(catalog, segment(HIGH, 0))
    await catalog.finish(ID, duration_seconds=12, now=NOW)
    with pytest.raises(NotFound):
        await catalog.leave_out("nothing0", {LOW.name})


async def test_subtitles_that_have_nothing_at_the_end_are_forgotten(catalog: Catalog) -> None:
    text, empty = (
        replace(SOUND, name=name, kind=MediaKind.SUBTITLES) for name in ("sub-eng", "sub-deu")
    )
    await package(catalog, LOW, text, empty)
    await publish(catalog, segment(LOW, 0), segment(text, 0))
    assert names(await catalog.renditions(ID)) == [LOW.name, text.name, empty.name]
    for _ in range(2):
        await catalog.finish(ID, duration_seconds=4, now=NOW)
        assert names(await catalog.renditions(ID)) == [LOW.name, text.name]
    await catalog.repackage(ID, FAST)
    new = [replace(r, name=f"{r.name}-v2", version=2) for r in (LOW, text)]
    await catalog.begin_packaging(ID, duration_seconds=4, renditions=new, version=2)
    await publish(catalog, segment(new[0], 0))
    await catalog.finish(ID, duration_seconds=4, now=NOW, version=2)
    assert names(await catalog.renditions(ID)) == ["240p-v2"]
    assert names(await catalog.renditions(ID, 1)) == [LOW.name, text.name]


async def test_a_late_repetition_does_not_disturb_a_ready_video(catalog: Catalog) -> None:
    await package(catalog, LOW)
    await publish(catalog, segment(LOW, 0))
    await catalog.finish(ID, duration_seconds=4, now=NOW)
    before = await catalog.get_video(ID)
    await publish(catalog, segment(LOW, 0))
    assert await catalog.get_video(ID) == before
    with pytest.raises(Conflict):
        await publish(catalog, segment(LOW, 0), segment(LOW, 1))


@pytest.mark.parametrize("init_names", [{"240p": "240p/init-other.mp4"}, {"999p": "999p/init.mp4"}])
async def test_publication_is_whole_or_not_at_all(
    catalog: Catalog, init_names: dict[str, str]
) -> None:
    await package(catalog, LOW, HIGH)
    await publish(catalog, segment(LOW, 0))
    before = await catalog.get_video(ID), await catalog.renditions(ID)
    with pytest.raises(Conflict):
        await catalog.publish(
            ID,
            [segment(LOW, 1), segment(HIGH, 0)],
            init_names={HIGH.name: "1080p/init.mp4"} | init_names,
            now=NOW,
        )
    with pytest.raises(Conflict):
        await publish(catalog, segment(LOW, 1), segment(SOUND, 0))
    assert await catalog.all_segments(ID) == {LOW.name: [segment(LOW, 0)]}
    assert (await catalog.get_video(ID), await catalog.renditions(ID)) == before


@pytest.mark.parametrize(
    ("renditions", "published", "playable"),
    [
        ([LOW, HIGH], [(LOW, 0)], True),
        ([LOW, HIGH], [(HIGH, 0)], True),
        ([LOW, HIGH], [(LOW, 1)], False),
        ([LOW, SOUND], [(LOW, 0)], False),
        ([LOW, SOUND], [(SOUND, 0)], False),
        ([LOW, SOUND], [(LOW, 0), (SOUND, 1)], False),
        ([LOW, SOUND], [(LOW, 0), (SOUND, 0)], True),
        ([LOW, SOUND, OTHER_SOUND], [(LOW, 0), (OTHER_SOUND, 0)], False),
        ([LOW, SOUND, OTHER_SOUND], [(LOW, 0), (SOUND, 0)], True),
        ([SOUND], [(SOUND, 0)], True),
        ([SOUND, OTHER_SOUND], [(SOUND, 0)], True),
        ([SOUND, OTHER_SOUND], [(OTHER_SOUND, 0)], False),
    ],
)
async def test_playable_is_picture_and_the_default_sound(
    catalog: Catalog,
    renditions: list[Rendition],
    published: list[tuple[Rendition, int]],
    playable: bool,
) -> None:
    await package(catalog, *renditions)
    for rendition, number in published:
        assert not (await catalog.get_video(ID)).playable
        await publish(catalog, segment(rendition, number))
    video = await catalog.get_video(ID)
    assert video.playable is playable
    assert video.playable_at == (NOW if playable else None)


async def test_pictures_are_noted_one_by_one(catalog: Catalog) -> None:
    await upload(catalog)
    await catalog.set_pictures(ID, has_poster=True)
    await catalog.set_pictures(ID, has_storyboard=True)
    video = await catalog.get_video(ID)
    assert (video.has_poster, video.has_storyboard) == (True, True)
    with pytest.raises(NotFound):
        await catalog.set_pictures("nothing0", has_poster=True)


async def test_every_change_raises_the_revision(catalog: Catalog) -> None:
    changes: list[Step] = [
        upload,
        lambda catalog: catalog.set_title(ID, "Another"),
        lambda catalog: catalog.accept_source(ID, size_bytes=1),
        lambda catalog: catalog.begin_packaging(ID, duration_seconds=8, renditions=[LOW]),
        lambda catalog: catalog.set_progress(ID, 0.5),
        lambda catalog: publish(catalog, segment(LOW, 0)),
        lambda catalog: publish(catalog, segment(LOW, 1)),
        lambda catalog: catalog.complete(ID, {LOW.name}),
        lambda catalog: catalog.set_pictures(ID, has_poster=True),
        lambda catalog: catalog.finish(ID, duration_seconds=8, now=NOW),
    ]
    seen = {ID: 0}
    for change in changes:
        await change(catalog)
        (video,) = (await catalog.changes_since(seen)).videos
        assert video == await catalog.get_video(ID)
        assert video.revision > seen[ID]
        seen = {ID: video.revision}
        assert (await catalog.changes_since(seen)).videos == ()
    await catalog.delete_video(ID, now=NOW)
    changes_seen = await catalog.changes_since(seen | {"nothing0": 0, "no id": 0})
    assert changes_seen.videos == ()
    assert changes_seen.gone == {ID, "nothing0", "no id"}


async def test_a_deleted_video_is_gone_at_once(catalog: Catalog) -> None:
    await package(catalog)
    await publish(catalog, segment(LOW, 0))
    await catalog.delete_video(ID, now=NOW)
    steps: list[Step] = [
        *STEPS.values(),
        lambda catalog: catalog.get_video(ID),
        lambda catalog: catalog.set_title(ID, "x"),
        lambda catalog: catalog.set_pictures(ID, has_poster=True),
        lambda catalog: catalog.note_received(ID, received_bytes=1, length_bytes=2),
        lambda catalog: catalog.delete_video(ID, now=NOW),
    ]
    for step in steps:
        with pytest.raises(NotFound):
            await step(catalog)
    await catalog.set_progress(ID, 0.9)
    await catalog.fail(ID, code="x", message="x")
    assert await catalog.list_videos(limit=10) == ([], None)
    assert await catalog.in_state(*VideoState) == []
    assert await catalog.renditions(ID) == []
    assert await catalog.segments(ID, LOW.name) == []
    assert await catalog.all_segments(ID) == {}


async def test_tombstones_stay_until_they_are_forgotten(catalog: Catalog) -> None:
    for number in range(3):
        await upload(catalog, f"video00{number}")
    await catalog.delete_video("video002", now=NOW)
    later = NOW + timedelta(seconds=1)
    await catalog.delete_video("video000", now=later)
    assert list((await catalog.tombstones()).items()) == [("video002", NOW), ("video000", later)]
    await catalog.forget("video002")
    await catalog.forget("video002")
    assert await catalog.tombstones() == {"video000": later}


async def test_forget_removes_every_row(catalog: Catalog) -> None:
    await package(catalog)
    await publish(catalog, segment(LOW, 0))
    await catalog.forget(ID)
    await package(catalog)
    assert await catalog.all_segments(ID) == {}


def in_version(rendition: Rendition, version: int) -> Rendition:
    return replace(rendition, name=rendition_name(rendition.name, version), version=version)


LOW_2, SOUND_2 = in_version(LOW, 2), in_version(SOUND, 2)


async def make_playing(catalog: Catalog) -> None:
    """A ready video with a segment of each rendition."""
    await package(catalog, LOW, SOUND)
    await publish(catalog, segment(LOW, 0), segment(SOUND, 0))
    await catalog.finish(ID, duration_seconds=4.0, now=NOW)


async def begin_anew(catalog: Catalog, options: PackagingOptions = FAST) -> None:
    await make_playing(catalog)
    await catalog.repackage(ID, options)
    await catalog.begin_packaging(ID, duration_seconds=4.0, renditions=(LOW_2, SOUND_2), version=2)


def names(renditions: list[Rendition]) -> list[str]:
    return [rendition.name for rendition in renditions]


async def test_a_new_version_is_made_while_the_old_one_plays(catalog: Catalog) -> None:
    await begin_anew(catalog)
    await publish(catalog, segment(LOW_2, 0))
    await catalog.set_progress(ID, 0.5, version=2)
    video = await catalog.get_video(ID)
    assert (video.state, video.version, video.progress) == (VideoState.READY, 1, 1.0)
    assert (video.repackaging, video.options) == (Repackaging(2, 0.5), FAST)
    assert names(await catalog.renditions(ID)) == ["240p", "audio-eng"]
    assert names(await catalog.renditions(ID, 2)) == ["240p-v2", "audio-eng-v2"]
    assert await catalog.in_the_making() == [(ID, 2)]
    assert await catalog.version_of(ID, "240p-v2") == 2
    assert await catalog.version_of(ID, "240p") == 1
    assert await catalog.version_of(ID, "480p") is None


async def test_a_finished_version_is_what_viewers_get(catalog: Catalog) -> None:
    await begin_anew(catalog)
    await publish(catalog, segment(LOW_2, 0), segment(SOUND_2, 0))
    later = NOW + timedelta(hours=1)
    finished = await catalog.finish(ID, duration_seconds=4.1, now=later, version=2)
    assert (finished.version, finished.repackaging, finished.ready_at) == (2, None, later)
    assert await catalog.finish(ID, duration_seconds=4.1, now=later, version=2) == finished
    assert names(await catalog.renditions(ID)) == ["240p-v2", "audio-eng-v2"]
    assert names(await catalog.renditions(ID, 1)) == ["240p", "audio-eng"]
    purged = [purge.order.value for purge in await catalog.purges_after(0)]
    assert purged == [
        f"/v/{ID}/index.m3u8",
        f"/v/{ID}/manifest.mpd",
        f"/v/{ID}/storyboard.vtt",
        f"/v/{ID}/sprite-*",
        f"/v/{ID}/uploaded-*",
    ]


async def test_an_encrypted_version_takes_the_storyboard_away(catalog: Catalog) -> None:
    await begin_anew(catalog)
    await catalog.set_pictures(ID, has_storyboard=True)
    await catalog.keep_content_key(ID, 2, KEY)
    assert not await catalog.is_encrypted(ID)
    finished = await catalog.finish(ID, duration_seconds=4.0, now=NOW, version=2)
    assert not finished.has_storyboard
    assert await catalog.is_encrypted(ID)


async def test_a_replaced_version_is_forgotten_after_a_while(catalog: Catalog) -> None:
    await begin_anew(catalog)
    await catalog.keep_content_key(ID, 1, KEY)
    await catalog.finish(ID, duration_seconds=4.0, now=NOW, version=2)
    assert await catalog.forgettable_versions(before=NOW) == []
    after = NOW + timedelta(seconds=1)
    assert await catalog.forgettable_versions(before=after) == [(ID, 1)]
    await catalog.forget_version(ID, 1)
    assert await catalog.forgettable_versions(before=after) == []
    assert await catalog.renditions(ID, 1) == []
    assert await catalog.content_key(ID, 1) is None
    assert names(await catalog.renditions(ID)) == ["240p-v2", "audio-eng-v2"]
    with pytest.raises(Conflict):
        await catalog.forget_version(ID, 2)


async def test_what_a_failed_video_published_is_forgotten_at_once(catalog: Catalog) -> None:
    await package(catalog, LOW)
    await publish(catalog, segment(LOW, 0))
    assert await catalog.forgettable_versions(before=NOW) == []
    await catalog.fail(ID, code="encode_failed", message="It broke.")
    assert await catalog.forgettable_versions(before=NOW) == [(ID, 1)]
    await catalog.forget_version(ID, 1)
    assert await catalog.forgettable_versions(before=NOW) == []
    assert await catalog.renditions(ID) == []
    assert (await catalog.get_video(ID)).state is VideoState.FAILED


async def test_a_key_is_forgotten_with_a_version_that_never_had_renditions(
    catalog: Catalog,
) -> None:
    await probe(catalog)
    await catalog.keep_content_key(ID, 1, KEY)
    assert await catalog.forgettable_versions(before=NOW) == []
    await fail_and_repackage(catalog)
    await catalog.keep_content_key(ID, 2, OTHER_KEY)
    await catalog.begin_packaging(ID, duration_seconds=4.0, renditions=[LOW_2], version=2)
    await catalog.finish(ID, duration_seconds=4.0, now=NOW, version=2)
    after = NOW + timedelta(seconds=1)
    assert await catalog.forgettable_versions(before=after) == [(ID, 1)]
    await catalog.forget_version(ID, 1)
    assert await catalog.forgettable_versions(before=after) == []
    assert await catalog.content_key(ID, 2) == OTHER_KEY


async def test_a_version_that_was_given_up_is_forgotten_at_once(catalog: Catalog) -> None:
    await begin_anew(catalog)
    with pytest.raises(Conflict):
        await catalog.forget_version(ID, 2)
    assert await catalog.forgettable_versions(before=NOW) == []
    await catalog.fail(ID, code="internal", message="It broke.", version=2)
    video = await catalog.get_video(ID)
    assert (video.state, video.version) == (VideoState.READY, 1)
    assert video.repackaging == Repackaging(2, 0.0, VideoError("internal", "It broke."))
    assert await catalog.in_the_making() == []
    with pytest.raises(Conflict):
        await publish(catalog, segment(LOW_2, 0))
    assert await catalog.forgettable_versions(before=NOW) == [(ID, 2)]
    await catalog.forget_version(ID, 2)
    assert names(await catalog.renditions(ID)) == ["240p", "audio-eng"]


async def test_the_number_of_a_version_is_used_once(catalog: Catalog) -> None:
    await begin_anew(catalog)
    with pytest.raises(Conflict):
        await catalog.repackage(ID, FAST)
    await catalog.fail(ID, code="internal", message="It broke.", version=2)
    again = await catalog.repackage(ID, PackagingOptions())
    assert (again.repackaging, again.options) == (Repackaging(3, 0.0), PackagingOptions())
    assert await catalog.forgettable_versions(before=NOW) == [(ID, 2)]


async def test_what_is_being_packaged_is_not_packaged_anew(catalog: Catalog) -> None:
    await package(catalog)
    with pytest.raises(Conflict):
        await catalog.repackage(ID, FAST)


async def test_a_failed_video_begins_again_as_a_new_version(catalog: Catalog) -> None:
    await package(catalog, LOW)
    await publish(catalog, segment(LOW, 0))
    await catalog.describe_source(ID, warnings=["something was lost"])
    await catalog.fail(ID, code="encode_failed", message="It broke.")
    again = await catalog.repackage(ID, FAST)
    assert (again.state, again.version, again.options) == (VideoState.PROBING, 2, FAST)
    assert (again.error, again.progress, again.playable, again.warnings) == (None, 0.0, False, ())
    await catalog.fail(ID, code="internal", message="Late words of the first one.", version=1)
    await catalog.begin_packaging(ID, duration_seconds=4.0, renditions=[LOW_2], version=2)
    with pytest.raises(Conflict):
        await publish(catalog, segment(LOW, 1))
    await publish(catalog, segment(LOW_2, 0), now=NOW + timedelta(hours=1))
    video = await catalog.get_video(ID)
    assert (video.state, video.playable_at) == (VideoState.PACKAGING, NOW + timedelta(hours=1))
    await catalog.fail(ID, code="encode_failed", message="It broke.", version=2)
    assert await catalog.forgettable_versions(before=NOW) == [(ID, 1), (ID, 2)]
    assert (await catalog.repackage(ID, FAST)).version == 3


async def test_a_video_whose_source_never_arrived_is_not_packaged_anew(catalog: Catalog) -> None:
    await upload(catalog)
    await catalog.fail(ID, code="fetch_failed", message="There is no such host.")
    with pytest.raises(Conflict, match="never arrived"):
        await catalog.repackage(ID, FAST)
    with pytest.raises(Conflict):
        await catalog.accept_source(ID, size_bytes=1)


@pytest.mark.parametrize(
    ("begin", "state"),
    [
        (upload, VideoState.UPLOADING),
        (probe, VideoState.PROBING),
        (package, VideoState.PROBING),
    ],
)
async def test_what_nobody_can_go_on_with_begins_as_another_version(
    catalog: Catalog, begin: Step, state: VideoState
) -> None:
    await begin(catalog)
    await catalog.begin_version(ID, 1, "{}", now=NOW)
    await catalog.add_chunks(ID, 1, [ChunkOrder(0, 0, 1, ("240p",), needed_seconds=0.0)])
    assert await catalog.renew_version(ID, 1) == 2
    video = await catalog.get_video(ID)
    assert (video.state, video.version, video.playable) == (state, 2, False)
    assert await catalog.claim_chunk("worker") is None
    assert await catalog.renew_version(ID, 1) is None, "it is another one's already"


async def test_so_does_a_new_version_while_the_old_one_plays(catalog: Catalog) -> None:
    await begin_anew(catalog)
    assert await catalog.renew_version(ID, 1) is None
    assert await catalog.renew_version(ID, 2) == 3
    video = await catalog.get_video(ID)
    assert (video.state, video.version) == (VideoState.READY, 1)
    assert video.repackaging == Repackaging(3, 0.0)
    assert await catalog.forgettable_versions(before=NOW) == [(ID, 2)]


async def test_what_is_made_or_gone_is_not_renewed(catalog: Catalog) -> None:
    assert await catalog.renew_version(ID, 1) is None
    await make_ready(catalog)
    assert await catalog.renew_version(ID, 1) is None


async def fail_and_repackage(catalog: Catalog) -> None:
    await catalog.fail(ID, code="encode_failed", message="It broke.")
    await catalog.repackage(ID, FAST)


async def renew(catalog: Catalog) -> None:
    await catalog.renew_version(ID, 1)


@pytest.mark.parametrize("end", [fail_and_repackage, renew])
@pytest.mark.parametrize("before", [[LOW], [LOW, SOUND]])
async def test_what_an_earlier_version_published_makes_no_later_one_playable_or_not(
    catalog: Catalog, before: list[Rendition], end: Step
) -> None:
    await package(catalog, LOW, SOUND)
    await publish(catalog, *(segment(rendition, 0) for rendition in before))
    await end(catalog)
    later = NOW + timedelta(hours=1)
    await catalog.begin_packaging(ID, duration_seconds=4.0, renditions=(LOW_2, SOUND_2), version=2)
    await publish(catalog, segment(SOUND_2, 0), now=later)
    assert not (await catalog.get_video(ID)).playable
    await publish(catalog, segment(LOW_2, 0), now=later)
    assert (await catalog.get_video(ID)).playable_at == later
    assert (await events(catalog))[-1] == "video.playable"


async def test_what_is_ready_is_playable(catalog: Catalog) -> None:
    assert (await make_ready(catalog)).playable_at == NOW
    assert (await events(catalog))[-2:] == ["video.playable", "video.ready"]


async def test_what_was_ready_but_not_playable_before_is_both(url: str) -> None:
    catalog = await Catalog.open(url)
    await make_ready(catalog)
    await upload(catalog, "video001")
    async with catalog._database.writing() as connection:
        await connection.exec_driver_sql("UPDATE videos SET playable_at = NULL")
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0013'")
    broken = await catalog.get_video(ID)
    assert not broken.playable
    await catalog.close()
    catalog = await Catalog.open(url)
    mended, untouched = await catalog.get_video(ID), await catalog.get_video("video001")
    assert mended == replace(broken, playable_at=NOW, revision=broken.revision + 1)
    assert (untouched.playable_at, untouched.revision) == (None, 1)
    await catalog.close()


async def test_planned_renditions_give_way_but_published_ones_stay(catalog: Catalog) -> None:
    await package(catalog, LOW, HIGH)
    await publish(catalog, segment(LOW, 0))
    await catalog.plan_renditions(ID, [replace(LOW, height=1), SOUND])
    low, sound = await catalog.renditions(ID)
    assert (low.name, low.height, sound.name) == ("240p", 240, "audio-eng")


async def test_renditions_keep_their_order_when_the_ladder_is_revised(catalog: Catalog) -> None:
    other = replace(SOUND, name="audio-deu", language="deu", is_default=False)
    await package(catalog, LOW, HIGH, SOUND, other)
    await publish(catalog, segment(LOW, 0), segment(SOUND, 0))
    await catalog.plan_renditions(ID, [LOW, SOUND, other])
    assert names(await catalog.renditions(ID)) == ["240p", "audio-eng", "audio-deu"]


async def test_published_subtitles_stay_too_though_they_have_no_init_segment(
    catalog: Catalog,
) -> None:
    text = Rendition("sub-eng", MediaKind.SUBTITLES, "wvtt", 1000, language="eng")
    await package(catalog, LOW, text)
    await catalog.publish(ID, [segment(text, 0)], init_names={}, now=NOW)
    await catalog.plan_renditions(ID, [HIGH, text])
    assert await catalog.segments(ID, "sub-eng") == [segment(text, 0)]


async def test_a_key_is_kept_once(catalog: Catalog, other: Catalog) -> None:
    await probe(catalog)
    assert await catalog.content_key(ID, 1) is None
    kept = await asyncio.gather(
        catalog.keep_content_key(ID, 1, KEY), other.keep_content_key(ID, 1, OTHER_KEY)
    )
    assert kept[0] == kept[1] == await catalog.content_key(ID, 1)
    assert await catalog.keep_content_key(ID, 2, OTHER_KEY) == OTHER_KEY


async def test_what_has_arrived_is_noted_until_all_of_it_has(catalog: Catalog) -> None:
    await upload(catalog)
    await catalog.note_received(ID, received_bytes=500, length_bytes=1000)
    # What was received may be dropped again, as when a fetch begins anew.
    await catalog.note_received(ID, received_bytes=300, length_bytes=1000)
    video = await catalog.get_video(ID)
    assert (video.received_bytes, video.length_bytes) == (300, 1000)
    await catalog.accept_source(ID, size_bytes=1000)
    await catalog.note_received(ID, received_bytes=2000, length_bytes=2000)
    assert (await catalog.get_video(ID)).received_bytes == 1000


async def test_a_source_is_described_bit_by_bit(catalog: Catalog) -> None:
    await probe(catalog)
    chapters = [Chapter(0.0, 2.0, "Anfang"), Chapter(2.0, 4.0, "Ende")]
    await catalog.describe_source(ID, warnings=["a", "b"], chapters=chapters)
    await catalog.describe_source(ID, warnings=["b", "c"])
    video = await catalog.get_video(ID)
    assert (video.warnings, video.chapters) == (("a", "b", "c"), tuple(chapters))


async def test_chapters_end_with_a_video_that_is_ready(catalog: Catalog) -> None:
    await package(catalog)
    spans = [(0.0, 50.0, "a"), (50.0, 99.0, "b"), (99.0, 120.0, "c")]
    await catalog.describe_source(ID, chapters=[Chapter(*span) for span in spans])
    video = await catalog.finish(ID, duration_seconds=60.4, now=NOW)
    assert video.chapters == (Chapter(0.0, 50.0, "a"), Chapter(50.0, 60.4, "b"))


async def test_a_new_version_has_warnings_of_its_own(catalog: Catalog) -> None:
    await make_playing(catalog)
    await catalog.describe_source(ID, warnings=["not passed through"])
    assert (await catalog.repackage(ID, FAST)).warnings == ()


async def test_a_video_is_amended_whole_or_not_at_all(catalog: Catalog) -> None:
    await upload(catalog)
    video = await catalog.amend_video(ID, title="Other", priority=5, options=FAST)
    assert (video.title, video.priority, video.options) == ("Other", 5, FAST)
    assert await catalog.amend_video(ID) == replace(video, revision=video.revision + 1)
    await catalog.accept_source(ID, size_bytes=1)
    await catalog.begin_packaging(ID, duration_seconds=1.0, renditions=[LOW])
    with pytest.raises(Conflict):
        await catalog.amend_video(ID, priority=9, options=PackagingOptions())
    assert (await catalog.get_video(ID)).priority == 5


@pytest.mark.parametrize("end", [fail_and_repackage, renew])
async def test_a_video_that_begins_anew_takes_other_options_until_it_has_begun(
    catalog: Catalog, end: Step
) -> None:
    await package(catalog, LOW)
    await catalog.add_subtitles(ID, UPLOADED, TEXT, now=NOW)
    await end(catalog)
    assert (await catalog.amend_video(ID, options=FAST)).options == FAST
    await catalog.begin_packaging(ID, duration_seconds=1.0, renditions=[LOW_2], version=2)
    with pytest.raises(Conflict):
        await catalog.amend_video(ID, options=PackagingOptions())


async def test_a_source_that_began_anew_while_it_arrived_is_probed_when_it_has(
    catalog: Catalog,
) -> None:
    await upload(catalog)
    await catalog.begin_packaging(ID, duration_seconds=1.0, renditions=[LOW])
    await renew(catalog)
    assert (await catalog.accept_source(ID, size_bytes=1)).state is VideoState.PROBING


async def test_waiting_chunks_follow_the_priority(catalog: Catalog) -> None:
    await package(catalog)
    await catalog.begin_version(ID, 1, "{}", now=NOW)
    await catalog.add_chunks(ID, 1, [ChunkOrder(0, 0, 1, ("240p",), needed_seconds=60.0)])
    await catalog.amend_video(ID, priority=4)
    claim = await catalog.claim_chunk("worker")
    assert claim is not None
    assert claim.deadline == deadline(NOW, 60.0, 4)


UPLOADED = Rendition(
    "uploaded-de",
    MediaKind.SUBTITLES,
    "wvtt",
    1000,
    language="de",
    label="Deutsch",
    is_default=True,
    version=EVERY_VERSION,
)
TEXT = Segment("uploaded-de", 0, "uploaded-de/000000-1.vtt", 4000, 80)


async def test_uploaded_subtitles_are_of_every_version(catalog: Catalog) -> None:
    await make_playing(catalog)
    assert await catalog.add_subtitles(ID, UPLOADED, TEXT, now=NOW) is None
    assert (await catalog.renditions(ID))[-1] == UPLOADED
    assert (await catalog.segments(ID, "uploaded-de")) == [TEXT]
    await catalog.repackage(ID, FAST)
    await catalog.begin_packaging(ID, duration_seconds=4.0, renditions=(LOW_2, SOUND_2), version=2)
    await catalog.finish(ID, duration_seconds=4.0, now=NOW, version=2)
    await catalog.forget_version(ID, 1)
    assert names(await catalog.renditions(ID)) == ["240p-v2", "audio-eng-v2", "uploaded-de"]
    assert await catalog.forgettable_versions(before=NOW + timedelta(days=1)) == []
    with pytest.raises(Conflict):
        await catalog.forget_version(ID, EVERY_VERSION)


async def test_subtitles_take_the_place_of_those_before(catalog: Catalog) -> None:
    inside = replace(UPLOADED, name="sub-eng", language="en", version=1)
    await package(catalog, LOW, inside)
    assert await catalog.add_subtitles(ID, UPLOADED, TEXT, now=NOW) is None
    assert await catalog.add_subtitles(ID, UPLOADED, TEXT, now=NOW) is None
    other = replace(TEXT, name="uploaded-de/000000-2.vtt")
    assert await catalog.add_subtitles(ID, UPLOADED, other, now=NOW) == TEXT.name
    _, english, german = await catalog.renditions(ID)
    assert (english.is_default, german.is_default) == (False, True)
    with pytest.raises(NotFound):
        await catalog.remove_subtitles(ID, "sub-eng", now=NOW)
    assert await catalog.remove_subtitles(ID, "uploaded-de", now=NOW) == other.name
    with pytest.raises(NotFound):
        await catalog.remove_subtitles(ID, "uploaded-de", now=NOW)
    assert names(await catalog.renditions(ID)) == ["240p", "sub-eng"]
    purged = {purge.order.value for purge in await catalog.purges_after(0)}
    assert purged == {
        f"/v/{ID}/index.m3u8",
        f"/v/{ID}/manifest.mpd",
        f"/v/{ID}/uploaded-de/*",
    }


@pytest.mark.parametrize("begin", [upload, probe, make_failed])
async def test_a_video_that_is_not_begun_or_failed_takes_no_subtitles(
    catalog: Catalog, begin: Step
) -> None:
    await begin(catalog)
    with pytest.raises(Conflict):
        await catalog.add_subtitles(ID, UPLOADED, TEXT, now=NOW)


async def test_a_video_that_arrives_takes_subtitles_once_it_is_playable(catalog: Catalog) -> None:
    await upload(catalog)
    await catalog.begin_packaging(ID, duration_seconds=4.0, renditions=[LOW])
    with pytest.raises(Conflict):
        await catalog.add_subtitles(ID, UPLOADED, TEXT, now=NOW)
    await publish(catalog, segment(LOW, 0))
    await catalog.add_subtitles(ID, UPLOADED, TEXT, now=NOW)
    assert (await catalog.accept_source(ID, size_bytes=1)).state is VideoState.PACKAGING
    await catalog.finish(ID, duration_seconds=4.0, now=NOW)
    assert names(await catalog.renditions(ID)) == ["240p", "uploaded-de"]


URL = "https://hooks.example/a"


async def claim(catalog: Catalog, *urls: str, now: datetime = NOW, limit: int = 100) -> list[str]:
    """The types of the events that are due, which are this caller's for a minute."""
    await catalog.spread_events(urls or [URL])
    found = await catalog.claim_deliveries(urls or [URL], now=now, lease_seconds=60, limit=limit)
    return [delivery.event.type.value for delivery in found]


async def events(catalog: Catalog) -> list[str]:
    """The types of all events of the one video, in their order."""
    await catalog.spread_events([URL])
    types = []
    while found := await catalog.claim_deliveries([URL], now=NOW, lease_seconds=60, limit=100):
        [delivery] = found
        types.append(delivery.event.type.value)
        await catalog.note_delivered(delivery, now=NOW)
    return types


async def test_every_change_of_state_is_an_event(catalog: Catalog) -> None:
    await begin_anew(catalog)
    await catalog.fail(ID, code="internal", message="It broke.", version=2)
    await catalog.repackage(ID, FAST)
    await catalog.finish(ID, duration_seconds=4.0, now=NOW, version=3)
    await catalog.delete_video(ID, now=NOW)
    assert await events(catalog) == [
        "video.uploading",
        "video.probing",
        "video.packaging",
        "video.playable",
        "video.ready",
        "video.version_failed",
        "video.version_ready",
        "video.deleted",
    ]


async def test_what_is_undone_is_no_event(catalog: Catalog) -> None:
    await make_failed(catalog)
    with pytest.raises(Conflict):
        await catalog.accept_source(ID, size_bytes=1)
    with pytest.raises(Conflict):
        await upload(catalog)
    await catalog.fail(ID, code="truncated", message="Again.")
    assert (await events(catalog))[-1] == "video.failed"


async def test_events_of_a_video_keep_their_order(catalog: Catalog) -> None:
    await upload(catalog)
    await upload(catalog, "video001")
    await catalog.accept_source(ID, size_bytes=1)
    await catalog.spread_events([URL])
    one, two = await catalog.claim_deliveries([URL], now=NOW, lease_seconds=60, limit=9)
    assert {one.event.video_id, two.event.video_id} == {ID, "video001"}
    soon = NOW + timedelta(seconds=10)
    await catalog.note_failed(one, reason="the server answered 500", now=NOW, next_at=soon)
    assert await claim(catalog) == []
    [again] = await catalog.claim_deliveries([URL], now=soon, lease_seconds=60, limit=9)
    assert (again.event, again.attempts) == (one.event, 2)
    await catalog.note_delivered(again, now=soon)
    assert await claim(catalog, now=soon) == ["video.probing"]


async def test_each_url_is_told_by_itself(catalog: Catalog) -> None:
    await upload(catalog)
    other = "https://hooks.example/b"
    assert await claim(catalog, URL, other) == ["video.uploading"] * 2


async def test_what_nobody_is_told_may_be_forgotten_by_itself(catalog: Catalog) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await upload(catalog)
    await catalog.spread_events([URL])
    await upload(catalog, "video001")
    await catalog.forget_unspread_events(before=soon - timedelta(hours=1))
    await catalog.spread_events([URL])
    await upload(catalog, "video002")
    await catalog.forget_unspread_events(before=soon)
    assert await claim(catalog) == ["video.uploading"] * 2


async def test_a_delivery_belongs_to_one_until_its_lease_ends(
    catalog: Catalog, other: Catalog
) -> None:
    for number in range(6):
        await upload(catalog, f"video00{number}")
    claimed = await asyncio.gather(*(claim(each, limit=3) for each in (catalog, other)))
    assert sum(map(len, claimed)) + len(await claim(catalog)) == 6
    assert await claim(other, now=NOW + timedelta(seconds=59)) == []
    assert len(await claim(other, now=NOW + timedelta(seconds=60))) == 6


async def test_a_delivery_may_be_given_up(catalog: Catalog) -> None:
    await upload(catalog)
    await catalog.accept_source(ID, size_bytes=1)
    await catalog.spread_events([URL])
    [first] = await catalog.claim_deliveries([URL], now=NOW, lease_seconds=60, limit=9)
    await catalog.note_failed(first, reason="no answer", now=NOW, next_at=None)
    next_one, given_up = await catalog.unfinished_deliveries(limit=9)
    assert (given_up.delivery, given_up.given_up_at, given_up.reason) == (first, NOW, "no answer")
    assert next_one.given_up_at is None
    assert await claim(catalog) == ["video.probing"]
    await catalog.forget_events(before=datetime.now(UTC) + timedelta(seconds=1))
    assert await catalog.unfinished_deliveries(limit=9) == []


async def test_videos_are_listed_newest_first(catalog: Catalog) -> None:
    for number in (2, 0, 1):
        await upload(catalog, f"video00{number}", NOW + timedelta(seconds=number))
    videos, cursor = await catalog.list_videos(limit=3)
    assert [video.id for video in videos] == ["video002", "video001", "video000"]
    assert cursor is None


async def test_pages_hold_still_while_videos_come_and_go(catalog: Catalog) -> None:
    for number in range(7):  # the first four were made in the same instant
        await upload(catalog, f"video00{number}", NOW + timedelta(seconds=max(0, number - 3)))
    seen: list[str] = []
    cursor = None
    for page in range(4):
        videos, cursor = await catalog.list_videos(limit=2, cursor=cursor)
        seen += [video.id for video in videos]
        await upload(catalog, f"newer00{page}", NOW + timedelta(hours=1))
        with suppress(NotFound):
            await catalog.delete_video("video006", now=NOW)
    assert seen == [f"video00{number}" for number in reversed(range(7))]
    assert cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "Zm9v", "é", "MjAyNi0wMy0wMSAn", "A" * 1000])
async def test_a_cursor_of_elsewhere_is_refused(catalog: Catalog, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await catalog.list_videos(limit=2, cursor=cursor)


@pytest.mark.parametrize("limit", [-1, 0, 1001])
async def test_a_page_has_bounds(catalog: Catalog, limit: int) -> None:
    with pytest.raises(InvalidInput):
        await catalog.list_videos(limit=limit)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ÄRGER", {"Kein Ärger"}),
        ("straße", {"STRASSE"}),
        ("100%", {"100% sure"}),
        ("_", {"snake_case"}),
        ("\\", {"back\\slash"}),
        ("'; DROP TABLE videos --", set()),
        ("", {"Kein Ärger", "STRASSE", "100% sure", "100 times", "snake_case", "back\\slash"}),
    ],
)
async def test_a_query_is_found_literally_in_any_case(
    catalog: Catalog, query: str, expected: set[str]
) -> None:
    titles = ["Kein Ärger", "STRASSE", "100% sure", "100 times", "snake_case", "back\\slash"]
    for number, title in enumerate(titles):
        await catalog.create_video(f"video00{number}", title=title, now=NOW)
    videos, _ = await catalog.list_videos(limit=10, query=query)
    assert {video.title for video in videos} == expected
    await catalog.set_title("video000", "Renamed")
    assert (await catalog.list_videos(limit=10, query="rename"))[0][0].title == "Renamed"


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Cafe\N{COMBINING ACUTE ACCENT} Zu\N{COMBINING DIAERESIS}rich", "café z\xfcr"),
        ("Caf\xe9 Gen\xe8ve", "CAFE\N{COMBINING ACUTE ACCENT} gene\N{COMBINING GRAVE ACCENT}ve"),
        ("İstanbul", "istanbul"),
        ("istanbul", "İSTANBUL"),
        ("\uff34\uff4f\uff4b\uff59\uff4f №1", "tokyo no1"),
    ],
)
async def test_a_title_is_found_in_any_of_its_spellings(
    catalog: Catalog, title: str, query: str
) -> None:
    await catalog.create_video(ID, title="Something else", now=NOW)
    await catalog.create_video("video001", title=title, now=NOW)
    found, _ = await catalog.list_videos(limit=10, query=query)
    assert [(video.id, video.title) for video in found] == [("video001", title)]
    await catalog.amend_video(ID, title=title)
    await catalog.set_title("video001", "Renamed")
    found, _ = await catalog.list_videos(limit=10, query=query)
    assert [(video.id, video.title) for video in found] == [(ID, title)]


async def test_titles_of_before_are_found_in_any_of_their_spellings(url: str) -> None:
    catalog = await Catalog.open(url)
    await upload(catalog)
    videos = metadata.tables["videos"]
    async with catalog._database.writing() as connection:
        row = (await connection.execute(select(videos))).one()._asdict()
        before = {"title": "Zu\u0308rich", "title_folded": "zu\u0308rich"}
        rows = [row | before | {"id": f"video{number:04}"} for number in range(2500)]
        await connection.execute(insert(videos), rows)
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0012'")
    await catalog.close()
    catalog = await Catalog.open(url)
    found: set[str] = set()
    cursor: str | None = None
    for _ in range(3):
        page, cursor = await catalog.list_videos(limit=1000, query="z\xfcrich", cursor=cursor)
        found |= {video.id for video in page}
    assert len(found) == 2500
    await catalog.close()


async def test_videos_in_a_state_come_oldest_first(catalog: Catalog) -> None:
    for number in (1, 0, 2):
        await upload(catalog, f"video00{number}", NOW + timedelta(seconds=number))
    await catalog.accept_source("video001", size_bytes=1)
    uploading = await catalog.in_state(VideoState.UPLOADING)
    assert [video.id for video in uploading] == ["video000", "video002"]
    both = await catalog.in_state(VideoState.PROBING, VideoState.UPLOADING)
    assert [video.id for video in both] == ["video000", "video001", "video002"]
    assert await catalog.in_state() == []


async def test_one_of_two_accepts_wins(catalog: Catalog, other: Catalog) -> None:
    for number in range(5):
        video_id = f"video00{number}"
        await upload(catalog, video_id)
        results = await asyncio.gather(
            *(each.accept_source(video_id, size_bytes=1) for each in (catalog, other) * 3),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Video) for result in results) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 5


async def test_two_workers_publish_at_once(catalog: Catalog, other: Catalog) -> None:
    await package(catalog, LOW, SOUND)

    async def work(worker: Catalog, rendition: Rendition) -> None:
        for number in range(20):
            await publish(worker, segment(rendition, number))

    await asyncio.gather(
        work(catalog, LOW), work(other, LOW), work(catalog, SOUND), work(other, SOUND)
    )
    assert await catalog.all_segments(ID) == {
        rendition.name: [segment(rendition, number) for number in range(20)]
        for rendition in (LOW, SOUND)
    }
    video = await catalog.get_video(ID)
    assert video.playable
    assert video.revision == 3 + 80


async def test_a_reader_does_not_wait_for_a_writer(catalog: Catalog, other: Catalog) -> None:
    await upload(catalog)
    async with catalog._database.writing() as connection:
        await connection.exec_driver_sql("UPDATE videos SET title = 'unfinished'")
        video = await asyncio.wait_for(other.get_video(ID), 30)
    assert video.title == "A film"


async def test_what_a_cancelled_writer_began_is_undone(catalog: Catalog, other: Catalog) -> None:
    await upload(catalog)
    written = asyncio.Event()

    async def write() -> None:
        async with catalog._database.writing() as connection:
            await connection.exec_driver_sql("UPDATE videos SET title = 'unfinished'")
            written.set()
            await asyncio.Event().wait()

    writer = asyncio.create_task(write())
    await asyncio.wait_for(written.wait(), 10)
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    assert (await other.set_title(ID, "after")).title == "after"
    assert (await catalog.get_video(ID)).title == "after"


def edge(edge_id: str, region: str = "fra") -> Edge:
    return Edge(edge_id, region, f"https://{edge_id}.example.org", "0.1.0", NOW, NOW)


async def test_edges_live_while_they_report(catalog: Catalog) -> None:
    await catalog.heartbeat(edge("edge-2"), now=NOW)
    await catalog.heartbeat(edge("edge-1"), now=NOW)
    await catalog.heartbeat(edge("edge-3", "ams"), now=NOW)
    later = NOW + timedelta(seconds=30)
    await catalog.heartbeat(replace(edge("edge-2"), version="0.2.0"), now=later)
    living = await catalog.living_edges(now=later, within_seconds=30)
    assert [found.id for found in living] == ["edge-3", "edge-1", "edge-2"]
    living = await catalog.living_edges(now=later, within_seconds=29)
    assert living == [replace(edge("edge-2"), version="0.2.0", seen_at=later)]


async def test_edges_silent_for_days_are_forgotten(catalog: Catalog) -> None:
    await catalog.heartbeat(edge("edge-1"), now=NOW)
    later = NOW + timedelta(days=2)
    await catalog.heartbeat(edge("edge-2"), now=later)
    living = await catalog.living_edges(now=later, within_seconds=timedelta(days=9).total_seconds())
    assert [found.id for found in living] == ["edge-2"]


async def test_workers_are_known_by_their_last_heartbeat_until_they_are_forgotten(
    catalog: Catalog,
) -> None:
    earlier, later = NOW - timedelta(seconds=10), NOW + timedelta(seconds=10)
    await catalog.worker_heartbeat("worker-1", now=NOW)
    await catalog.worker_heartbeat("worker-2", now=later)
    await catalog.worker_heartbeat("worker-2", now=earlier)
    assert await catalog.worker_heartbeats() == {"worker-1": NOW, "worker-2": earlier}
    await catalog.forget_worker("worker-1")
    await catalog.forget_worker("worker-1")
    assert await catalog.worker_heartbeats() == {"worker-2": earlier}


async def test_a_release_looks_after_workers_of_its_own_and_earlier_ones(
    catalog: Catalog, newer: Catalog
) -> None:
    await catalog.worker_heartbeat("earlier", now=NOW)
    await newer.worker_heartbeat("later", now=NOW)
    both = {"earlier": NOW, "later": NOW}
    for release in (catalog, newer):
        assert await release.worker_heartbeats() == both
    assert await newer.worker_heartbeats(but_newer=True) == both
    assert await catalog.worker_heartbeats(but_newer=True) == {"earlier": NOW}


async def test_check_returns_when_the_database_answers(catalog: Catalog) -> None:
    await catalog.check()


async def test_several_may_open_a_new_database_at_once(empty_url: str) -> None:
    catalogs = await asyncio.gather(*(Catalog.open(empty_url) for _ in range(5)))
    await upload(catalogs[0])
    for catalog in catalogs:
        assert (await catalog.get_video(ID)).id == ID
        await catalog.close()


_PROCESS = """
import asyncio, sys
from datetime import UTC, datetime
from streamer.shared.catalog import Catalog

async def main(url, name):
    catalog = await Catalog.open(url)
    for number in range(20):
        await catalog.create_video(f"{name}{number:07d}", title="t", now=datetime.now(UTC))
    await catalog.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_processes_share_a_new_database(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _PROCESS, empty_url, name)
        for name in "abc"
    ]
    async with asyncio.timeout(60):
        assert [await process.wait() for process in processes] == [0, 0, 0]
    catalog = await Catalog.open(empty_url)
    videos, _ = await catalog.list_videos(limit=100)
    assert len(videos) == 60
    await catalog.close()


async def test_the_migrations_make_the_tables_that_the_code_uses(catalog: Catalog) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with catalog._database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_database_of_a_newer_version_is_refused(url: str) -> None:
    catalog = await Catalog.open(url)
    async with catalog._database.writing() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await catalog.close()
    with pytest.raises(Conflict) as caught:
        await Catalog.open(url)
    assert caught.value.code == "database_version"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://host/db",
        "http://[bad",
        "postgresql://host:port/db",
    ],
)
async def test_a_url_of_no_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        await Catalog.open(url)


async def test_a_server_that_is_down_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await Catalog.open(f"postgresql://nobody@127.0.0.1:{free_port()}/none")


async def test_a_server_that_goes_down_is_unavailable(postgres: Postgres) -> None:
    async with Postgres() as server:
        url = await server.create_database()
        catalog = await Catalog.open(url)
        await upload(catalog)
    for attempt in (catalog.check(), catalog.get_video(ID), catalog.set_title(ID, "x")):
        with pytest.raises(Unavailable):
            await attempt
    await catalog.close()


async def test_wrong_credentials_are_unavailable(postgres: Postgres) -> None:
    with pytest.raises(Unavailable):
        await Catalog.open(postgres.url("postgres").replace("postgres@", "stranger@"))


async def test_sslmode_is_understood(postgres: Postgres) -> None:
    url = await postgres.create_database()
    catalog = await Catalog.open(f"{url}?sslmode=prefer")
    await catalog.close()
    with pytest.raises(Unavailable):
        await Catalog.open(f"{url}?sslmode=require")


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("ALTER TABLE videos OWNER TO pg_monitor", "ALTER TABLE videos OWNER TO {role}"),
        (
            "REVOKE USAGE ON SCHEMA public FROM public, {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
        ),
        ("ALTER TABLE videos RENAME TO gone", "ALTER TABLE gone RENAME TO videos"),
        ("ALTER SCHEMA public RENAME TO gone", "ALTER SCHEMA gone RENAME TO public"),
    ],
    ids=["rights at a table", "rights at the schema", "the table", "the schema"],
)
async def test_what_is_taken_away_is_unavailable_until_it_is_given_back(
    postgres: Postgres, begin: str, end: str
) -> None:
    url = await postgres.create_database()
    own_url = await postgres.create_role(url)
    role = make_url(own_url).username
    await postgres.execute(url, f"GRANT ALL ON SCHEMA public TO {role}")
    catalog = await Catalog.open(own_url)
    await upload(catalog)
    await postgres.execute(url, begin.format(role=role))
    for attempt in (catalog.get_video(ID), catalog.set_title(ID, "x")):
        with pytest.raises(Unavailable):
            await attempt
    await postgres.execute(url, end.format(role=role))
    assert (await catalog.get_video(ID)).id == ID
    await catalog.close()


async def test_the_server_gives_up_what_is_lost(postgres: Postgres) -> None:
    url = await postgres.create_database()
    database = await Database.open(f"{url}?options=-c%20tcp_keepalives_count%3D4")
    async with database.reading() as connection:
        names = "idle_in_transaction_session_timeout", "tcp_user_timeout", "tcp_keepalives_count"
        shown = [(await connection.execute(text(f"SHOW {name}"))).scalar() for name in names]
    assert shown == ["10s", "15000", "4"]
    await database.close()


async def test_who_asks_by_lost_connections_is_answered_by_others(postgres: Postgres) -> None:
    async with Line(await postgres.create_database()) as line:
        catalog = await Catalog.open(line.url)
        await upload(catalog)
        async with asyncio.timeout(60):
            await asyncio.gather(*(catalog.get_video(ID) for _ in range(3)))
        await line.lose()
        async with asyncio.timeout(15):
            await asyncio.gather(*(catalog.get_video(ID) for _ in range(3)))
        await catalog.close()


@pytest.mark.slow
async def test_a_transaction_that_is_lost_gives_its_locks_back(postgres: Postgres) -> None:
    url = await postgres.create_database()
    catalog, database = await Catalog.open(url), await Database.open(url)
    await upload(catalog)

    async def pause() -> None:
        async with database.writing() as connection:
            await connection.execute(update(videos).values(title="lost"))
            await catalog.set_title(ID, "found")

    with pytest.raises(Unavailable):
        await pause()
    assert (await catalog.get_video(ID)).title == "found"
    await catalog.close()
    await database.close()


async def test_an_error_of_this_program_is_none_of_the_database(postgres: Postgres) -> None:
    url = await postgres.create_database()
    catalog = await Catalog.open(url)
    await postgres.execute(url, "ALTER TABLE videos RENAME COLUMN title TO name")
    with pytest.raises(ProgrammingError):
        await catalog.get_video(ID)
    await catalog.close()


async def test_a_connection_that_the_server_closed_is_replaced(postgres: Postgres) -> None:
    url = await postgres.create_database()
    catalog = await Catalog.open(url)
    await upload(catalog)
    connection = await asyncpg.connect(postgres.url("postgres"))
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
        url.rpartition("/")[2],
    )
    await connection.close()
    assert (await catalog.get_video(ID)).id == ID
    await catalog.close()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is a text, and not a short one. " * 100)
    with pytest.raises(Unavailable):
        await Catalog.open(f"sqlite:///{tmp_path}/text.db")
    with pytest.raises(Unavailable):
        await Catalog.open(f"sqlite:///{tmp_path}")
    with pytest.raises(Unavailable):
        await Catalog.open("sqlite:////proc/nowhere/catalog.db")


async def test_sqlite_survives_a_crash(tmp_path: Path) -> None:
    """What was committed is there although nobody closed the database."""
    path = tmp_path / "catalog.db"
    catalog = await Catalog.open(f"sqlite:///{path}")
    await upload(catalog)
    for name in ("catalog.db", "catalog.db-wal"):
        (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
    await catalog.close()
    copy = await Catalog.open(f"sqlite:///{tmp_path}/copy-catalog.db")
    assert (await copy.get_video(ID)).id == ID
    await copy.close()


async def test_a_full_sqlite_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    catalog = await Catalog.open(f"sqlite:///{path}")
    async with catalog._database.reading() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFull):
        await catalog.create_video(ID, title="x" * 1_000_000, now=NOW)
    assert await catalog.list_videos(limit=1) == ([], None)
    await catalog.close()


async def test_sqlite_is_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    await (await Catalog.open(f"sqlite:///{path}")).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
