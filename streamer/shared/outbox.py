"""The outbox: events are written in the transactions that make them happen, and sent later."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core.webhooks import EventType
from streamer.shared.tables import webhook_events


async def record_event(connection: AsyncConnection, video_id: str, kind: EventType) -> None:
    """Write down what this transaction does to a video, which it holds the lock of."""
    await connection.execute(
        insert(webhook_events).values(
            id=f"evt_{uuid.uuid4().hex}",
            type=kind.value,
            video_id=video_id,
            created_at=datetime.now(UTC),
            is_spread=False,
        )
    )
