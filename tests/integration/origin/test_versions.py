"""New versions of a video through the API, and the end of old ones."""

from dataclasses import replace

import httpx
import pytest

from streamer.core import keys
from streamer.core.playlist import MediaPlaylist, MultivariantPlaylist
from streamer.core.playlist_reader import parse_playlist
from streamer.core.video import Rendition
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


async def test_only_a_ready_video_is_packaged_anew(origin: Origin) -> None:
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
        await origin.catalog.finish(video_id, duration_seconds=8.0, now=now(), version=2)
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
        await origin.catalog.finish(video_id, duration_seconds=8.0, now=now(), version=2)
        await origin.services.reconciler.reconcile()
        assert await objects(origin, video_id, "240p") == 0
        assert await objects(origin, video_id, "240p-v2") == 3
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
    resource = (await origin.client.get(f"{VIDEOS}/{video_id}")).json()
    assert (resource["state"], resource["playable"]) == ("ready", True)
    assert resource["repackaging"]["error"] == {"code": "internal", "message": "It broke."}
    assert (await begin_anew(origin, video_id)).json()["repackaging"]["version"] == 3
