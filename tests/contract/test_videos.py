"""What the catalog promises of videos, in both databases."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from sqlalchemy import insert, select

from streamer.core.chunks import ChunkOrder, deadline
from streamer.core.errors import Conflict, InvalidInput, NotFound
from streamer.core.options import PackagingOptions
from streamer.core.video import (
    Chapter,
    Video,
    VideoError,
    VideoState,
)
from streamer.shared.catalog import Catalog
from streamer.shared.tables import metadata
from tests.catalogs import (
    FAST,
    HIGH,
    ID,
    LOW,
    NOW,
    OTHER_SOUND,
    SOUND,
    STATES,
    Step,
    package,
    probe,
    publish,
    renew,
    segment,
    upload,
)


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
