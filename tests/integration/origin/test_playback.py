"""What players load: manifests from the catalog, media from the store."""

import asyncio
import contextlib
import gzip
import re
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
import pytest_asyncio

from streamer.core import keys
from streamer.core.playlist import MediaPlaylist, MultivariantPlaylist
from streamer.core.playlist_reader import parse_playlist
from streamer.core.video import Rendition
from streamer.origin.uploads import new_video_id
from tests.integration.origin.conftest import Origin, eventually, now
from tests.unit.core.published import HIGH, LOW, SOUND, segments

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEGMENT = bytes(range(256)) * 40
LADDER = (LOW, HIGH, SOUND)


async def make_video(origin: Origin, *, published: tuple[Rendition, ...] = LADDER) -> str:
    """A video that is being packaged, with two segments of some renditions."""
    video_id = new_video_id()
    await origin.catalog.create_video(video_id, title="clip", now=now())
    await origin.catalog.accept_source(video_id, size_bytes=100)
    await origin.catalog.begin_packaging(video_id, duration_seconds=8.0, renditions=LADDER)
    for rendition in published:
        found = segments(rendition, len(SEGMENT), len(SEGMENT))
        assert rendition.init_name is not None
        for name in (rendition.init_name, *(segment.name for segment in found)):
            await origin.store.put(keys.media_key(video_id, name), SEGMENT)
        await origin.catalog.publish(
            video_id, found, init_names={rendition.name: rendition.init_name}, now=now()
        )
    return video_id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def growing(origin: Origin) -> str:
    return await make_video(origin)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ready(origin: Origin) -> str:
    video_id = await make_video(origin)
    await origin.catalog.finish(video_id, duration_seconds=8.0, now=now())
    return video_id


def segment_path(video_id: str) -> str:
    return keys.media_path(video_id, segments(LOW, 1)[0].name)


async def test_the_multivariant_playlist_leads_to_every_segment(origin: Origin, ready: str) -> None:
    url = httpx.URL(f"{origin.url}/v/{ready}/index.m3u8")
    answer = await origin.client.get(url)
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    multivariant = parse_playlist(answer.text)
    assert isinstance(multivariant, MultivariantPlaylist)
    assert [variant.height for variant in multivariant.variants] == [240, 720]
    uris = [variant.uri for variant in multivariant.variants]
    uris += [audio.uri or "" for audio in multivariant.audio]
    assert len(uris) == 3
    for uri in uris:
        media_url = url.join(uri)
        media = parse_playlist((await origin.client.get(media_url)).text)
        assert isinstance(media, MediaPlaylist)
        assert (media.playlist_type, media.ended, len(media.segments)) == ("VOD", True, 2)
        for segment in media.segments:
            assert (await origin.client.get(media_url.join(segment.uri))).content == SEGMENT
            init = media_url.join(segment.init_uri or "")
            assert (await origin.client.get(init)).content == SEGMENT


async def test_a_growing_video_is_an_event(origin: Origin) -> None:
    video_id = await make_video(origin, published=(LOW, SOUND))
    answer = await origin.client.get(f"/v/{video_id}/index.m3u8")
    multivariant = parse_playlist(answer.text)
    assert isinstance(multivariant, MultivariantPlaylist)
    assert [variant.height for variant in multivariant.variants] == [240]
    assert answer.headers["Cache-Control"] == "public, max-age=1"
    media = parse_playlist((await origin.client.get(f"/v/{video_id}/240p/index.m3u8")).text)
    assert isinstance(media, MediaPlaylist)
    assert (media.playlist_type, media.ended) == ("EVENT", False)
    assert (await origin.client.get(f"/v/{video_id}/720p/index.m3u8")).status_code == 404
    assert (await origin.client.get(f"/v/{video_id}/nope/index.m3u8")).status_code == 404


async def test_what_is_complete_ends_though_more_is_made(origin: Origin) -> None:
    video_id = await make_video(origin)
    await origin.catalog.complete(video_id, {LOW.name, SOUND.name})
    for rendition in LADDER:
        answer = await origin.client.get(f"/v/{video_id}/{rendition.name}/index.m3u8")
        media = parse_playlist(answer.text)
        assert isinstance(media, MediaPlaylist)
        assert media.ended == (rendition is not HIGH)
        assert media.playlist_type == ("EVENT" if rendition is HIGH else "VOD")


async def test_what_is_not_playable_has_no_manifest(origin: Origin) -> None:
    video_id = await make_video(origin, published=(LOW,))
    for name in ("index.m3u8", "240p/index.m3u8", "manifest.mpd"):
        answer = await origin.client.get(f"/v/{video_id}/{name}")
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_playable_yet"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_video_that_failed_is_gone(origin: Origin) -> None:
    video_id = await make_video(origin)
    await origin.catalog.fail(video_id, code="encode_failed", message="no")
    assert (await origin.client.get(f"/v/{video_id}/index.m3u8")).status_code == 410


@pytest.mark.parametrize("video_id", ["nosuchvideo", "X", "..", "%2e%2e%2f"])
async def test_unknown_videos(origin: Origin, video_id: str) -> None:
    for name in ("index.m3u8", "240p/index.m3u8", "manifest.mpd", "poster.jpg"):
        assert (await origin.client.get(f"/v/{video_id}/{name}")).status_code == 404


async def test_dash_is_offered_once_the_video_is_ready(
    origin: Origin, growing: str, ready: str
) -> None:
    assert (await origin.client.get(f"/v/{growing}/manifest.mpd")).status_code == 404
    answer = await origin.client.get(f"/v/{ready}/manifest.mpd")
    assert answer.headers["Content-Type"] == "application/dash+xml"
    root = ElementTree.fromstring(answer.text)
    url = httpx.URL(str(answer.url))
    found = [element.get("media", "") for element in root.iter() if "media" in element.attrib]
    assert len(found) == 6
    for media in found:
        assert (await origin.client.get(url.join(media))).content == SEGMENT


@pytest.mark.parametrize("name", ["index.m3u8", "240p/index.m3u8", "manifest.mpd"])
async def test_manifests_are_compressed_and_conditional(
    origin: Origin, ready: str, name: str
) -> None:
    url = f"{origin.url}/v/{ready}/{name}"
    plain = await origin.client.get(url, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    async with origin.client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join([piece async for piece in packed.aiter_raw()])
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert plain.headers["Cache-Control"] == (
        "public, max-age=60, stale-while-revalidate=600, stale-if-error=86400"
    )
    for answer, coding in ((plain, "identity"), (packed, "gzip")):
        headers = {"Accept-Encoding": coding, "If-None-Match": answer.headers["ETag"]}
        again = await origin.client.get(url, headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == answer.headers["ETag"]
        assert again.headers["Cache-Control"] == answer.headers["Cache-Control"]
        assert again.headers["Vary"] == "Accept-Encoding"
    head = await origin.client.head(url, headers={"Accept-Encoding": "identity"})
    assert head.headers["Content-Length"] == plain.headers["Content-Length"]
    assert head.headers["ETag"] == plain.headers["ETag"]
    assert head.content == b""


async def test_a_segment(origin: Origin, ready: str) -> None:
    answer = await origin.client.get(segment_path(ready))
    assert (answer.status_code, answer.content) == (200, SEGMENT)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(len(SEGMENT))
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["ETag"].startswith('"')
    assert "Last-Modified" in answer.headers
    head = await origin.client.head(segment_path(ready), headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(SEGMENT))


async def test_sound_is_called_audio(origin: Origin, ready: str) -> None:
    answer = await origin.client.get(keys.media_path(ready, segments(SOUND, 1)[0].name))
    assert answer.headers["Content-Type"] == "audio/mp4"


async def test_pictures_may_change(origin: Origin, ready: str) -> None:
    await origin.store.put(keys.media_key(ready, "poster.jpg"), b"\xff\xd8")
    await origin.store.put(keys.media_key(ready, "storyboard.vtt"), b"WEBVTT\n")
    for name, media_type in (("poster.jpg", "image/jpeg"), ("storyboard.vtt", "text/vtt")):
        answer = await origin.client.get(keys.media_path(ready, name))
        assert answer.headers["Content-Type"].partition(";")[0] == media_type
        assert answer.headers["Cache-Control"] == "public, max-age=60, stale-while-revalidate=600"


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, len(SEGMENT)),
        ("bytes=-10", len(SEGMENT) - 10, len(SEGMENT)),
        ("bytes=0-0", 0, 1),
        ("bytes=5-1000000", 5, len(SEGMENT)),
        ("bytes=0-9,10-19", 0, 20),
    ],
)
async def test_a_range(origin: Origin, ready: str, header: str, start: int, stop: int) -> None:
    answer = await origin.client.get(segment_path(ready), headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, SEGMENT[start:stop])
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(SEGMENT)}"
    assert answer.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("header", ["items=0-1", "bytes=9-1", "bytes=0-1,100-200", "nonsense"])
async def test_a_range_that_is_ignored(origin: Origin, ready: str, header: str) -> None:
    answer = await origin.client.get(segment_path(ready), headers={"Range": header})
    assert (answer.status_code, answer.content) == (200, SEGMENT)


async def test_a_range_beyond_the_end(origin: Origin, ready: str) -> None:
    answer = await origin.client.get(segment_path(ready), headers={"Range": "bytes=999999-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(SEGMENT)}"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_conditions(origin: Origin, ready: str) -> None:
    path = segment_path(ready)
    first = await origin.client.get(path)
    etag, date = first.headers["ETag"], first.headers["Last-Modified"]
    table: list[tuple[dict[str, str], int]] = [
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": f'"x", W/{etag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-Modified-Since": date}, 304),
        ({"If-Match": etag}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-None-Match": etag, "Range": "bytes=0-9"}, 304),
        ({"If-Range": etag, "Range": "bytes=0-9"}, 206),
        ({"If-Range": '"x"', "Range": "bytes=0-9"}, 200),
        ({"If-Range": date, "Range": "bytes=0-9"}, 206),
    ]
    for headers, status in table:
        answer = await origin.client.get(path, headers=headers)
        assert answer.status_code == status, headers
        if status == 304:
            assert answer.headers["ETag"] == etag
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "name",
    [
        "source",
        "240p/000000-000000000000.m4s",
        "..%2f..%2fstreamer.db",
        "240p/../source",
        "%2e%2e/source",
        "240p//init.mp4",
        "a.exe",
        "240P/x.m4s",
        "240p/x.m4s%00",
        "",
    ],
)
async def test_nothing_else_is_served(origin: Origin, ready: str, name: str) -> None:
    await origin.store.put(keys.source_key(ready), b"secret")
    reader, writer = await asyncio.open_connection("127.0.0.1", origin.port)
    writer.write(f"GET /v/{ready}/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"secret" not in answer


async def test_players_on_other_sites(origin: Origin, ready: str) -> None:
    preflight = await origin.client.options(
        segment_path(ready),
        headers={
            "Origin": "https://player.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "range,cmcd-request",
        },
    )
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Max-Age"] == "86400"
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    for name in ("range", "cmcd-object", "cmcd-request", "cmcd-session", "cmcd-status"):
        assert name in allowed
    for path in (segment_path(ready), f"/v/{ready}/index.m3u8", "/v/nosuchvideo/index.m3u8"):
        answer = await origin.client.get(path)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]


async def test_a_viewer_who_leaves_ends_the_reading(origin: Origin, ready: str) -> None:
    name, size = "240p/big.m4s", 64 * 1024 * 1024
    await origin.store.put(keys.media_key(ready, name), b"x" * size)
    before = await sent_bytes(origin)
    reader, writer = await asyncio.open_connection("127.0.0.1", origin.port)
    writer.write(f"GET /v/{ready}/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert await reader.readexactly(1000)
    writer.transport.abort()
    await eventually(lambda: not open_files(name))
    assert await sent_bytes(origin) - before < size


async def sent_bytes(origin: Origin) -> float:
    text = (await origin.client.get("/metrics")).text
    found = re.search(r"^streamer_origin_playback_bytes_total (\S+)$", text, re.MULTILINE)
    assert found
    return float(found[1])


def open_files(name: str) -> list[str]:
    """The descriptors of this process that are an object of the store."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.endswith(name)]
