"""Webhooks, told to a server that really listens."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from streamer.shared.catalog import Catalog
from streamer.shared.settings import SharedSettings
from tests.integration.origin.conftest import OpenOrigin, Origin, eventually, now
from tests.integration.origin.test_playback import make_video

pytestmark = pytest.mark.asyncio(loop_scope="module")

SILENCE = 0
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()


@dataclass
class Receiver:
    """A server that takes webhooks and answers with the statuses it was given, then 204.

    SILENCE is no answer until the end.
    """

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append((headers, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        if status == SILENCE:
            await self.released.wait()
        return web.Response(status=status or 204, headers={"Location": "/elsewhere"})

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]

    def types(self) -> list[str]:
        return [body["type"] for body in self.bodies()]

    def has(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.received) >= count


@asynccontextmanager
async def receiver(*statuses: int) -> AsyncIterator[Receiver]:
    one = Receiver(statuses=list(statuses))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield one
    finally:
        one.released.set()
        await runner.cleanup()


def told(hook: Receiver, **changes: object) -> dict[str, object]:
    return {"webhook_urls": (hook.url,), "webhook_secret": SecretStr(SECRET), **changes}


async def make_due(origin: Origin) -> None:
    """Bring every further attempt and the end of every lease forward to now."""
    await origin.catalog.check()
    database = origin.catalog._database
    async with database.writing() as connection:
        await connection.exec_driver_sql(
            "UPDATE webhook_deliveries SET due_at = NULL, leased_until = NULL"
        )


async def test_a_video_is_told_from_upload_to_deletion(open_origin: OpenOrigin) -> None:
    async with receiver() as hook, open_origin(**told(hook)) as origin:
        video_id = await make_video(origin)
        await origin.catalog.finish(video_id, duration_seconds=8.0, now=now())
        await eventually(hook.has(5))
        await origin.client.delete(f"/api/v1/videos/{video_id}")
        await eventually(hook.has(6))
        assert hook.types() == [
            "video.uploading",
            "video.probing",
            "video.packaging",
            "video.playable",
            "video.ready",
            "video.deleted",
        ]
        *_, ready, deleted = hook.bodies()
        assert set(ready) == {"id", "type", "created_at", "video_id", "video"}
        assert (ready["video"]["id"], ready["video"]["state"]) == (video_id, "ready")
        assert (deleted["video_id"], deleted["video"]) == (video_id, None)
        assert len({body["id"] for body in hook.bodies()}) == 6


async def test_a_webhook_is_signed(open_origin: OpenOrigin) -> None:
    async with receiver() as hook, open_origin(**told(hook)) as origin:
        await origin.create_upload(5)
        await eventually(hook.has(1))
        [(headers, body)] = hook.received
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(b"0123456789abcdef", content, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
        assert headers["webhook-id"] == json.loads(body)["id"]
        assert abs(int(headers["webhook-timestamp"]) - now().timestamp()) < 60
        assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_what_is_not_taken_is_sent_again(open_origin: OpenOrigin, status: int) -> None:
    async with receiver(status) as hook, open_origin(**told(hook)) as origin:
        await make_video(origin)
        await eventually(hook.has(1))

        async def is_noted() -> bool:
            answer = await origin.client.get("/api/v1/webhooks/deliveries")
            return any(item["reason"] for item in answer.json()["items"])

        await eventually(is_noted)
        [first] = [
            item
            for item in (await origin.client.get("/api/v1/webhooks/deliveries")).json()["items"]
            if item["reason"]
        ]
        assert (first["reason"], first["attempts"]) == (f"the server answered {status}", 1)
        assert len(hook.received) == 1  # later events of the video wait
        await make_due(origin)
        await eventually(hook.has(5))
        assert hook.types() == [
            "video.uploading",
            "video.uploading",
            "video.probing",
            "video.packaging",
            "video.playable",
        ]
        one, again, *_ = hook.bodies()
        assert one["id"] == again["id"]


async def test_a_crash_between_sending_and_noting_sends_again(
    open_origin: OpenOrigin, tmp_path: Path
) -> None:
    async with receiver() as hook:
        # An origin that claimed the event, sent it, and is no more.
        catalog = await Catalog.open(SharedSettings(data_dir=tmp_path).catalog_url)
        await catalog.create_video("testvideo1", title="clip", now=now())
        await catalog.spread_events([hook.url])
        [delivery] = await catalog.claim_deliveries(
            [hook.url], now=now(), lease_seconds=3600, limit=9
        )
        await catalog.close()
        async with open_origin(**told(hook)) as origin:
            await make_due(origin)
            await eventually(hook.has(1))
            assert hook.bodies()[0]["id"] == delivery.event.id


async def test_two_origins_share_the_work(open_origin: OpenOrigin) -> None:
    async with (
        receiver() as hook,
        open_origin(**told(hook)) as one,
        open_origin(**told(hook)) as two,
    ):
        videos = await asyncio.gather(*(make_video(origin) for origin in (one, two) * 3))
        await eventually(hook.has(4 * len(videos)))
        ids = [body["id"] for body in hook.bodies()]
        assert len(ids) == len(set(ids))
        for video_id in videos:
            own = [body["type"] for body in hook.bodies() if body["video_id"] == video_id]
            assert own == ["video.uploading", "video.probing", "video.packaging", "video.playable"]


async def test_an_origin_without_urls_leaves_the_events_to_others(open_origin: OpenOrigin) -> None:
    async with receiver() as hook, open_origin() as silent:
        await make_video(silent)
        await silent.services.reconciler.reconcile()
        async with open_origin(**told(hook)):
            await eventually(hook.has(4))


async def test_an_attempt_that_breaks_ends_no_other(
    open_origin: OpenOrigin, caplog: pytest.LogCaptureFixture
) -> None:
    broken = "http://user:€@127.0.0.1/hook"  # Latin-1 has no €
    async with (
        receiver() as hook,
        open_origin(**told(hook, webhook_urls=(broken, hook.url))) as origin,
    ):
        await make_video(origin)
        await eventually(hook.has(4))

        async def is_noted() -> bool:
            found = await origin.catalog.unfinished_deliveries(limit=9)
            return "the attempt broke (UnicodeEncodeError)" in {one.reason for one in found}

        await eventually(is_noted)
        await make_video(origin)
        await eventually(hook.has(8))
    assert "UnicodeEncodeError" in caplog.text


async def test_a_silent_server_holds_up_no_other(open_origin: OpenOrigin) -> None:
    async with receiver(SILENCE) as silent, receiver() as hook:
        changes = told(hook, webhook_urls=(silent.url, hook.url), webhook_timeout_seconds=1)
        async with open_origin(**changes) as origin:
            await make_video(origin)
            await eventually(hook.has(4))

            async def is_noted() -> bool:
                found = await origin.catalog.unfinished_deliveries(limit=9)
                return "the server did not answer in time" in {record.reason for record in found}

            await eventually(is_noted)
