"""What the origin does that no request waits for: no failure ends it, and each is told once."""

from functools import partial

import httpx
import pytest

from streamer.core.keys import video_prefix
from tests.integration.origin.conftest import OpenOrigin, Origin, eventually, now
from tests.integration.origin.test_playback import make_video
from tests.integration.origin.test_webhooks import receiver, told
from tests.servers import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Death(BaseException):
    """What nothing survives."""


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.exc_info]


async def reconcile(origin: Origin) -> None:
    await origin.services.reconciler.reconcile()


async def test_a_step_that_breaks_holds_up_none_behind_it_and_is_told_once(
    open_origin: OpenOrigin, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_origin() as origin:
        await make_video(origin)
        deleted = await make_video(origin)
        await origin.catalog.delete_video(deleted, now=now())
        origin.jobs.bug = TypeError("a bug")
        for _ in range(3):
            await reconcile(origin)
        assert [info async for info in origin.store.list(video_prefix(deleted))] == []
        assert tracebacks(caplog) == ["something is left for later"]
        origin.jobs.bug = None
        await reconcile(origin)
        origin.jobs.bug = TypeError("a bug")
        await reconcile(origin)
        assert len(tracebacks(caplog)) == 2, "it began anew"


async def test_webhooks_are_sent_once_an_error_of_this_program_is_mended(
    open_origin: OpenOrigin, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    url = await postgres.create_database()
    rename = "ALTER TABLE webhook_deliveries RENAME COLUMN {} TO {}"
    async with receiver() as hook, open_origin(**told(hook), database_url=url) as origin:
        await postgres.execute(url, rename.format("due_at", "gone"))
        await eventually(partial(tracebacks, caplog))
        await postgres.execute(url, rename.format("gone", "due_at"))
        await origin.create_upload(5)
        await eventually(hook.has(1))
        assert hook.types() == ["video.uploading"]


async def test_the_origin_ends_with_what_it_does_in_the_background(
    open_origin: OpenOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.origin.reconcile._EVERY_SECONDS", 0.01)

    async def serve_until_it_ends() -> None:
        async with open_origin() as origin:
            await make_video(origin)
            origin.jobs.bug = Death()
            await eventually(partial(is_gone, origin))

    with pytest.raises(BaseExceptionGroup) as caught:
        await serve_until_it_ends()
    assert caught.group_contains(Death)


async def is_gone(origin: Origin) -> bool:
    try:
        await origin.client.get("/healthz")
    except httpx.TransportError:
        return True
    return False
