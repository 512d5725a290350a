"""The catalog's webhooks: which events have to be told to whom, shared by all origins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core.webhooks import Delivery, Event, EventType
from streamer.shared.records import Records, check_text
from streamer.shared.tables import webhook_deliveries, webhook_events

_SPREAD_AT_ONCE = 500
_is_pending = and_(
    webhook_deliveries.c.delivered_at.is_(None), webhook_deliveries.c.given_up_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery that has not reached its URL: when it is tried again, and why it failed."""

    delivery: Delivery
    due_at: datetime | None
    given_up_at: datetime | None
    reason: str | None


class Webhooks(Records):
    """The events of a catalog on their way."""

    async def spread_events(self, urls: Sequence[str]) -> int:
        """Make a delivery of every new event to each of the URLs; returns how many were new."""
        query = (
            select(webhook_events.c.number)
            .where(webhook_events.c.is_spread.is_(False))
            .order_by(webhook_events.c.number)
            .limit(_SPREAD_AT_ONCE)
        )
        async with self._database.reading() as connection:
            if (await connection.execute(query)).first() is None:
                return 0
        async with self._database.writing() as connection:
            numbers = list((await connection.execute(query.with_for_update())).scalars())
            rows = [
                {"event": number, "url": url, "attempts": 0} for number in numbers for url in urls
            ]
            if rows:
                statement = self._database.insert(webhook_deliveries).on_conflict_do_nothing()
                await connection.execute(statement, rows)
            await connection.execute(
                update(webhook_events)
                .where(webhook_events.c.number.in_(numbers))
                .values(is_spread=True)
            )
        return len(numbers)

    async def claim_deliveries(
        self, urls: Sequence[str], *, now: datetime, lease_seconds: float, limit: int
    ) -> list[Delivery]:
        """The deliveries that are due, oldest first; nobody else gets them before the lease's end.

        One waits until every earlier event of its video has reached its URL or was given up.
        """
        due = _due(urls, now).limit(limit)
        async with self._database.reading() as connection:
            if (await connection.execute(due)).first() is None:
                return []
        async with self._database.writing() as connection:
            locked = due.with_for_update(of=webhook_deliveries, skip_locked=True)
            claimed = [
                Delivery(_to_event(row), row.url, row.attempts + 1)
                for row in await connection.execute(locked)
            ]
            for delivery in claimed:
                await _change(
                    connection,
                    delivery,
                    attempts=delivery.attempts,
                    leased_until=now + timedelta(seconds=lease_seconds),
                )
        return claimed

    async def note_delivered(self, delivery: Delivery, *, now: datetime) -> None:
        """The URL took the event."""
        await self._end_attempt(delivery, delivered_at=now)

    async def note_failed(
        self, delivery: Delivery, *, reason: str, now: datetime, next_at: datetime | None
    ) -> None:
        """The URL did not take the event: it is tried again at `next_at`, or given up."""
        given_up_at = now if next_at is None else None
        await self._end_attempt(
            delivery, reason=check_text(reason), due_at=next_at, given_up_at=given_up_at
        )

    async def unfinished_deliveries(self, *, limit: int) -> list[DeliveryRecord]:
        """The deliveries that are waiting or were given up, the newest event first."""
        query = (
            _joined(select(webhook_events, webhook_deliveries))
            .where(webhook_deliveries.c.delivered_at.is_(None))
            .order_by(webhook_events.c.number.desc(), webhook_deliveries.c.url)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [_to_record(row) for row in await connection.execute(query)]

    async def forget_events(self, *, before: datetime) -> None:
        """Forget the events of earlier times with their deliveries."""
        await self._forget(webhook_events.c.created_at < before)

    async def forget_unspread_events(self, *, before: datetime) -> None:
        """Forget the events of earlier times that are to be told to nobody yet."""
        is_old = webhook_events.c.created_at < before
        await self._forget(and_(is_old, webhook_events.c.is_spread.is_(False)))

    async def _forget(self, condition: ColumnElement[bool]) -> None:
        async with self._database.reading() as connection:
            query = select(webhook_events.c.number).where(condition).limit(1)
            if (await connection.execute(query)).first() is None:
                return
        async with self._database.writing() as connection:
            await connection.execute(delete(webhook_events).where(condition))

    async def _end_attempt(self, delivery: Delivery, **values: Any) -> None:
        async with self._database.writing() as connection:
            await _change(connection, delivery, leased_until=None, **values)


def _joined(query: Select[Any]) -> Select[Any]:
    return query.join_from(
        webhook_deliveries, webhook_events, webhook_deliveries.c.event == webhook_events.c.number
    )


def _due(urls: Sequence[str], now: datetime) -> Select[Any]:
    earlier_event = webhook_events.alias()
    earlier = webhook_deliveries.alias()
    blocked = (
        select(earlier.c.event)
        .join(earlier_event, earlier.c.event == earlier_event.c.number)
        .where(
            earlier_event.c.video_id == webhook_events.c.video_id,
            earlier.c.url == webhook_deliveries.c.url,
            earlier.c.event < webhook_deliveries.c.event,
            earlier.c.delivered_at.is_(None),
            earlier.c.given_up_at.is_(None),
        )
        .exists()
    )
    return (
        _joined(select(webhook_events, webhook_deliveries))
        .where(
            webhook_deliveries.c.url.in_(urls),
            _is_pending,
            _has_come(webhook_deliveries.c.due_at, now),
            _has_come(webhook_deliveries.c.leased_until, now),
            ~blocked,
        )
        .order_by(webhook_events.c.number)
    )


def _has_come(instant: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    return or_(instant.is_(None), instant <= now)


async def _change(connection: AsyncConnection, delivery: Delivery, **values: Any) -> None:
    """Set columns of a delivery that is pending."""
    number = select(webhook_events.c.number).where(webhook_events.c.id == delivery.event.id)
    await connection.execute(
        update(webhook_deliveries)
        .where(
            webhook_deliveries.c.event == number.scalar_subquery(),
            webhook_deliveries.c.url == delivery.url,
            _is_pending,
        )
        .values(values)
    )


def _to_event(row: Row[Any]) -> Event:
    return Event(row.id, EventType(row.type), row.video_id, row.created_at)


def _to_record(row: Row[Any]) -> DeliveryRecord:
    delivery = Delivery(_to_event(row), row.url, row.attempts)
    return DeliveryRecord(delivery, row.due_at, row.given_up_at, row.reason)
