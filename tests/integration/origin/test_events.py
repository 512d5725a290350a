"""Following a video by server-sent events over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.integration.origin.conftest import OpenOrigin, Origin, eventually, id_of, now
from tests.integration.origin.test_playback import LADDER, make_video
from tests.unit.core.published import LOW, SOUND, segments

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def events(answer: httpx.Response) -> AsyncIterator[dict[str, object]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            assert name == "video"
            yield json.loads(line.removeprefix("data: "))


async def test_every_change_is_told_until_the_end(origin: Origin) -> None:
    path = await origin.create_upload(3)
    video_id = id_of(path)
    url = f"/api/v1/videos/{video_id}/events"
    catalog = origin.catalog
    async with asyncio.timeout(10), origin.client.stream("GET", url) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Accel-Buffering"] == "no"
        stream = events(answer)
        assert (await anext(stream))["state"] == "uploading"
        await origin.patch(path, 0, b"abc")
        video = await anext(stream)
        if video["state"] == "uploading":  # that bytes arrived was told, too
            video = await anext(stream)
        assert video["state"] == "probing"
        await catalog.begin_packaging(video_id, duration_seconds=8.0, renditions=LADDER)
        assert (await anext(stream))["state"] == "packaging"
        for rendition in (LOW, SOUND):
            await catalog.publish(
                video_id,
                segments(rendition, 10),
                init_names={rendition.name: rendition.init_name or ""},
                now=now(),
            )
        video = await anext(stream)
        if not video["playable"]:  # the poll fell between the two publications
            video = await anext(stream)
        assert video["playable"] is True
        await catalog.set_progress(video_id, 0.5)
        assert (await anext(stream))["progress"] == 0.5
        await catalog.finish(video_id, duration_seconds=8.0, now=now())
        assert (await anext(stream))["state"] == "ready"
        assert [event async for event in stream] == []


async def test_a_final_state_is_told_once(origin: Origin) -> None:
    video_id = await make_video(origin)
    await origin.catalog.finish(video_id, duration_seconds=8.0, now=now())
    answer = await origin.client.get(f"/api/v1/videos/{video_id}/events")
    assert [event["state"] async for event in events(answer)] == ["ready"]


async def test_one_poller_serves_all_and_rests_when_nobody_watches(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin() as origin:
        video_id = await make_video(origin)
        url = f"/api/v1/videos/{video_id}/events"

        async def watch() -> list[object]:
            async with origin.client.stream("GET", url) as answer:
                return [event["state"] async for event in events(answer)]

        watchers = [asyncio.create_task(watch()) for _ in range(10)]
        watches = origin.services.watches
        await eventually(lambda: watches.count_watchers(video_id) == 10)
        await origin.catalog.fail(video_id, code="encode_failed", message="no")
        assert await asyncio.gather(*watchers) == [["packaging", "failed"]] * 10
        await eventually(lambda: watches.count_watchers(video_id) == 0)
        await eventually(lambda: not watches.is_polling)


async def test_deleting_the_video_ends_the_stream(origin: Origin) -> None:
    video_id = await make_video(origin)
    url = f"/api/v1/videos/{video_id}/events"
    async with asyncio.timeout(10), origin.client.stream("GET", url) as answer:
        stream = events(answer)
        await anext(stream)
        await origin.client.delete(f"/api/v1/videos/{video_id}")
        assert [event async for event in stream] == []


async def test_a_watcher_who_leaves_is_forgotten(origin: Origin) -> None:
    video_id = await make_video(origin)
    async with origin.client.stream("GET", f"/api/v1/videos/{video_id}/events") as answer:
        await anext(events(answer))
    await eventually(lambda: origin.services.watches.count_watchers(video_id) == 0)


async def test_a_stop_ends_the_streams_at_once(open_origin: OpenOrigin) -> None:
    async with open_origin(shutdown_seconds=30) as origin:
        video_id = await make_video(origin)
        url = f"/api/v1/videos/{video_id}/events"
        async with asyncio.timeout(10), origin.client.stream("GET", url) as answer:
            stream = events(answer)
            await anext(stream)
            origin.stop.set()
            assert [event async for event in stream] == []
