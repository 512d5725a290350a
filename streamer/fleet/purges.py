"""Purges: an operator asks every edge to forget; edges read the log from where they stopped."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from streamer.core.purge import parse_path
from streamer.shared.bearer import Guard
from streamer.shared.catalog import Catalog
from streamer.shared.problems import problems

PREFIX = "/api/v1/purges"
_MAX_PATHS = 3000


class PurgeRequest(BaseModel):
    """Which URL paths to forget; `*` at the end stands for everything that starts so."""

    model_config = ConfigDict(extra="forbid")

    paths: list[str] = Field(min_length=1, max_length=_MAX_PATHS, examples=[["/v/3kq0v1x7c2m9/*"]])


class PurgeReceipt(BaseModel):
    """The newest purge in the log; an edge that read so far has obeyed."""

    id: int


class PurgeEntry(BaseModel):
    """One purge of the log."""

    id: int
    path: str


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
        paths = [parse_path(path) for path in wanted.paths]
        return PurgeReceipt(id=await self._catalog.record_purges(paths, now=datetime.now(UTC)))

    async def list_purges(
        self, response: Response, after: Annotated[int, Query(ge=0, lt=2**63)] = 0
    ) -> PurgeLog:
        """The purges after an id."""
        oldest, newest = await self._catalog.purge_bounds()
        purges = await self._catalog.purges_after(after)
        response.headers["Cache-Control"] = "no-store"
        items = [PurgeEntry(id=purge.id, path=purge.path) for purge in purges]
        return PurgeLog(items=items, oldest=oldest, newest=newest)


def purge_router(catalog: Catalog, guard: Guard) -> APIRouter:
    """The log's resources; recording is behind `guard`."""
    routes = PurgeLogRoutes(catalog)
    router = APIRouter(prefix=PREFIX, tags=["purges"])
    router.add_api_route(
        "",
        routes.request_purge,
        methods=["POST"],
        dependencies=[Depends(guard)],
        operation_id="request_purge",
        status_code=202,
        responses=problems(400, 401, 503),
    )
    router.add_api_route(
        "", routes.list_purges, operation_id="list_purges", responses=problems(400, 503)
    )
    return router
