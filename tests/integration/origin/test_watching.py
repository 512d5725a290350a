"""Following videos with the client while origins come and go."""

import asyncio
import json
import sys

import pytest

from streamer.client import ApiClient
from streamer.core.errors import NotFound, Unavailable
from tests.integration.origin.conftest import OpenOrigin, eventually, now
from tests.integration.origin.test_playback import make_video
from tests.servers import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def watch(url: str, video_id: str) -> asyncio.subprocess.Process:
    """`streamer status --watch`, once it has told the first state."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer", "status", video_id, "--watch", "--json"),
        *("--server", url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    assert b"packaging" in await process.stderr.readline()
    return process


async def test_watching_outlives_a_restart_of_the_origin(open_origin: OpenOrigin) -> None:
    port = free_port()
    async with open_origin(port=port) as origin:
        video_id = await make_video(origin)
        watching = await watch(origin.url, video_id)
    async with open_origin(port=port) as origin:
        watches = origin.services.watches
        await eventually(lambda: watches.count_watchers(video_id))
        await origin.catalog.finish(video_id, duration_seconds=8.0, now=now())
        output, _ = await watching.communicate()
    assert watching.returncode == 0
    assert json.loads(output)["state"] == "ready"


async def test_watching_an_origin_that_stays_away(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.client._ATTEMPTS", 2)
    port = free_port()
    async with ApiClient(f"http://127.0.0.1:{port}") as client:
        async with open_origin(port=port) as origin:
            events = client.events(await make_video(origin))
            assert (await anext(events))["state"] == "packaging"
        with pytest.raises(Unavailable):
            await anext(events)


async def test_watching_a_video_that_is_deleted(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin, ApiClient(origin.url) as client:
        video_id = await make_video(origin)
        events = client.events(video_id)
        await anext(events)
        await client.delete(video_id)
        with pytest.raises(NotFound):
            await anext(events)
