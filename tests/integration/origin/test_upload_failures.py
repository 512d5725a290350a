"""Uploads through broken connections, full disks, absent stores and crashes."""

import asyncio
import base64
import hashlib
import secrets
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from streamer.core.errors import NotFound
from streamer.core.video import MediaKind, Rendition, VideoState
from tests.integration.origin.conftest import (
    BODY,
    TUS,
    OpenOrigin,
    Origin,
    eventually,
    id_of,
    now,
    opened,
)
from tests.integration.origin.process import origin_process

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEBIBYTE = 1024 * 1024


class RawPatch:
    """A PATCH, or another method, that sends its bytes when the test says so."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def begin(
        cls, url: str, path: str, *, offset: int, length: int, method: str = "PATCH", **headers: str
    ) -> "RawPatch":
        target = httpx.URL(url)
        reader, writer = await asyncio.open_connection(target.host, target.port)
        fields = {
            **BODY,
            "Host": "localhost",
            "Upload-Offset": str(offset),
            "Content-Length": str(length),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def status(self) -> int:
        line = await self._reader.readline()
        return int(line.split()[1])

    async def may_continue(self) -> None:
        """Return when the origin waits for the body (RFC 9110 §10.1.1)."""
        await self._reader.readuntil(b" 100 Continue\r\n\r\n")

    async def answer(self) -> bytes:
        """The whole answer, which says how long it is."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        return head + await self._reader.readexactly(length)

    def abort(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def test_an_interrupted_patch_keeps_its_bytes(origin: Origin) -> None:
    data = secrets.token_bytes(3 * MEBIBYTE)
    path = await origin.create_upload(len(data))
    patch = await RawPatch.begin(origin.url, path, offset=0, length=len(data))
    await patch.send(data[: 2 * MEBIBYTE])

    async def has_most() -> bool:
        return await origin.offset(path) >= MEBIBYTE

    await eventually(has_most)
    patch.abort()

    async def go_on() -> bool:
        offset = await origin.offset(path)
        return (await origin.patch(path, offset, data[offset:])).status_code == 204

    await eventually(go_on)
    assert await origin.source(id_of(path)) == data


async def test_an_interrupted_patch_with_checksum_keeps_nothing_unverified(origin: Origin) -> None:
    path = await origin.create_upload(10)
    await origin.patch(path, 0, b"abc")
    digest = base64.b64encode(hashlib.sha1(b"defghij").digest()).decode()
    checksum = {"Upload-Checksum": f"sha1 {digest}"}
    patch = await RawPatch.begin(origin.url, path, offset=3, length=7, **checksum)
    await patch.send(b"defg")
    part = origin.settings.uploads_dir / f"{id_of(path)}.part"
    await eventually(lambda: part.stat().st_size == 7)
    assert await origin.offset(path) == 3
    patch.abort()

    async def again() -> bool:
        return (await origin.patch(path, 3, b"defghij", **checksum)).status_code == 204

    await eventually(again)
    assert await origin.source(id_of(path)) == b"abcdefghij"


async def test_concurrent_patches_do_not_interleave(origin: Origin) -> None:
    path = await origin.create_upload(6)
    first = await RawPatch.begin(origin.url, path, offset=0, length=6)
    await first.send(b"abc")

    async def has_three() -> bool:
        return await origin.offset(path) == 3

    await eventually(has_three)
    second = await origin.patch(path, 3, b"XYZ")
    assert second.status_code == 423
    assert second.json()["code"] == "locked"
    await first.send(b"def")
    assert await first.status() == 204
    await first.close()
    assert await origin.source(id_of(path)) == b"abcdef"


async def test_many_concurrent_patches_write_once(origin: Origin) -> None:
    data = secrets.token_bytes(MEBIBYTE)
    path = await origin.create_upload(len(data))
    answers = await asyncio.gather(*(origin.patch(path, 0, data) for _ in range(8)))
    codes = [answer.status_code for answer in answers]
    assert codes.count(204) == 1
    assert set(codes) <= {204, 409, 423}
    assert await origin.source(id_of(path)) == data


async def test_a_silent_patch_gives_way_to_a_new_one(origin: Origin) -> None:
    path = await origin.create_upload(6)
    dead = await RawPatch.begin(origin.url, path, offset=0, length=6)
    await dead.send(b"abc")

    async def has_three() -> bool:
        return await origin.offset(path) == 3

    await eventually(has_three)

    async def taken_over() -> bool:
        offset = await origin.offset(path)
        return (await origin.patch(path, offset, b"abcdef"[offset:])).status_code == 204

    await eventually(taken_over)
    answer = await dead.answer()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"ended by another one" in answer
    await dead.close()
    assert await origin.source(id_of(path)) == b"abcdef"


async def test_a_patch_that_falls_silent_is_cut_off(open_origin: OpenOrigin) -> None:
    async with open_origin(upload_idle_seconds=0.2) as origin:
        path = await origin.create_upload(6)
        patch = await RawPatch.begin(origin.url, path, offset=0, length=6)
        await patch.send(b"abc")
        assert await patch.status() == 408
        await patch.close()
        assert await origin.offset(path) == 3


async def test_deleting_a_video_ends_its_upload(origin: Origin) -> None:
    path = await origin.create_upload(6)
    patch = await RawPatch.begin(origin.url, path, offset=0, length=6)
    await patch.send(b"abc")

    async def has_three() -> bool:
        return await origin.offset(path) == 3

    await eventually(has_three)
    answer = await origin.client.delete(f"/api/v1/videos/{id_of(path)}")
    assert answer.status_code == 204
    assert await patch.status() == 408
    await patch.close()
    await eventually(lambda: not origin.has_bytes(id_of(path)))
    assert (await origin.patch(path, 3, b"def")).status_code == 404


async def test_a_store_that_is_down_at_the_end_loses_nothing(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        path = await origin.create_upload(6)
        origin.store.is_down = True
        answer = await origin.patch(path, 0, b"abcdef")
        assert answer.status_code == 503
        assert answer.json()["code"] == "unavailable"
        assert "Retry-After" in answer.headers
        assert await origin.offset(path) == 6
        assert (await origin.patch(path, 6, b"")).status_code == 503
        origin.store.is_down = False
        assert (await origin.patch(path, 6, b"")).status_code == 204
        assert await origin.source(id_of(path)) == b"abcdef"
        assert origin.jobs.packaged == [id_of(path)]


async def test_reconciliation_takes_in_what_the_client_gave_up_on(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        path = await origin.create_upload(6)
        origin.store.is_down = True
        assert (await origin.patch(path, 0, b"abcdef")).status_code == 503
        origin.store.is_down = False
        await origin.services.reconciler.reconcile()
        assert await origin.source(id_of(path)) == b"abcdef"
        assert origin.jobs.packaged == [id_of(path)]


async def test_what_another_process_still_receives_is_not_taken_in(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin() as first, open_origin() as second:
        path = await first.create_upload(6)
        part = await first.services.staging.open(id_of(path))
        await part.write(b"abcdef")
        await second.services.uploads.take_in_complete()
        assert (await first.video(id_of(path))).state is VideoState.UPLOADING
        part.close()
        await second.services.uploads.take_in_complete()
        assert await first.source(id_of(path)) == b"abcdef"


async def test_an_upload_that_another_origin_has_is_no_unknown_one(tmp_path: Path) -> None:
    """Who is told that it is gone begins a second video."""
    catalog = f"sqlite:///{tmp_path}/catalog.db"
    async with (
        opened(tmp_path / "a", database_url=catalog) as one,
        opened(tmp_path / "b", database_url=catalog, upload_expiry_seconds=3600) as other,
    ):
        path = await one.create_upload(6)
        await one.patch(path, 0, b"abc")
        elsewhere = await other.patch(path, 3, b"def")
        assert elsewhere.status_code == 503
        assert elsewhere.headers["Retry-After"] == "2"
        assert elsewhere.json()["detail"] == "another origin has this upload"
        assert (await other.client.head(path, headers=TUS)).status_code == 503
        assert (await other.client.delete(path, headers=TUS)).status_code == 503
        later = now() + timedelta(hours=1)  # lost with the directory of an origin that is no more
        with pytest.raises(NotFound):
            await other.services.uploads.status(id_of(path), now=later)
        assert (await one.patch(path, 3, b"def")).status_code == 204
        assert await other.offset(path) == 6
        gone = await one.create_upload(6)
        await one.client.delete(gone, headers=TUS)
        assert (await other.client.head(gone, headers=TUS)).status_code == 404


@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_queue_that_is_down_is_filled_later(
    open_origin: OpenOrigin, has_begun: bool
) -> None:
    async with open_origin() as origin:
        path = await origin.create_upload(3)
        if has_begun:
            sound = Rendition("audio", MediaKind.AUDIO, "mp4a.40.2", 48_000)
            await origin.catalog.begin_packaging(
                id_of(path), duration_seconds=4.0, renditions=[sound]
            )
        origin.jobs.is_down = True
        assert (await origin.patch(path, 0, b"abc")).status_code == 204
        assert origin.jobs.packaged == []
        origin.jobs.is_down = False
        await origin.services.reconciler.reconcile()
        assert origin.jobs.packaged == [id_of(path)]


async def test_a_crash_between_store_and_catalog_is_repaired(
    open_origin: OpenOrigin, tmp_path: Path
) -> None:
    async with open_origin() as origin:
        path = await origin.create_upload(6)
        await origin.patch(path, 0, b"abc")
        part = origin.settings.uploads_dir / f"{id_of(path)}.part"
        part.write_bytes(b"abcdef")
        await origin.store.put_file(f"videos/{id_of(path)}/source", part, move=True)
    async with opened(tmp_path) as origin:
        await eventually(lambda: id_of(path) in origin.jobs.packaged)
        assert (await origin.video(id_of(path))).source_bytes == 6
        await eventually(lambda: not origin.has_bytes(id_of(path)))


async def test_an_origin_that_is_killed_resumes(tmp_path: Path) -> None:
    data = secrets.token_bytes(4 * MEBIBYTE)
    async with origin_process(tmp_path) as first, httpx.AsyncClient() as client:
        headers = {**TUS, "Upload-Length": str(len(data))}
        answer = await client.post(f"{first.url}/api/v1/uploads", headers=headers)
        path = answer.headers["Location"]
        patch = await RawPatch.begin(first.url, path, offset=0, length=len(data))
        await patch.send(data[: 3 * MEBIBYTE])

        async def has_most() -> bool:
            head = await client.head(first.url + path, headers=TUS)
            return int(head.headers["Upload-Offset"]) >= 2 * MEBIBYTE

        await eventually(has_most)
        await first.kill()
        patch.abort()
    async with opened(tmp_path) as origin:
        offset = await origin.offset(path)
        assert offset >= 2 * MEBIBYTE
        assert (await origin.patch(path, offset, data[offset:])).status_code == 204
        assert await origin.source(id_of(path)) == data
        assert (await origin.video(id_of(path))).state is VideoState.PROBING


async def test_a_full_disk_keeps_what_was_accepted(tmp_path: Path) -> None:
    data = secrets.token_bytes(12 * MEBIBYTE)
    limit = 8 * MEBIBYTE
    async with (
        origin_process(tmp_path, max_file_bytes=limit) as full,
        httpx.AsyncClient(base_url=full.url, timeout=20) as client,
    ):
        headers = {**TUS, "Upload-Length": str(len(data))}
        path = (await client.post("/api/v1/uploads", headers=headers)).headers["Location"]
        headers = {**BODY, "Upload-Offset": "0"}
        answer = await client.patch(path, content=data, headers=headers)
        assert answer.status_code == 507
        assert answer.json()["code"] == "storage_full"
        head = await client.head(path, headers=TUS)
        assert head.headers["Upload-Offset"] == str(limit)
        assert await full.terminate() == 0
    async with opened(tmp_path) as origin:
        assert (await origin.patch(path, limit, data[limit:])).status_code == 204
        assert await origin.source(id_of(path)) == data
