"""New versions of a video through the API, and the end of old ones."""

from dataclasses import replace

import httpx
import pytest

from streamer.core import keys
from streamer.core.options import Encryption, PackagingOptions
from streamer.core.playlist import MediaPlaylist, MultivariantPlaylist
from streamer.core.playlist_reader import parse_playlist
from streamer.core.video import ContentKey, Rendition
from tests.integration.origin.conftest import OpenOrigin, Origin, now
from tests.integration.origin.test_playback import LADDER, SEGMENT, make_video
from tests.unit.core.published import segments

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIDEOS = "/api/v1/videos"


async def make_ready(origin: Origin) -> str:
    video_id = await make_video(origin)
    await origin.catalog.finish(video_id, duration_seconds=8.0, now=now())
    return video_id


def anew(rendition: Rendition, version: int = 2) -> Rendition:
    name = keys.rendition_name(rendition.name, version)
    return replace(rendition, name=name, version=version, init_name=None)


async def begin_anew(origin: Origin, video_id: str) -> httpx.Response:
    return await origin.client.post(f"{VIDEOS}/{video_id}/versions", json={"preset": "fast"})


async def publish_anew(origin: Origin, video_id: str) -> None:
    ladder = [anew(rendition) for rendition in LADDER]
    await origin.catalog.begin_packaging(
        video_id, duration_seconds=8.0, renditions=ladder, version=2
    )
    for rendition in ladder:
        found = segments(rendition, len(SEGMENT), len(SEGMENT))
        init = keys.init_name(rendition.name, "0" * 12)
        for name in (init, *(segment.name for segment in found)):
            await origin.store.put(keys.media_key(video_id, name), SEGMENT)
        await origin.catalog.publish(video_id, found, init_names={rendition.name: init}, now=now())


async def finish_anew(origin: Origin, video_id: str) -> None:
    await origin.catalog.finish(video_id, duration_seconds=8.0, now=now(), version=2)


async def draw_storyboard(origin: Origin, video_id: str, digest: str) -> list[str]:
    """Publishes a storyboard as a worker does; the names of what it consists of."""
    sheet = keys.sprite_name(0, digest)
    text = f"WEBVTT\n\n00:00.000 --> 00:08.000\n{sheet}#xywh=0,0,160,90\n"
    await origin.store.put(keys.media_key(video_id, sheet), b"jpeg")
    await origin.store.put(keys.media_key(video_id, keys.STORYBOARD), text.encode())
    await origin.catalog.set_pictures(video_id, has_storyboard=True)
    return [keys.STORYBOARD, sheet]


async def encrypt_anew(
    origin: Origin, method: Encryption = Encryption.AES_128
) -> tuple[str, list[str]]:
    """A video whose second version is encrypted, and the storyboard of its first one."""
    video_id = await make_ready(origin)
    names = await draw_storyboard(origin, video_id, "a" * 12)
    await begin_anew(origin, video_id)
    await publish_anew(origin, video_id)
    await origin.catalog.keep_content_key(video_id, 2, ContentKey(b"i" * 16, b"k" * 16, method))
    return video_id, names


async def served(origin: Origin, video_id: str, names: list[str]) -> set[int]:
    """The statuses of what is asked for by these names."""
    answers = [await origin.client.get(keys.media_path(video_id, name)) for name in names]
    return {answer.status_code for answer in answers}


async def sheets(origin: Origin, video_id: str) -> list[str]:
    """The names of what is stored of storyboards."""
    prefix = keys.video_prefix(video_id)
    found = [info.key.removeprefix(prefix) async for info in origin.store.list(prefix)]
    return sorted(name for name in found if keys.is_of_storyboard(name))


async def objects(origin: Origin, video_id: str, rendition: str) -> int:
    prefix = keys.rendition_prefix(video_id, rendition)
    return len([info async for info in origin.store.list(prefix)])


async def playlist(origin: Origin, path: str) -> MultivariantPlaylist | MediaPlaylist:
    answer = await origin.client.get(path)
    assert answer.status_code == 200, answer.text
    return parse_playlist(answer.text)


async def test_a_ready_video_is_packaged_anew(origin: Origin) -> None:
    video_id = await make_ready(origin)
    answer = await begin_anew(origin, video_id)
    assert answer.status_code == 202
    resource = answer.json()
    assert (resource["state"], resource["version"]) == ("ready", 1)
    assert resource["repackaging"] == {"version": 2, "progress": 0, "error": None}
    assert resource["options"]["preset"] == "fast"
    assert f"{video_id}-v2" in origin.jobs.packaged
    assert (await begin_anew(origin, video_id)).status_code == 409


async def test_a_failed_video_begins_again(origin: Origin) -> None:
    video_id = await make_video(origin)
    await origin.catalog.fail(video_id, code="encode_failed", message="It broke.")
    answer = await begin_anew(origin, video_id)
    assert answer.status_code == 202
    resource = answer.json()
    assert (resource["state"], resource["version"]) == ("probing", 2)
    assert (resource["error"], resource["repackaging"]) == (None, None)
    assert f"{video_id}-v2" in origin.jobs.packaged
    assert (await begin_anew(origin, video_id)).status_code == 409
    origin.jobs.packaged.clear()
    await origin.services.reconciler.reconcile()
    assert f"{video_id}-v2" in origin.jobs.packaged


async def test_what_is_being_packaged_is_not_packaged_anew(origin: Origin) -> None:
    answer = await begin_anew(origin, await make_video(origin))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await begin_anew(origin, "nosuchvideo")).status_code == 404


async def test_a_lost_job_is_enqueued_again(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        video_id = await make_ready(origin)
        origin.jobs.is_down = True
        assert (await begin_anew(origin, video_id)).status_code == 202
        assert f"{video_id}-v2" not in origin.jobs.packaged
        origin.jobs.is_down = False
        await origin.services.reconciler.reconcile()
        assert f"{video_id}-v2" in origin.jobs.packaged


async def test_old_playlists_are_served_until_the_old_version_ends(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin() as origin:
        video_id = await make_ready(origin)
        await begin_anew(origin, video_id)
        await publish_anew(origin, video_id)
        early = await origin.client.get(f"/v/{video_id}/240p-v2/index.m3u8")
        assert early.status_code == 404
        await finish_anew(origin, video_id)
        multivariant = await playlist(origin, f"/v/{video_id}/index.m3u8")
        assert isinstance(multivariant, MultivariantPlaylist)
        uris = [variant.uri for variant in multivariant.variants]
        assert uris == ["240p-v2/index.m3u8", "720p-v2/index.m3u8"]
        for rendition in ("240p", "240p-v2"):
            media = await playlist(origin, f"/v/{video_id}/{rendition}/index.m3u8")
            assert isinstance(media, MediaPlaylist)
            assert (media.ended, len(media.segments)) == (True, 2)
        await origin.services.reconciler.reconcile()
        assert await objects(origin, video_id, "240p") == 3


async def test_an_old_version_ends_after_its_grace(open_origin: OpenOrigin) -> None:
    async with open_origin(old_version_seconds=0) as origin:
        video_id = await make_ready(origin)
        await begin_anew(origin, video_id)
        await publish_anew(origin, video_id)
        await finish_anew(origin, video_id)
        await origin.services.reconciler.reconcile()
        assert await objects(origin, video_id, "240p") == 0
        assert await objects(origin, video_id, "240p-v2") == 3
        assert origin.jobs.forgotten == [video_id]
        gone = await origin.client.get(f"/v/{video_id}/240p/index.m3u8")
        assert gone.status_code == 404
        purged = [purge.order.value for purge in await origin.catalog.purges_after(0)]
        assert f"/v/{video_id}/240p/*" in purged


async def test_nothing_is_left_of_a_version_that_failed(origin: Origin) -> None:
    video_id = await make_ready(origin)
    await begin_anew(origin, video_id)
    await publish_anew(origin, video_id)
    await origin.catalog.fail(video_id, code="internal", message="It broke.", version=2)
    await origin.services.reconciler.reconcile()
    assert await objects(origin, video_id, "240p-v2") == 0
    assert f"{video_id}-v2" in origin.jobs.forgotten
    resource = (await origin.client.get(f"{VIDEOS}/{video_id}")).json()
    assert (resource["state"], resource["playable"]) == ("ready", True)
    assert resource["repackaging"]["error"] == {"code": "internal", "message": "It broke."}
    assert (await begin_anew(origin, video_id)).json()["repackaging"]["version"] == 3


async def test_an_encrypted_version_shows_no_storyboard(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        video_id, names = await encrypt_anew(origin)
        assert await served(origin, video_id, names) == {200}
        await finish_anew(origin, video_id)
        assert await served(origin, video_id, names) == {404}
        assert not (await origin.video(video_id)).has_storyboard
        purged = [purge.order.value for purge in await origin.catalog.purges_after(0)]
        assert {f"/v/{video_id}/storyboard.vtt", f"/v/{video_id}/sprite-*"} <= set(purged)


@pytest.mark.parametrize(
    ("base_url", "audience"), [("", "private"), ("https://edge.example", "public")]
)
async def test_no_shared_cache_keeps_the_address_that_a_manifest_was_asked_at(
    open_origin: OpenOrigin, base_url: str, audience: str
) -> None:
    async with open_origin(playback_base_url=base_url) as origin:
        video_id, _ = await encrypt_anew(origin, Encryption.SAMPLE_AES)
        path = f"/v/{video_id}/manifest.mpd"
        in_the_clear = await origin.client.get(path)
        assert in_the_clear.headers["Cache-Control"].startswith("public, ")
        await finish_anew(origin, video_id)
        answer = await origin.client.get(path, headers={"Host": "evil.example"})
        assert f"{base_url or 'http://evil.example'}/v/{video_id}/license" in answer.text
        assert answer.headers["Cache-Control"].startswith(f"{audience}, ")


async def test_the_storyboard_goes_with_the_version_in_the_clear(open_origin: OpenOrigin) -> None:
    async with open_origin(old_version_seconds=0) as origin:
        video_id, names = await encrypt_anew(origin)
        assert await sheets(origin, video_id) == sorted(names)
        await finish_anew(origin, video_id)
        await origin.services.reconciler.reconcile()
        assert await sheets(origin, video_id) == []


async def test_sheets_that_the_storyboard_does_not_name_go(open_origin: OpenOrigin) -> None:
    async with open_origin(old_version_seconds=0) as origin:
        video_id = await make_ready(origin)
        await draw_storyboard(origin, video_id, "a" * 12)
        await begin_anew(origin, video_id)
        await publish_anew(origin, video_id)
        names = await draw_storyboard(origin, video_id, "b" * 12)
        await finish_anew(origin, video_id)
        await origin.services.reconciler.reconcile()
        assert await sheets(origin, video_id) == sorted(names)
        assert await served(origin, video_id, names) == {200}


async def test_a_version_in_the_making_keeps_its_sheets(open_origin: OpenOrigin) -> None:
    async with open_origin(old_version_seconds=0) as origin:
        video_id = await make_ready(origin)
        await begin_anew(origin, video_id)
        await publish_anew(origin, video_id)
        await finish_anew(origin, video_id)
        await begin_anew(origin, video_id)
        sheet = keys.sprite_name(0, "c" * 12)
        await origin.store.put(keys.media_key(video_id, sheet), b"jpeg")
        await origin.services.reconciler.reconcile()
        assert await sheets(origin, video_id) == [sheet]


async def test_a_storyboard_of_a_version_that_failed_is_not_shown(origin: Origin) -> None:
    video_id, names = await encrypt_anew(origin)
    await finish_anew(origin, video_id)
    await origin.catalog.repackage(video_id, PackagingOptions())
    ladder = [anew(rendition, 3) for rendition in LADDER]
    await origin.catalog.begin_packaging(
        video_id, duration_seconds=8.0, renditions=ladder, version=3
    )
    await draw_storyboard(origin, video_id, "c" * 12)
    assert await served(origin, video_id, names) == {404}
    await origin.catalog.fail(video_id, code="internal", message="It broke.", version=3)
    await origin.services.reconciler.reconcile()
    assert await sheets(origin, video_id) == []
    assert not (await origin.video(video_id)).has_storyboard
