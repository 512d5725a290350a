"""Uploading a whole video in one form."""

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import httpx
import pytest
import pytest_asyncio

from streamer.core.video import VideoState
from tests.integration.origin.conftest import OpenOrigin, Origin, eventually, now, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIDEOS = "/api/v1/videos"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small_origin(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Origin]:
    async with opened(tmp_path_factory.mktemp("small"), max_upload_bytes=1000) as one:
        yield one


def form(*parts: tuple[str, str, bytes], end: bool = True) -> tuple[bytes, dict[str, str]]:
    """A multipart body of (name, filename, bytes), by hand so that it can be broken."""
    body = b""
    for name, filename, data in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        body += f"--edge\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + data + b"\r\n"
    body += b"--edge--\r\n" if end else b""
    return body, {"Content-Type": "multipart/form-data; boundary=edge"}


async def test_a_form_becomes_a_video(origin: Origin) -> None:
    data = secrets.token_bytes(2_000_000)
    answer = await origin.client.post(
        VIDEOS, files={"file": ("Größe.mp4", data)}, data={"title": "Holiday"}
    )
    assert answer.status_code == 201
    video = answer.json()
    assert answer.headers["Location"] == f"{VIDEOS}/{video['id']}"
    assert (video["title"], video["state"], video["playable"]) == ("Holiday", "probing", False)
    assert await origin.source(video["id"]) == data
    assert video["id"] in origin.jobs.packaged
    assert not origin.has_bytes(video["id"])


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ([("file", "Größe.mp4", b"abc")], "Größe"),
        ([("title", "", b"First"), ("file", "a.mp4", b"abc")], "First"),
        ([("file", "a.mp4", b"abc"), ("title", "", b"Last")], "Last"),
        ([("file", "a.mp4", b"abc"), ("other", "", b"x")], "a"),
        ([("file", "", b"abc")], "Untitled"),
    ],
)
async def test_the_title_of_a_form(
    origin: Origin, parts: list[tuple[str, str, bytes]], title: str
) -> None:
    body, headers = form(*parts)
    answer = await origin.client.post(VIDEOS, content=body, headers=headers)
    assert answer.status_code == 201
    assert answer.json()["title"] == title
    assert (await origin.client.get(f"{VIDEOS}/{answer.json()['id']}")).json()["title"] == title


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (form()[0], "multipart/form-data; boundary=edge", 400),
        (form(("title", "", b"x"))[0], "multipart/form-data; boundary=edge", 400),
        (form(("file", "a", b"abc"), end=False)[0], "multipart/form-data; boundary=edge", 400),
        (
            form(("file", "a", b"abc"), ("file", "b", b"abc"))[0],
            "multipart/form-data; boundary=edge",
            400,
        ),
        (form(("title", "", b"x" * 5000))[0], "multipart/form-data; boundary=edge", 400),
        (form(*[("f", "", b"x")] * 40)[0], "multipart/form-data; boundary=edge", 400),
        (b"garbage", "multipart/form-data; boundary=edge", 400),
        (b"", "multipart/form-data; boundary=edge", 400),
        (form(("file", "a", b"abc"))[0], "multipart/form-data", 400),
        (form(("file", "a", b"abc"))[0], "multipart/form-data; boundary=" + "x" * 300, 400),
        (form(("file", "a", b"a" * 1001))[0], "multipart/form-data; boundary=edge", 413),
        (b"abc", "application/octet-stream", 415),
        (b"abc", "", 415),
    ],
)
async def test_forms_that_are_refused_leave_nothing(
    small_origin: Origin, body: bytes, content_type: str, status: int
) -> None:
    answer = await small_origin.client.post(
        VIDEOS, content=body, headers={"Content-Type": content_type}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert list(small_origin.settings.uploads_dir.iterdir()) == []
    assert (await small_origin.client.get(VIDEOS)).json() == {"items": [], "next_cursor": None}


async def test_a_form_that_breaks_off_leaves_nothing(small_origin: Origin) -> None:
    body, _ = form(("file", "a", b"a" * 900))
    reader, writer = await asyncio.open_connection("127.0.0.1", small_origin.port)
    head = (
        f"POST {VIDEOS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
    )
    writer.write(head.encode() + body[:500])
    await eventually(lambda: any(small_origin.settings.uploads_dir.glob("*.part")))
    writer.transport.abort()
    await eventually(lambda: not any(small_origin.settings.uploads_dir.iterdir()))

    async def is_forgotten() -> bool:
        return not (await small_origin.client.get(VIDEOS)).json()["items"]

    await eventually(is_forgotten)
    assert await reader.read() == b""


async def test_a_form_that_a_crash_cut_off_is_forgotten_at_the_start(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin() as origin:
        video = await origin.services.uploads.create("a", now=now(), resumable=False)
        assert (await origin.video(video.id)).state is VideoState.UPLOADING
    async with open_origin() as origin:
        await eventually(lambda: not origin.has_bytes(video.id))

        async def is_forgotten() -> bool:
            answer = await origin.client.get(f"{VIDEOS}/{video.id}")
            return answer.status_code == 404

        await eventually(is_forgotten)


async def test_what_is_given_up_keeps_its_bytes_while_it_has_a_video(origin: Origin) -> None:
    uploads = origin.services.uploads
    video = await uploads.create("a", now=now(), resumable=False)
    with closing(sqlite3.connect(origin.settings.data_dir / "streamer.db")) as database:
        database.execute("BEGIN IMMEDIATE")  # who gives it up waits, and ends meanwhile
        abandoning = asyncio.create_task(uploads.abandon(video.id, now=now()))
        await asyncio.wait([abandoning], timeout=0.5)
        abandoning.cancel()
        database.rollback()
        await asyncio.wait([abandoning])
    assert origin.has_bytes(video.id)
    await uploads.abandon(video.id, now=now())
    assert not origin.has_bytes(video.id)
    assert (await origin.client.get(f"{VIDEOS}/{video.id}")).status_code == 404


async def test_a_store_that_is_down_keeps_the_form_for_later(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        origin.store.is_down = True
        body, headers = form(("file", "a.mp4", b"abc"))
        answer = await origin.client.post(VIDEOS, content=body, headers=headers)
        assert (answer.status_code, answer.json()["state"]) == (201, "uploading")
        origin.store.is_down = False
        await origin.services.reconciler.reconcile()
        [video] = (await origin.client.get(VIDEOS)).json()["items"]
        assert video["state"] == "probing"
        assert await origin.source(video["id"]) == b"abc"


async def test_expect_continue_is_honoured_before_the_body(origin: Origin) -> None:
    async with httpx.AsyncClient(base_url=origin.url) as client:
        body, headers = form(("file", "a.mp4", b"abc"))
        answer = await client.post(
            VIDEOS, content=body, headers={**headers, "Expect": "100-continue"}
        )
        assert answer.status_code == 201
