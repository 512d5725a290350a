"""Tells webhooks what happens to videos: at least once, in order for each video.

The events wait in the catalog, so nothing is lost when origins come and go. Each URL has a task of
its own: one that does not answer holds up no other.
"""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
from pydantic import BaseModel
from yarl import URL

from streamer.core.errors import NotFound, StreamerError
from streamer.core.webhooks import (
    MAX_AGE_SECONDS,
    Delivery,
    EventType,
    retry_delay_seconds,
    signed_headers,
)
from streamer.origin.failure_log import FailureLog
from streamer.origin.resources import Presenter, VideoResource
from streamer.shared.catalog import Catalog

_POLL_SECONDS = 0.5
_AT_ONCE = 8
_LEASE_MARGIN_SECONDS = 15.0
_KEPT = timedelta(seconds=2 * MAX_AGE_SECONDS)
# An origin without URLs may stand beside others that have some, as when they are set on one after
# the other. Where none has, who sets the first is not to be told of days.
_UNSPREAD_KEPT = timedelta(hours=1)
_log = logging.getLogger(__name__)


class WebhookBody(BaseModel):
    """What a webhook is sent; `video` as it stands then, null once it is deleted."""

    id: str
    type: EventType
    created_at: datetime
    video_id: str
    video: VideoResource | None


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Whom to tell, and how: `key` signs, `timeout_seconds` bounds each attempt."""

    urls: Sequence[str]
    key: bytes
    timeout_seconds: float


class WebhookSender:
    """Sends what is due, beside other origins.

    Args:
        catalog: Holds the events.
        presenter: Makes the resources that are sent.
        settings: Whom to tell.
    """

    def __init__(self, catalog: Catalog, presenter: Presenter, settings: WebhookSettings) -> None:
        self._catalog = catalog
        self._presenter = presenter
        self._settings = settings
        self._failures = FailureLog(_log, "a webhook is sent again")

    async def run(self) -> None:
        """Send until cancelled."""
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_seconds)
        async with (
            aiohttp.ClientSession(
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "streamer"},
                trust_env=False,
            ) as session,
            asyncio.TaskGroup() as group,
        ):
            for url in self._settings.urls:
                group.create_task(self._serve(session, url))

    async def forget_old(self, *, now: datetime) -> None:
        """Forget events that were told or given up long ago, and those that nobody will tell."""
        await self._catalog.forget_events(before=now - _KEPT)
        if not self._settings.urls:
            await self._catalog.forget_unspread_events(before=now - _UNSPREAD_KEPT)

    async def _serve(self, session: aiohttp.ClientSession, url: str) -> None:
        failures = FailureLog(_log, "webhooks are sent later")
        while True:
            is_idle = True
            with failures.surviving():
                is_idle = not await self._send_due(session, url)
            if is_idle:
                await asyncio.sleep(_POLL_SECONDS)

    async def _send_due(self, session: aiohttp.ClientSession, url: str) -> int:
        """Attempt what is due at a URL; returns how many events that were."""
        await self._catalog.spread_events(self._settings.urls)
        deliveries = await self._catalog.claim_deliveries(
            [url],
            now=datetime.now(UTC),
            lease_seconds=self._settings.timeout_seconds + _LEASE_MARGIN_SECONDS,
            limit=_AT_ONCE,
        )
        async with asyncio.TaskGroup() as group:
            for delivery in deliveries:
                group.create_task(self._attempt(session, delivery))
        return len(deliveries)

    async def _attempt(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        """Send an event once, and write down how that went.

        A failure of the catalog leaves the delivery to whoever claims it after its lease.
        """
        with self._failures.surviving():
            failure = await self._tell(session, delivery)
            await self._settle(delivery, failure)

    async def _tell(self, session: aiohttp.ClientSession, delivery: Delivery) -> str | None:
        """Send an event once; returns why that failed, None when it was taken."""
        try:
            return await self._send(session, delivery, await self._body(delivery))
        except StreamerError:
            raise
        except Exception as error:
            _log.exception("an attempt at webhook %s broke", delivery.event.id)
            return f"the attempt broke ({type(error).__name__})"

    async def _body(self, delivery: Delivery) -> bytes:
        event = delivery.event
        try:
            video = await self._presenter.present(await self._catalog.get_video(event.video_id))
        except NotFound:
            video = None
        return (
            WebhookBody(
                id=event.id,
                type=event.type,
                created_at=event.created_at,
                video_id=event.video_id,
                video=video,
            )
            .model_dump_json()
            .encode()
        )

    async def _send(
        self, session: aiohttp.ClientSession, delivery: Delivery, body: bytes
    ) -> str | None:
        """Post the body; returns why that failed, None when it was taken."""
        headers = {
            "Content-Type": "application/json",
            **signed_headers(self._settings.key, delivery.event.id, int(time.time()), body),
        }
        try:
            async with session.post(
                delivery.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                taken = 200 <= response.status < 300
                return None if taken else f"the server answered {response.status}"
        except TimeoutError:
            return "the server did not answer in time"
        except (aiohttp.ClientError, OSError) as error:
            return f"the server cannot be reached ({type(error).__name__})"

    async def _settle(self, delivery: Delivery, failure: str | None) -> None:
        now = datetime.now(UTC)
        if failure is None:
            await self._catalog.note_delivered(delivery, now=now)
            return
        delay = retry_delay_seconds(
            delivery.attempts,
            age_seconds=(now - delivery.event.created_at).total_seconds(),
            chance=random.random(),  # noqa: S311  # spreads load, guards nothing
        )
        if delay is None:
            host = URL(delivery.url).host  # the rest may be secret
            _log.error("webhook %s to %s is given up: %s", delivery.event.id, host, failure)
        next_at = None if delay is None else now + timedelta(seconds=delay)
        await self._catalog.note_failed(delivery, reason=failure, now=now, next_at=next_at)
