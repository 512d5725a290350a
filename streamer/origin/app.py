"""The origin as one ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from streamer.core.public_address import is_public_address
from streamer.core.webhooks import signing_key
from streamer.origin.arrivals import Arrivals
from streamer.origin.cors import CorsMiddleware
from streamer.origin.deletion import Deletion
from streamer.origin.events import Watches
from streamer.origin.fetch import Fetches
from streamer.origin.health import health_router
from streamer.origin.intake import Intake
from streamer.origin.key_routes import key_router
from streamer.origin.manifest_routes import manifest_router
from streamer.origin.media_routes import media_router
from streamer.origin.metrics import Metrics, MetricsMiddleware
from streamer.origin.own_host import OwnHostMiddleware
from streamer.origin.packaging_queue import PackagingQueue
from streamer.origin.playback_secret import load_secret
from streamer.origin.reconcile import Reconciler
from streamer.origin.renewal import Renewal
from streamer.origin.resources import Presenter
from streamer.origin.retirement import Retirement
from streamer.origin.services import Services
from streamer.origin.settings import OriginSettings
from streamer.origin.staging import Staging
from streamer.origin.subtitle_routes import subtitle_router
from streamer.origin.subtitles import SubtitlesShelf
from streamer.origin.tus_middleware import TusMiddleware
from streamer.origin.upload_routes import upload_router
from streamer.origin.uploads import Uploads
from streamer.origin.version_routes import version_router
from streamer.origin.video_routes import video_router
from streamer.origin.web_routes import DIST, add_web
from streamer.origin.webhook_routes import webhook_router
from streamer.origin.webhooks import WebhookSender, WebhookSettings
from streamer.origin.writers import Writers
from streamer.shared.bearer import bearer_guard
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore
from streamer.shared.problems import add_problem_handlers, document_problems


def create_app(
    settings: OriginSettings, *, store: ObjectStore, catalog: Catalog, jobs: PackagingQueue
) -> FastAPI:
    """The origin over these parts, which the caller opens before and closes after.

    Raises:
        Unavailable: The directory of unfinished uploads cannot be made.
    """
    services = _make_services(settings, store, catalog, jobs)
    app = FastAPI(
        title="Streamer",
        version=version("streamer"),
        description="Upload videos, follow their packaging, play them.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    add_problem_handlers(app)
    document_problems(app)
    app.exception_handler(ClientDisconnect)(_forget_client)
    guard = bearer_guard(settings.api_token)
    for router in (
        upload_router(guard),
        video_router(guard),
        version_router(guard),
        subtitle_router(guard),
        webhook_router(guard),
        key_router(guard),
        manifest_router(),
        media_router(),
        health_router(),
    ):
        app.include_router(router)
    add_web(app, DIST)
    app.add_middleware(TusMiddleware)
    if not settings.api_token.get_secret_value():
        app.add_middleware(OwnHostMiddleware)
    app.add_middleware(CorsMiddleware)
    app.add_middleware(MetricsMiddleware, metrics=services.metrics)
    return app


async def end_streams(app: FastAPI, *, interrupt_uploads_after_seconds: float) -> None:
    """Prepare for shutdown: event streams end now, uploads that take longer are cut off then."""
    services: Services = app.state.services
    await services.watches.close()
    asyncio.get_running_loop().call_later(
        interrupt_uploads_after_seconds, services.writers.interrupt_all
    )


async def run_background(app: FastAPI) -> None:
    """Do what no request waits for, until cancelled; no failure of it ends this."""
    services: Services = app.state.services
    async with asyncio.TaskGroup() as group:
        group.create_task(services.reconciler.run(), name="reconcile")
        group.create_task(services.webhooks.run(), name="webhooks")


def _make_services(
    settings: OriginSettings, store: ObjectStore, catalog: Catalog, jobs: PackagingQueue
) -> Services:
    staging = Staging(settings.uploads_dir)
    writers = Writers(idle_seconds=settings.upload_idle_seconds)
    arrivals = Arrivals(staging, store, catalog, jobs)
    uploads = Uploads(
        staging,
        catalog,
        arrivals,
        Intake(arrivals, catalog, jobs),
        writers,
        max_bytes=settings.max_upload_bytes,
        expiry_seconds=settings.upload_expiry_seconds,
    )
    fetches = Fetches(
        uploads,
        catalog,
        is_allowed=_any_address if settings.fetch_allow_private else is_public_address,
        timeout_seconds=settings.fetch_timeout_seconds,
    )
    deletion = Deletion(catalog, store, jobs, uploads, fetches)
    retirement = Retirement(catalog, store, jobs, grace_seconds=settings.old_version_seconds)
    renewal = Renewal(catalog, jobs)
    presenter = Presenter(catalog, playback_base_url=settings.playback_base_url)
    webhooks = WebhookSender(
        catalog,
        presenter,
        WebhookSettings(
            urls=settings.webhook_urls,
            key=signing_key(settings.webhook_secret.get_secret_value()),
            timeout_seconds=settings.webhook_timeout_seconds,
        ),
    )
    return Services(
        settings=settings,
        store=store,
        catalog=catalog,
        jobs=jobs,
        staging=staging,
        arrivals=arrivals,
        writers=writers,
        uploads=uploads,
        fetches=fetches,
        deletion=deletion,
        reconciler=Reconciler(
            catalog, jobs, uploads, fetches, deletion, retirement, renewal, webhooks
        ),
        presenter=presenter,
        watches=Watches(catalog, presenter),
        subtitles=SubtitlesShelf(catalog, store),
        webhooks=webhooks,
        metrics=Metrics(),
        playback_secret=load_secret(settings.playback_secret.get_secret_value(), settings.data_dir),
    )


def _any_address(address: str) -> bool:
    return True


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    try:
        yield
    finally:
        await services.watches.close()
        await services.fetches.close()
        await services.deletion.close()
        await services.arrivals.close()
        services.staging.close()


async def _forget_client(request: Request, error: ClientDisconnect) -> Response:
    """The client left in the middle of its request; nobody reads this answer."""
    return Response(status_code=400)
