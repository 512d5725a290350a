"""Subtitles that are uploaded to a video."""

import asyncio
import re
from xml.etree import ElementTree

import httpx
import pytest

from streamer.core import keys
from streamer.core.options import Encryption
from streamer.core.playlist import MediaPlaylist, MultivariantPlaylist
from streamer.core.playlist_reader import parse_playlist
from streamer.core.video import ContentKey
from streamer.core.webvtt import MAX_BYTES, parse_webvtt
from tests.integration.origin.conftest import OpenOrigin, Origin, id_of, now
from tests.integration.origin.test_playback import make_video

pytestmark = pytest.mark.asyncio(loop_scope="module")

SRT = "1\r\n00:00:01,000 --> 00:00:02,500\r\nGrüße & <i>so</i>\r\n"


async def add(
    origin: Origin, video_id: str, data: bytes = SRT.encode(), **fields: str
) -> httpx.Response:
    return await origin.client.post(
        f"/api/v1/videos/{video_id}/subtitles",
        data={"language": "deu", **fields},
        files={"file": ("a.srt", data)},
    )


async def stored(origin: Origin, video_id: str) -> list[str]:
    prefix = keys.video_prefix(video_id)
    names = [info.key.removeprefix(prefix) async for info in origin.store.list(prefix)]
    return [name for name in names if name.startswith("uploaded-")]


async def test_a_subrip_file_becomes_webvtt(origin: Origin) -> None:
    video_id = await make_video(origin)
    answer = await add(origin, video_id, default="true")
    assert answer.status_code == 201
    text = answer.json()["renditions"][-1]
    assert (text["name"], text["kind"], text["language"]) == ("uploaded-de", "subtitles", "de")
    assert (text["label"], text["is_default"], text["segments"]) == ("Deutsch", True, 1)
    [name] = await stored(origin, video_id)
    served = await origin.client.get(f"/v/{video_id}/{name}")
    assert served.headers["Content-Type"] == "text/vtt; charset=utf-8"
    [cue] = parse_webvtt(served.text)
    assert (cue.start_ms, cue.end_ms, cue.text) == (1000, 2500, "Grüße &amp; <i>so</i>")


async def test_the_same_language_again_replaces(origin: Origin) -> None:
    video_id = await make_video(origin)
    await add(origin, video_id)
    [first] = await stored(origin, video_id)
    answer = await add(origin, video_id, SRT.replace("so", "anders").encode(), label="Andere")
    [second] = await stored(origin, video_id)
    assert second != first
    assert answer.json()["renditions"][-1]["label"] == "Andere"
    purged = [purge.order.value for purge in await origin.catalog.purges_after(0)]
    assert f"/v/{video_id}/uploaded-de/*" in purged
    forced = await add(origin, video_id, forced="true")
    assert [item["name"] for item in forced.json()["renditions"]][-2:] == [
        "uploaded-de",
        "uploaded-de-forced",
    ]


async def test_subtitles_last_no_longer_than_a_video_that_is_ready(origin: Origin) -> None:
    video_id = await make_video(origin)
    await add(origin, video_id, SRT.replace("00:00:02,500", "00:00:12,000").encode())

    async def lengths() -> list[float]:
        text = (await origin.client.get(f"/v/{video_id}/uploaded-de/index.m3u8")).text
        return [
            float(number) for number in re.findall(r"(?:EXTINF|TARGETDURATION):([0-9.]+)", text)
        ]

    assert await lengths() == [12, 12]
    await origin.catalog.finish(video_id, duration_seconds=8.0, now=now())
    assert await lengths() == [8, 8]


async def take_away(origin: Origin, video_id: str) -> httpx.Response:
    return await origin.client.delete(f"/api/v1/videos/{video_id}/subtitles/uploaded-de")


async def listed(origin: Origin, video_id: str) -> list[str]:
    """The files that the playlist of the German subtitles names."""
    return [segment.name for segment in await origin.catalog.segments(video_id, "uploaded-de")]


@pytest.mark.parametrize("texts", [("so", "anders"), ("so", "anders", "auch", "nicht")])
async def test_of_uploads_at_once_one_stays(origin: Origin, texts: tuple[str, ...]) -> None:
    video_id = await make_video(origin)
    await add(origin, video_id)
    for _ in range(10):
        answers = [add(origin, video_id, SRT.replace("so", text).encode()) for text in texts]
        assert {answer.status_code for answer in await asyncio.gather(*answers)} == {201}
        assert len(await listed(origin, video_id)) == 1
        assert await stored(origin, video_id) == await listed(origin, video_id)


async def test_what_is_uploaded_while_the_same_is_taken_away_is_whole(origin: Origin) -> None:
    video_id = await make_video(origin)
    for _ in range(20):
        await add(origin, video_id)
        removed, added = await asyncio.gather(take_away(origin, video_id), add(origin, video_id))
        assert (removed.status_code, added.status_code) == (204, 201)
        assert await stored(origin, video_id) == await listed(origin, video_id)


async def test_an_upload_that_is_refused_takes_no_other_with_it(origin: Origin) -> None:
    video_id = await make_video(origin)
    await add(origin, video_id)
    await origin.catalog.fail(video_id, code="internal", message="It broke.")
    assert (await add(origin, video_id)).status_code == 409
    assert await stored(origin, video_id) == await listed(origin, video_id)


async def test_subtitles_are_taken_away(origin: Origin) -> None:
    video_id = await make_video(origin)
    await add(origin, video_id)
    path = f"/api/v1/videos/{video_id}/subtitles/uploaded-de"
    assert (await origin.client.delete(path)).status_code == 204
    assert await stored(origin, video_id) == []
    assert (await origin.client.delete(path)).status_code == 404


async def test_what_is_taken_away_is_served_no_more_whatever_the_store_does(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin() as origin:
        video_id = await make_video(origin)
        await add(origin, video_id)
        [first] = await stored(origin, video_id)
        origin.store.is_down = True
        assert (await add(origin, video_id)).status_code == 201
        [second] = await listed(origin, video_id)
        for name, status in ((first, 404), (second, 200)):
            assert (await origin.client.get(f"/v/{video_id}/{name}")).status_code == status
        assert (await take_away(origin, video_id)).status_code == 204
        assert (await origin.client.get(f"/v/{video_id}/{second}")).status_code == 404


async def playback_token(origin: Origin, video_id: str) -> dict[str, str]:
    answer = await origin.client.post(f"/api/v1/videos/{video_id}/tokens", json={})
    return {"token": answer.json()["token"]}


async def test_texts_of_an_encrypted_video_are_for_who_holds_a_token(origin: Origin) -> None:
    video_id = await make_video(origin)
    await add(origin, video_id)
    key = ContentKey(b"i" * 16, b"k" * 16, Encryption.SAMPLE_AES)
    await origin.catalog.keep_content_key(video_id, 1, key)
    await origin.catalog.finish(video_id, duration_seconds=8.0, now=now())
    base = f"{origin.url}/v/{video_id}/"
    [name] = await stored(origin, video_id)
    others = await playback_token(origin, await make_video(origin))
    for query in ({}, {"token": "x"}, others):
        refused = await origin.client.get(base + name, params=query)
        assert (refused.status_code, refused.headers["Cache-Control"]) == (403, "no-store")

    token = await playback_token(origin, video_id)
    multivariant = parse_playlist(
        (await origin.client.get(base + keys.MULTIVARIANT_PLAYLIST, params=token)).text
    )
    assert isinstance(multivariant, MultivariantPlaylist)
    [text] = multivariant.subtitles
    answer = await origin.client.get(base + text.uri)
    assert answer.headers["Cache-Control"].startswith("private, ")
    media = parse_playlist(answer.text)
    assert isinstance(media, MediaPlaylist)
    mpd = ElementTree.fromstring(
        (await origin.client.get(base + keys.DASH_MANIFEST, params=token)).text
    )
    [in_dash] = mpd.iterfind(".//{*}BaseURL")
    for url in (answer.url.join(media.segments[0].uri), base + str(in_dash.text)):
        served = await origin.client.get(url)
        assert (served.status_code, len(parse_webvtt(served.text))) == (200, 1)
        assert served.headers["Cache-Control"].startswith("private, ")


async def test_without_a_token_the_playlists_of_texts_are_the_same_for_all(origin: Origin) -> None:
    video_id = await make_video(origin)
    await add(origin, video_id)
    playlist = f"/v/{video_id}/uploaded-de/index.m3u8"
    in_the_clear = await origin.client.get(playlist, params=await playback_token(origin, video_id))
    await origin.catalog.keep_content_key(video_id, 1, ContentKey(b"i" * 16, b"k" * 16))
    answer = await origin.client.get(playlist)
    assert "token" not in answer.text
    assert answer.text == in_the_clear.text
    assert answer.headers["Cache-Control"].startswith("public, ")


@pytest.mark.parametrize(
    ("data", "fields", "status"),
    [
        (b"no subtitles", {}, 400),
        (b"", {}, 400),
        (b"\x00" * 100, {}, 400),
        (b" " * (MAX_BYTES + 1), {}, 413),
        (SRT.encode(), {"language": "../../etc"}, 400),
        (SRT.encode(), {"language": ""}, 400),
        (SRT.encode(), {"language": "en" + "-abcdefgh" * 3}, 400),
        (SRT.encode(), {"default": "maybe"}, 400),
        (SRT.encode(), {"label": "x" * 81}, 400),
    ],
)
async def test_what_cannot_be_is_refused(
    origin: Origin, data: bytes, fields: dict[str, str], status: int
) -> None:
    video_id = await make_video(origin)
    answer = await add(origin, video_id, data, **fields)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await stored(origin, video_id) == []


async def test_a_form_without_a_file_is_refused(origin: Origin) -> None:
    video_id = await make_video(origin)
    path = f"/api/v1/videos/{video_id}/subtitles"
    empty = await origin.client.post(path, files={"language": (None, "de")})
    assert empty.status_code == 400
    assert (await origin.client.post(path, json={})).status_code == 415


async def test_a_video_without_renditions_takes_none(origin: Origin) -> None:
    video_id = id_of(await origin.create_upload(5))
    assert (await add(origin, video_id)).status_code == 409
    assert await stored(origin, video_id) == []
    assert (await add(origin, "nosuchvideo")).status_code == 404
