"""What has not reached the webhooks yet, or never will."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from streamer.core.webhooks import EventType
from streamer.origin.services import FromServices
from streamer.shared.bearer import Guard
from streamer.shared.problems import problems
from streamer.shared.routing import Router
from streamer.shared.webhooks import DeliveryRecord


class DeliveryResource(BaseModel):
    """An event that a webhook has not taken."""

    event_id: str
    type: EventType
    video_id: str
    created_at: datetime
    url: str
    attempts: int
    reason: str | None = Field(description="Why the last attempt failed.")
    due_at: datetime | None = Field(description="When it is tried again; null: at once.")
    given_up_at: datetime | None

    @classmethod
    def of(cls, record: DeliveryRecord) -> Self:
        """What the API says of a delivery."""
        event = record.delivery.event
        return cls(
            event_id=event.id,
            type=event.type,
            video_id=event.video_id,
            created_at=event.created_at,
            url=record.delivery.url,
            attempts=record.delivery.attempts,
            reason=record.reason,
            due_at=record.due_at,
            given_up_at=record.given_up_at,
        )


class DeliveryList(BaseModel):
    """Deliveries, the newest event first."""

    items: list[DeliveryResource]


def webhook_router(guard: Guard) -> Router:
    """What became of webhooks, behind `guard`."""
    router = Router(prefix="/api/v1/webhooks", tags=["webhooks"], dependencies=[Depends(guard)])
    router.add_api_route(
        "/deliveries",
        list_deliveries,
        operation_id="list_deliveries",
        responses=problems(400, 401, 503),
    )
    return router


async def list_deliveries(
    services: FromServices, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> DeliveryList:
    """The deliveries that wait for another attempt or were given up."""
    records = await services.catalog.unfinished_deliveries(limit=limit)
    return DeliveryList(items=[DeliveryResource.of(record) for record in records])
