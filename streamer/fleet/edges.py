"""The registry of edges: they report, players and people ask which ones live."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Body, Response
from pydantic import BaseModel, ConfigDict, Field

from streamer.core.edges import Edge
from streamer.shared.bearer import Guard
from streamer.shared.catalog import Catalog
from streamer.shared.guarded_route import guarded_route
from streamer.shared.problems import problems
from streamer.shared.routing import Router

PREFIX = "/api/v1/edges"
LIVING_SECONDS = 30.0


class Heartbeat(BaseModel):
    """What an edge says of itself, every few seconds."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["edge-fra-1"])
    region: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["fra"])
    url: str = Field(
        pattern=r"^https?://[^\s/?#@\"<>\\]+/?$",
        max_length=300,
        description="What viewers use.",
        examples=["https://fra1.example.com"],
    )
    version: str = Field(max_length=64)
    started_at: datetime | None = Field(default=None, description="When its process started.")


class EdgeResource(BaseModel):
    """A living edge."""

    id: str
    region: str
    url: str
    version: str
    started_at: datetime
    seen_at: datetime


class EdgeList(BaseModel):
    """The living edges, by region and id."""

    items: list[EdgeResource]


class EdgeRegistry:
    """The routes of the registry.

    Args:
        catalog: Keeps the edges.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def report_edge(self, heartbeat: Annotated[Heartbeat, Body()]) -> Response:
        """Report that an edge lives; it counts as living for 30 seconds."""
        now = datetime.now(UTC)
        edge = Edge(
            id=heartbeat.id,
            region=heartbeat.region,
            url=heartbeat.url.rstrip("/"),
            version=heartbeat.version,
            started_at=_utc(heartbeat.started_at or now),
            seen_at=now,
        )
        await self._catalog.heartbeat(edge, now=now)
        return Response(status_code=204)

    async def list_edges(self, response: Response) -> EdgeList:
        """The edges that reported within the last 30 seconds."""
        now = datetime.now(UTC)
        edges = await self._catalog.living_edges(now=now, within_seconds=LIVING_SECONDS)
        response.headers["Cache-Control"] = "no-store"
        return EdgeList(
            items=[EdgeResource.model_validate(edge, from_attributes=True) for edge in edges]
        )


def edge_router(catalog: Catalog, guard: Guard) -> Router:
    """The registry's resources; reporting is behind `guard`."""
    registry = EdgeRegistry(catalog)
    router = Router(prefix=PREFIX, tags=["edges"])
    router.add_api_route(
        "",
        registry.report_edge,
        methods=["POST"],
        route_class_override=guarded_route(guard),
        operation_id="report_edge",
        status_code=204,
        responses=problems(400, 401, 413, 503),
    )
    router.add_api_route(
        "", registry.list_edges, operation_id="list_edges", responses=problems(503)
    )
    return router


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
