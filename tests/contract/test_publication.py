"""What the catalog promises of renditions and their segments, in both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from streamer.core.errors import Conflict, NotFound
from streamer.core.video import (
    Extent,
    MediaKind,
    Rendition,
    VideoState,
)
from streamer.shared.catalog import Catalog
from tests.catalogs import (
    FAST,
    HIGH,
    ID,
    LOW,
    NOW,
    OTHER_SOUND,
    SOUND,
    events,
    make_ready,
    names,
    package,
    probe,
    publish,
    segment,
    upload,
)


async def test_a_failed_video_is_not_playable(catalog: Catalog) -> None:
    await package(catalog, LOW)
    await publish(catalog, segment(LOW, 0))
    assert (await catalog.get_video(ID)).playable
    await catalog.fail(ID, code="encode_failed", message="It broke.")
    assert not (await catalog.get_video(ID)).playable


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
