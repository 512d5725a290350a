"""Whether the origin lives, whether it can work, and its metrics."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from streamer.core.errors import StreamerError
from streamer.origin.services import FromServices
from streamer.shared.routing import Router

_CHECK_SECONDS = 3.0


class Health(BaseModel):
    """What a probe is told; `checks` says of each part `ok` or what is wrong."""

    status: str
    checks: dict[str, str] = {}


def health_router() -> Router:
    """The resources that probes and scrapers ask for."""
    router = Router(tags=["operation"])
    router.add_api_route("/healthz", get_health, operation_id="get_health")
    router.add_api_route(
        "/readyz",
        get_readiness,
        operation_id="get_readiness",
        response_model=Health,
        responses={503: {"model": Health, "description": "A part does not answer."}},
    )
    exposition = {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}
    router.add_api_route(
        "/metrics",
        get_metrics,
        operation_id="get_metrics",
        response_class=Response,
        responses={200: exposition},
    )
    return router


async def get_health() -> Health:
    """Whether this process answers."""
    return Health(status="ok")


async def get_readiness(services: FromServices) -> JSONResponse:
    """Whether the catalog, the store and the queue answer."""
    parts = {
        "catalog": services.catalog.check,
        "store": services.store.check,
        "jobs": services.jobs.check,
    }
    found = await asyncio.gather(*map(_check, parts.values()))
    checks = dict(zip(parts, found, strict=True))
    is_ready = set(found) == {"ok"}
    health = Health(status="ok" if is_ready else "unavailable", checks=checks)
    return JSONResponse(
        health.model_dump(),
        status_code=200 if is_ready else 503,
        headers={"Cache-Control": "no-store"},
    )


async def get_metrics(services: FromServices) -> Response:
    """Counters in the Prometheus text format."""
    text = await services.metrics.render(services.catalog)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _check(check: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check()
    except TimeoutError:
        return "does not answer in time"
    except StreamerError as error:
        return error.detail
    return "ok"
