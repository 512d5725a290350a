"""One process that serves the origin and the fleet's registry on one port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.bounded_protocol import BoundedProtocol
from streamer.core.errors import Unavailable
from streamer.fleet.edges import edge_router
from streamer.fleet.purges import purge_router
from streamer.origin.app import create_app, end_streams, run_background
from streamer.origin.packaging_queue import PackagingQueue
from streamer.origin.settings import OriginSettings
from streamer.shared.bearer import bearer_guard
from streamer.shared.catalog import Catalog
from streamer.shared.jobs import Jobs
from streamer.shared.object_store import ObjectStore
from streamer.shared.open_files import allow_connections
from streamer.shared.problems import failure_response
from streamer.shared.stores import open_store

_BACKLOG = 512
_MAX_CONNECTIONS = 10_000
_UPLOADS_SHARE = 0.7


def build_app(
    settings: OriginSettings, *, store: ObjectStore, catalog: Catalog, jobs: PackagingQueue
) -> FastAPI:
    """The origin and the fleet as one application."""
    app = create_app(settings, store=store, catalog=catalog, jobs=jobs)
    guard = bearer_guard(settings.api_token)
    app.include_router(edge_router(catalog, guard))
    app.include_router(purge_router(catalog, guard))
    return app


async def run_origin(
    settings: OriginSettings,
    *,
    stop: asyncio.Event,
    on_listening: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until `stop` is set, then finish what is in progress within the settings' deadline.

    Args:
        settings: How to serve.
        stop: Ends it.
        on_listening: Called with the server's URL once it accepts connections.

    Raises:
        Unavailable: A part cannot be reached, or the port is taken.
    """
    async with open_app(settings) as app:
        await serve(app, settings, stop=stop, on_listening=on_listening)


async def serve(
    app: FastAPI,
    settings: OriginSettings,
    *,
    stop: asyncio.Event,
    on_listening: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve `app` until `stop` is set, or what it does in the background ends; see `run_origin`."""
    with _listener(settings) as listener:
        server = _Server(_config(_CutOff(app), settings))
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="serve")
        stopping = asyncio.create_task(stop.wait())
        background = asyncio.create_task(run_background(app), name="background")
        on_listening(_url(listener))
        await asyncio.wait((serving, stopping, background), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        background.cancel()
        uploads_end = settings.shutdown_seconds * _UPLOADS_SHARE
        await end_streams(app, interrupt_uploads_after_seconds=uploads_end)
        server.should_exit = True
        await asyncio.wait((serving, background))
        await serving
        if not background.cancelled():
            background.result()


@asynccontextmanager
async def open_app(settings: OriginSettings) -> AsyncIterator[FastAPI]:
    """The application over the installation's own store, catalog and queue."""
    settings.data_dir.absolute().mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        store = open_store(settings.store_url, s3_addressing_style=settings.s3_addressing_style)
        stack.push_async_callback(store.close)
        catalog = await Catalog.open(settings.catalog_url)
        stack.push_async_callback(catalog.close)
        jobs = await asyncio.to_thread(Jobs.open, settings)
        stack.callback(jobs.close)
        yield build_app(settings, store=store, catalog=catalog, jobs=jobs)


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _CutOff:
    """The application, which answers for the requests that a stop cancels before they are.

    uvicorn takes each of them for a bug of the application, and logs where it was. Of an answer
    that has begun it logs in a line that it is cut off.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; 503 when it is cancelled before it began to answer."""
        has_begun = False

        async def note_beginning(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note_beginning)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise
            if not has_begun:
                stopping = failure_response(Unavailable("the origin is stopping"))
                await stopping(scope, receive, send)


def _config(app: ASGIApp, settings: OriginSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=allow_connections(_MAX_CONNECTIONS),
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


@contextmanager
def _listener(settings: OriginSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise Unavailable(
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror}"
            ) from error
        listener.listen(_BACKLOG)
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
