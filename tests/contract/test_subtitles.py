"""What the catalog promises of uploaded subtitles, in both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from streamer.core.errors import Conflict, NotFound
from streamer.core.video import (
    EVERY_VERSION,
    MediaKind,
    VideoState,
)
from streamer.shared.catalog import Catalog
from tests.catalogs import (
    FAST,
    ID,
    LOW,
    LOW_2,
    NOW,
    SOUND,
    SOUND_2,
    TEXT,
    UPLOADED,
    Step,
    make_failed,
    make_playing,
    names,
    package,
    probe,
    publish,
    segment,
    upload,
)


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
