"""The admin port: health, metrics and why an object is or is not cached."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from edge.exposition import CONTENT_TYPE
from edge.listener import binding
from edge.metrics import Metrics


def create_admin(
    explain_url: Callable[[str, str | None], Mapping[str, object]],
    metrics: Metrics,
    gauges: Callable[[], Mapping[str, float]],
    is_ready: Callable[[], bool],
) -> web.Application:
    """The admin application.

    Args:
        explain_url: What `/explain` says of a target and a host.
        metrics: What `/metrics` shows, with `gauges`.
        gauges: Present levels, by name.
        is_ready: Whether viewers shall be sent here.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        ready = is_ready()
        status = "ok" if ready else "draining"
        return web.json_response({"status": status}, status=200 if ready else 503)

    async def show_metrics(_: web.Request) -> web.Response:
        text = metrics.render(gauges())
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def explain(request: web.Request) -> web.Response:
        target = request.query.get("url", "")
        if not target.startswith("/") or not target.isascii() or not target.isprintable():
            return web.json_response({"detail": "url is a path with its query"}, status=400)
        return web.json_response(explain_url(target, request.query.get("host") or None))

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/explain", explain)
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve an application; yields the port bound."""
    async with _running(app) as runner:
        with binding(host, port):
            await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])


@asynccontextmanager
async def serving_unix(app: web.Application, path: Path) -> AsyncIterator[None]:
    """Serve an application on a Unix socket."""
    async with _running(app) as runner:
        await web.UnixSite(runner, path).start()
        yield


@asynccontextmanager
async def _running(app: web.Application) -> AsyncIterator[web.AppRunner]:
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()
