"""What the routes of one origin process share."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from streamer.origin.arrivals import Arrivals
from streamer.origin.deletion import Deletion
from streamer.origin.events import Watches
from streamer.origin.fetch import Fetches
from streamer.origin.metrics import Metrics
from streamer.origin.packaging_queue import PackagingQueue
from streamer.origin.reconcile import Reconciler
from streamer.origin.resources import Presenter
from streamer.origin.settings import OriginSettings
from streamer.origin.staging import Staging
from streamer.origin.subtitles import SubtitlesShelf
from streamer.origin.uploads import Uploads
from streamer.origin.webhooks import WebhookSender
from streamer.origin.writers import Writers
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class Services:
    """Made once in `create_app`; routes take it as a dependency."""

    settings: OriginSettings
    store: ObjectStore
    catalog: Catalog
    jobs: PackagingQueue
    staging: Staging
    arrivals: Arrivals
    writers: Writers
    uploads: Uploads
    fetches: Fetches
    deletion: Deletion
    reconciler: Reconciler
    presenter: Presenter
    watches: Watches
    subtitles: SubtitlesShelf
    webhooks: WebhookSender
    metrics: Metrics
    playback_secret: bytes


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


FromServices = Annotated[Services, Depends(_services)]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)
