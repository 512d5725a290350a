"""What the catalog promises of versions, in both databases."""

import asyncio
from datetime import timedelta

import pytest

from streamer.core.chunks import ChunkOrder
from streamer.core.errors import Conflict
from streamer.core.options import PackagingOptions
from streamer.core.video import (
    Chapter,
    Rendition,
    Repackaging,
    VideoError,
    VideoState,
)
from streamer.shared.catalog import Catalog
from tests.catalogs import (
    FAST,
    ID,
    KEY,
    LOW,
    LOW_2,
    NOW,
    OTHER_KEY,
    SOUND,
    SOUND_2,
    TEXT,
    UPLOADED,
    Step,
    begin_anew,
    events,
    make_playing,
    make_ready,
    names,
    package,
    probe,
    publish,
    renew,
    segment,
    upload,
)


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


async def test_a_key_is_kept_once(catalog: Catalog, other: Catalog) -> None:
    await probe(catalog)
    assert await catalog.content_key(ID, 1) is None
    kept = await asyncio.gather(
        catalog.keep_content_key(ID, 1, KEY), other.keep_content_key(ID, 1, OTHER_KEY)
    )
    assert kept[0] == kept[1] == await catalog.content_key(ID, 1)
    assert await catalog.keep_content_key(ID, 2, OTHER_KEY) == OTHER_KEY


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
