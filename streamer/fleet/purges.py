"""Purges: an operator asks every edge to forget; edges read the log from where they stopped."""

from datetime import UTC, datetime
from typing import Annotated, Self

from fastapi import Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from streamer.core.purge import Kind, Order, Purge, parse_path, parse_tag
from streamer.shared.bearer import Guard
from streamer.shared.catalog import Catalog
from streamer.shared.guarded_route import guarded_route
from streamer.shared.problems import problems
from streamer.shared.routing import Router

PREFIX = "/api/v1/purges"
_MAX_NAMES = 3000
_MAX_BODY_BYTES = 16 * 1024**2


class PurgeRequest(BaseModel):
    """What to forget: URL paths (`*` at the end stands for everything that starts so) and tags.

    `soft`: what it names becomes stale instead.
    """

    model_config = ConfigDict(extra="forbid")

    paths: list[str] = Field(
        default_factory=list, max_length=_MAX_NAMES, examples=[["/v/3kq0v1x7c2m9/*"]]
    )
    tags: list[str] = Field(default_factory=list, max_length=_MAX_NAMES, examples=[["posters"]])
    soft: bool = False

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.paths and not self.tags:
            raise ValueError("a purge names a path or a tag")
        return self


class PurgeReceipt(BaseModel):
    """The newest purge in the log; an edge that read so far has obeyed."""

    id: int


class PurgeEntry(BaseModel):
    """One purge of the log: of a path or of a tag."""

    id: int
    path: str | None = None
    tag: str | None = None
    soft: bool = False


class PurgeLog(BaseModel):
    """Purges after an id, oldest first; `oldest` and `newest` are the bounds of the log.

    An edge that stopped before `oldest` has missed some, and must forget everything.
    """

    items: list[PurgeEntry]
    oldest: int
    newest: int


class PurgeLogRoutes:
    """The routes of the log.

    Args:
        catalog: Keeps the log.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def request_purge(self, wanted: Annotated[PurgeRequest, Body()]) -> PurgeReceipt:
        """Record purges for all edges."""
        orders = [
            *(Order(Kind.PATH, parse_path(path), wanted.soft) for path in wanted.paths),
            *(Order(Kind.TAG, parse_tag(tag), wanted.soft) for tag in wanted.tags),
        ]
        return PurgeReceipt(id=await self._catalog.record_purges(orders, now=datetime.now(UTC)))

    async def list_purges(
        self, response: Response, after: Annotated[int, Query(ge=0, lt=2**31)] = 0
    ) -> PurgeLog:
        """The purges after an id."""
        oldest, newest = await self._catalog.purge_bounds()
        purges = await self._catalog.purges_after(after)
        response.headers["Cache-Control"] = "no-store"
        return PurgeLog(items=[_entry(purge) for purge in purges], oldest=oldest, newest=newest)


def _entry(purge: Purge) -> PurgeEntry:
    order = purge.order
    return PurgeEntry(
        id=purge.id,
        path=order.value if order.kind is Kind.PATH else None,
        tag=order.value if order.kind is Kind.TAG else None,
        soft=order.is_soft,
    )


def purge_router(catalog: Catalog, guard: Guard) -> Router:
    """The log's resources; recording is behind `guard`."""
    routes = PurgeLogRoutes(catalog)
    router = Router(prefix=PREFIX, tags=["purges"])
    router.add_api_route(
        "",
        routes.request_purge,
        methods=["POST"],
        route_class_override=guarded_route(guard, max_body_bytes=_MAX_BODY_BYTES),
        operation_id="request_purge",
        status_code=202,
        responses=problems(400, 401, 413, 503),
    )
    router.add_api_route(
        "", routes.list_purges, operation_id="list_purges", responses=problems(400, 503)
    )
    return router
