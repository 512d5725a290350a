"""Uploading with the client over lines that break."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from streamer.client import ApiClient
from tests.integration.origin.conftest import OpenOrigin, eventually
from tests.integration.origin.test_playback import make_video
from tests.servers import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEBIBYTE = 1024 * 1024


@asynccontextmanager
async def breaking_line(
    url: str, *, after_bytes: int, is_noticed: bool = True
) -> AsyncIterator[str]:
    """The URL of a proxy whose connections break once so many bytes went to the origin.

    It may not notice: there the connections stay, and are silent.
    """
    target = httpx.URL(url)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(target.host, target.port)
        backward = asyncio.create_task(copy(answers, writer))
        await copy(reader, requests, limit=after_bytes)
        backward.cancel()
        writer.transport.abort()
        if not is_noticed:
            await is_over.wait()
        requests.close()

    is_over = asyncio.Event()
    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        is_over.set()


async def copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, limit: int | None = None
) -> None:
    copied = 0
    while (limit is None or copied < limit) and (data := await reader.read(65536)):
        writer.write(data)
        await writer.drain()
        copied += len(data)


async def test_an_upload_that_gets_further_with_each_try_ends_well(
    open_origin: OpenOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.client._ATTEMPTS", 3)
    data = secrets.token_bytes(6 * MEBIBYTE)
    file = tmp_path / "film.mp4"
    file.write_bytes(data)
    async with (
        open_origin() as origin,
        breaking_line(origin.url, after_bytes=MEBIBYTE) as url,
        ApiClient(url) as client,
    ):
        video_id = await client.upload(file)
        assert await origin.source(video_id) == data


async def test_an_upload_whose_origin_does_not_notice_that_the_line_broke_ends_well(
    open_origin: OpenOrigin, tmp_path: Path
) -> None:
    data = secrets.token_bytes(MEBIBYTE + 1)
    file = tmp_path / "film.mp4"
    file.write_bytes(data)
    async with (
        open_origin() as origin,
        breaking_line(origin.url, after_bytes=MEBIBYTE, is_noticed=False) as url,
        ApiClient(url) as client,
    ):
        video_id = await client.upload(file)
        assert await origin.source(video_id) == data


async def test_an_origin_that_answered_before_is_waited_for(open_origin: OpenOrigin) -> None:
    port = free_port()

    async def first_event() -> str:
        state: str = (await anext(client.events(video_id)))["state"]
        return state

    async with ApiClient(f"http://127.0.0.1:{port}") as client:
        async with open_origin(port=port) as origin:
            video_id = await make_video(origin)
            await client.video(video_id)
        watching = asyncio.create_task(first_event())
        async with open_origin(port=port):
            assert await watching == "packaging"


@asynccontextmanager
async def gated_line(url: str, *, after_bytes: int) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The URL of a proxy whose connections stand still once so many bytes went to the origin.

    Once the event is set, those that stand still break and new ones do not.
    """
    target = httpx.URL(url)
    is_open = asyncio.Event()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(target.host, target.port)
        backward = asyncio.create_task(copy(answers, writer))
        await copy(reader, requests, limit=None if is_open.is_set() else after_bytes)
        await is_open.wait()
        backward.cancel()
        requests.close()
        writer.transport.abort()

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", is_open


async def upload_by_command(url: str, file: Path, home: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer", "upload", str(file), "--server", url, "--json"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(home)},
    )


async def uploaded_id(command: asyncio.subprocess.Process) -> str:
    output, _ = await command.communicate()
    assert command.returncode == 0
    video_id: str = json.loads(output)["id"]
    return video_id


async def test_an_upload_whose_command_was_killed_goes_on_when_it_is_run_again(
    open_origin: OpenOrigin, tmp_path: Path
) -> None:
    data = secrets.token_bytes(3 * MEBIBYTE)
    file = tmp_path / "film.mp4"
    file.write_bytes(data)

    async def begun() -> list[str]:
        videos = (await origin.client.get("/api/v1/videos")).json()["items"]
        return [
            video["id"] for video in videos if await origin.offset(f"/api/v1/uploads/{video['id']}")
        ]

    async with (
        open_origin() as origin,
        gated_line(origin.url, after_bytes=MEBIBYTE) as (url, is_open),
    ):
        killed = await upload_by_command(url, file, tmp_path)
        await eventually(begun)
        killed.kill()
        await killed.wait()
        is_open.set()
        first = await uploaded_id(await upload_by_command(url, file, tmp_path))
        assert await begun() == [first]
        assert await origin.source(first) == data

        second = await uploaded_id(await upload_by_command(url, file, tmp_path))
        assert second != first


async def test_an_upload_that_the_origin_waited_for_in_vain_goes_on(
    open_origin: OpenOrigin, tmp_path: Path
) -> None:
    data = secrets.token_bytes(12 * MEBIBYTE)
    file = tmp_path / "film.mp4"
    file.write_bytes(data)
    async with (
        open_origin(upload_idle_seconds=1) as origin,
        gated_line(origin.url, after_bytes=6 * MEBIBYTE) as (url, is_open),
        ApiClient(url) as client,
    ):
        video_id = await client.upload(file)
        is_open.set()
        assert await origin.source(video_id) == data
