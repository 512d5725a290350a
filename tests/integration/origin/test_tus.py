"""tus 1.0.0 and its extensions, as a client sees them."""

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from streamer.core.conditional import parse_http_date
from streamer.core.video import VideoState
from tests.integration.origin.conftest import BODY, TUS, OpenOrigin, Origin, id_of, now, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPLOADS = "/api/v1/uploads"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small_origin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Origin]:
    """An origin that accepts at most 100 bytes."""
    async with opened(tmp_path_factory.mktemp("small"), max_upload_bytes=100) as one:
        yield one


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_options_names_version_extensions_and_limits(origin: Origin) -> None:
    answer = await origin.client.options(UPLOADS)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "expiration",
        "checksum",
        "termination",
    }
    assert answer.headers["Tus-Max-Size"] == str(origin.settings.max_upload_bytes)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


async def test_an_upload_in_two_parts_becomes_the_source(origin: Origin) -> None:
    path = await origin.create_upload(10)
    assert (await origin.video(id_of(path))).state is VideoState.UPLOADING
    answer = await origin.patch(path, 0, b"hello")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "5")
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    answer = await origin.patch(path, 5, b"world")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "10")
    assert "Upload-Expires" not in answer.headers
    assert await origin.source(id_of(path)) == b"helloworld"
    assert (await origin.video(id_of(path))).state is VideoState.PROBING
    assert (await origin.video(id_of(path))).source_bytes == 10
    assert id_of(path) in origin.jobs.packaged
    assert not origin.has_bytes(id_of(path))


async def test_head_of_an_upload_that_was_taken_in_says_complete(origin: Origin) -> None:
    path = await origin.create_upload(3)
    await origin.patch(path, 0, b"abc")
    answer = await origin.client.head(path, headers=TUS)
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("3", "3")
    assert (await origin.patch(path, 3, b"")).status_code == 204
    assert origin.jobs.packaged.count(id_of(path)) == 1


async def test_head_tells_offset_length_metadata_and_expiry(origin: Origin) -> None:
    metadata = f"filename {b64(b'a.mp4')},is_private"
    path = await origin.create_upload(10, **{"Upload-Metadata": metadata})
    await origin.patch(path, 0, b"abcd")
    answer = await origin.client.head(path, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Upload-Offset"] == "4"
    assert answer.headers["Upload-Length"] == "10"
    assert answer.headers["Upload-Metadata"] == metadata
    assert answer.headers["Cache-Control"] == "no-store"
    expires = parse_http_date(answer.headers["Upload-Expires"])
    assert expires is not None
    lasts = timedelta(seconds=origin.settings.upload_expiry_seconds)
    assert abs(expires - now() - lasts) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("metadata", "title"),
    [
        ({"filename": "My clip.final.mp4"}, "My clip.final"),
        ({"filename": "a.mp4", "title": "Ça va?"}, "Ça va?"),
        ({"name": "C:\\videos\\b.mov"}, "b"),
        ({"filename": "../../etc/passwd"}, "passwd"),
        ({"title": " \r\n\x00 "}, "Untitled"),
        ({"title": "x" * 1000}, "x" * 200),
        ({}, "Untitled"),
    ],
)
async def test_the_title_comes_from_the_metadata(
    origin: Origin, metadata: dict[str, str], title: str
) -> None:
    header = ",".join(f"{key} {b64(value.encode())}" for key, value in metadata.items())
    path = await origin.create_upload(10, **{"Upload-Metadata": header})
    assert (await origin.video(id_of(path))).title == title


async def test_creation_with_upload(origin: Origin) -> None:
    headers = {**BODY, "Upload-Length": "6"}
    answer = await origin.client.post(UPLOADS, content=b"abc", headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "3")
    path = answer.headers["Location"]
    assert (await origin.patch(path, 3, b"def")).status_code == 204
    assert await origin.source(id_of(path)) == b"abcdef"


async def test_a_whole_upload_in_its_creation(origin: Origin) -> None:
    headers = {**BODY, "Upload-Length": "3"}
    answer = await origin.client.post(UPLOADS, content=b"abc", headers=headers)
    assert answer.status_code == 201
    assert id_of(answer.headers["Location"]) in origin.jobs.packaged


async def test_an_empty_upload_is_complete_at_once(origin: Origin) -> None:
    path = await origin.create_upload(0)
    assert id_of(path) in origin.jobs.packaged


async def test_deferred_length(origin: Origin) -> None:
    headers = {**TUS, "Upload-Defer-Length": "1"}
    answer = await origin.client.post(UPLOADS, headers=headers)
    path = answer.headers["Location"]
    assert (await origin.patch(path, 0, b"abc")).status_code == 204
    head = await origin.client.head(path, headers=TUS)
    assert head.headers["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in head.headers
    assert (await origin.patch(path, 3, b"", **{"Upload-Length": "2"})).status_code == 400
    assert (await origin.patch(path, 3, b"d", **{"Upload-Length": "5"})).status_code == 204
    assert (await origin.patch(path, 4, b"", **{"Upload-Length": "6"})).status_code == 409
    assert (await origin.patch(path, 4, b"e")).status_code == 204
    assert await origin.source(id_of(path)) == b"abcde"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_checksum_that_matches(origin: Origin, algorithm: str) -> None:
    path = await origin.create_upload(3)
    checksum = f"{algorithm} {b64(hashlib.new(algorithm, b'abc').digest())}"
    answer = await origin.patch(path, 0, b"abc", **{"Upload-Checksum": checksum})
    assert answer.status_code == 204
    assert await origin.source(id_of(path)) == b"abc"


async def test_a_checksum_that_differs_drops_exactly_that_patch(origin: Origin) -> None:
    path = await origin.create_upload(9)
    await origin.patch(path, 0, b"abc")
    wrong = {"Upload-Checksum": f"sha1 {b64(hashlib.sha1(b'xyz').digest())}"}
    answer = await origin.patch(path, 3, b"def", **wrong)
    assert answer.status_code == 460
    assert answer.json()["code"] == "checksum_mismatch"
    assert await origin.offset(path) == 3
    part = origin.settings.uploads_dir / f"{id_of(path)}.part"
    assert part.read_bytes() == b"abc"
    assert (await origin.patch(path, 3, b"defghi")).status_code == 204
    assert await origin.source(id_of(path)) == b"abcdefghi"


async def test_a_wrong_checksum_at_creation_leaves_nothing(open_origin: OpenOrigin) -> None:
    wrong = f"sha1 {b64(hashlib.sha1(b'xyz').digest())}"
    headers = {**BODY, "Upload-Length": "3", "Upload-Checksum": wrong}
    async with open_origin() as origin:
        answer = await origin.client.post(UPLOADS, content=b"abc", headers=headers)
        assert answer.status_code == 460
        assert list(origin.settings.uploads_dir.iterdir()) == []
        assert (await origin.catalog.list_videos(limit=10))[0] == []


async def test_termination_forgets_upload_and_video(origin: Origin) -> None:
    path = await origin.create_upload(9)
    await origin.patch(path, 0, b"abc")
    assert (await origin.client.delete(path, headers=TUS)).status_code == 204
    assert (await origin.client.head(path, headers=TUS)).status_code == 404
    assert (await origin.client.delete(path, headers=TUS)).status_code == 404
    assert (await origin.client.get(f"/api/v1/videos/{id_of(path)}")).status_code == 404
    assert not origin.has_bytes(id_of(path))


async def test_a_complete_upload_is_not_terminated(origin: Origin) -> None:
    path = await origin.create_upload(3)
    await origin.patch(path, 0, b"abc")
    assert (await origin.client.delete(path, headers=TUS)).status_code == 409


async def test_an_expired_upload_is_gone_and_then_removed(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        path = await origin.create_upload(9)
        long_ago = now().timestamp() - origin.settings.upload_expiry_seconds - 1
        os.utime(origin.settings.uploads_dir / f"{id_of(path)}.part", (long_ago, long_ago))
        assert (await origin.client.head(path, headers=TUS)).status_code == 410
        assert (await origin.patch(path, 0, b"abc")).status_code == 410
        await origin.services.uploads.remove_expired(now=now())
        assert (await origin.client.head(path, headers=TUS)).status_code == 404
        assert (await origin.client.get(f"/api/v1/videos/{id_of(path)}")).status_code == 404


async def test_method_override(origin: Origin) -> None:
    path = await origin.create_upload(3)
    headers = {**BODY, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    answer = await origin.client.post(path, content=b"ab", headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "2")
    headers = {**TUS, "X-HTTP-Method-Override": "DELETE"}
    assert (await origin.client.post(path, headers=headers)).status_code == 204


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "3"}, 412),
        ({"Tus-Resumable": "0.2.2", "Upload-Length": "3"}, 412),
        ({**TUS}, 400),
        ({**TUS, "Upload-Length": "-1"}, 400),
        ({**TUS, "Upload-Length": "ten"}, 400),
        ({**TUS, "Upload-Length": "1e3"}, 400),
        ({**TUS, "Upload-Length": "9" * 40}, 400),
        ({**TUS, "Upload-Length": "101"}, 413),
        ({**TUS, "Upload-Defer-Length": "2"}, 400),
        ({**TUS, "Upload-Defer-Length": "1", "Upload-Length": "3"}, 400),
        ({**TUS, "Upload-Length": "3", "Upload-Metadata": "filename not*base64"}, 400),
        ({**TUS, "Upload-Length": "3", "Upload-Metadata": "a YQ==,a YQ=="}, 400),
        ({**TUS, "Upload-Length": "3", "Upload-Metadata": ",,"}, 400),
        ({**TUS, "Upload-Length": "3", "Upload-Metadata": "a " + "YWFh" * 3000}, 400),
        ({**TUS, "Upload-Length": "3", "Upload-Checksum": "md5 YQ=="}, 400),
        ({**TUS, "Upload-Length": "3", "Upload-Concat": "partial"}, 400),
    ],
)
async def test_creations_that_are_refused(
    small_origin: Origin, headers: dict[str, str], status: int
) -> None:
    answer = await small_origin.client.post(UPLOADS, headers=headers)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert ("Tus-Version" in answer.headers) == (status == 412)
    assert list(small_origin.settings.uploads_dir.iterdir()) == []


@pytest.mark.parametrize(
    "headers",
    [{"Upload-Length": "3", "Upload-Concat": "partial"}, {"Upload-Concat": "final;/a /b"}],
    ids=["partial", "final"],
)
async def test_uploads_in_parallel_parts_are_refused_with_the_reason(
    origin: Origin, headers: dict[str, str]
) -> None:
    before = (await origin.client.get("/api/v1/videos")).json()
    answer = await origin.client.post(UPLOADS, headers={**TUS, **headers})
    assert (answer.status_code, "in one part" in answer.json()["detail"]) == (400, True)
    assert (await origin.client.get("/api/v1/videos")).json() == before


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Upload-Offset": "1"}, 409),
        ({"Upload-Offset": "-3"}, 400),
        ({"Upload-Offset": "three"}, 400),
        ({"Upload-Checksum": "md5 YQ=="}, 400),
        ({"Upload-Checksum": "sha1 YQ=="}, 400),
        ({"Upload-Checksum": "sha1"}, 400),
        ({"Upload-Length": "7"}, 409),
    ],
)
async def test_patches_that_are_refused_change_nothing(
    origin: Origin, changes: dict[str, str], status: int
) -> None:
    path = await origin.create_upload(6)
    await origin.patch(path, 0, b"abc")
    headers = {**BODY, "Upload-Offset": "3", **changes}
    answer = await origin.client.patch(path, content=b"def", headers=headers)
    assert answer.status_code == status
    assert await origin.offset(path) == 3


async def test_the_media_type_of_a_body_may_be_spelled_otherwise(origin: Origin) -> None:
    """RFC 9110 §8.3.1."""
    spelled = {**TUS, "Content-Type": "Application/Offset+Octet-Stream; x=y"}
    headers = {**spelled, "Upload-Length": "6"}
    answer = await origin.client.post(UPLOADS, content=b"abc", headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "3")
    path = answer.headers["Location"]
    headers = {**spelled, "Upload-Offset": "3"}
    answer = await origin.client.patch(path, content=b"def", headers=headers)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "6")


async def test_a_patch_without_offset_is_refused(origin: Origin) -> None:
    path = await origin.create_upload(6)
    assert (await origin.client.patch(path, content=b"a", headers=BODY)).status_code == 400


async def test_more_bytes_than_announced_are_refused(origin: Origin) -> None:
    path = await origin.create_upload(6)
    await origin.patch(path, 0, b"abc")
    assert (await origin.patch(path, 3, b"defg")).status_code == 413
    assert await origin.offset(path) == 3


async def test_a_complete_upload_takes_no_more_bytes(origin: Origin) -> None:
    async def streamed() -> AsyncIterator[bytes]:
        yield b"ghi"

    path = await origin.create_upload(6)
    await origin.patch(path, 0, b"abcdef")
    assert (await origin.patch(path, 6, b"")).status_code == 204
    assert (await origin.patch(path, 6, b"ghi")).status_code == 413
    headers = {**BODY, "Upload-Offset": "6"}
    answer = await origin.client.patch(path, content=streamed(), headers=headers)
    assert answer.status_code == 413
    assert await origin.offset(path) == 6


async def test_a_deferred_upload_is_bounded_too(small_origin: Origin) -> None:
    headers = {**TUS, "Upload-Defer-Length": "1"}
    path = (await small_origin.client.post(UPLOADS, headers=headers)).headers["Location"]
    assert (await small_origin.patch(path, 0, b"a" * 101)).status_code == 413
    assert await small_origin.offset(path) == 0
    assert (await small_origin.client.delete(path, headers=TUS)).status_code == 204


@pytest.mark.parametrize("upload_id", ["nosuchupload", "..%2f..%2fetc", "UPPER123", "a"])
async def test_unknown_uploads(origin: Origin, upload_id: str) -> None:
    path = f"{UPLOADS}/{upload_id}"
    assert (await origin.client.head(path, headers=TUS)).status_code == 404
    assert (await origin.patch(path, 0, b"abc")).status_code == 404
    assert (await origin.client.delete(path, headers=TUS)).status_code == 404


async def test_other_sites_may_upload(origin: Origin) -> None:
    preflight = await origin.client.options(
        UPLOADS,
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "tus-resumable,upload-offset",
        },
    )
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    for name in ("tus-resumable", "upload-offset", "upload-metadata", "authorization"):
        assert name in allowed
    answer = await origin.client.head(f"{UPLOADS}/nosuchupload", headers=TUS)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Upload-Offset" in answer.headers["Access-Control-Expose-Headers"]
