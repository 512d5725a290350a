"""What Prometheus may know of one origin process."""

from collections.abc import AsyncIterator
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.core.video import VideoState
from streamer.shared.catalog import Catalog

_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0)
_UNFINISHED = (VideoState.UPLOADING, VideoState.PROBING, VideoState.PACKAGING)


class Metrics:
    """Counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "streamer_origin_requests_total",
            "Requests by route, method and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "streamer_origin_request_seconds",
            "From a request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.uploaded_bytes = Counter(
            "streamer_origin_uploaded_bytes_total",
            "Bytes received of uploads.",
            registry=self._registry,
        )
        self.sent_bytes = Counter(
            "streamer_origin_playback_bytes_total",
            "Bytes of segments, manifests and pictures that were sent.",
            registry=self._registry,
        )
        self._videos = Gauge(
            "streamer_videos",
            "Videos that are not finished, by state.",
            ("state",),
            registry=self._registry,
        )

    async def count_uploaded(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same pieces, counted."""
        async for piece in pieces:
            self.uploaded_bytes.inc(len(piece))
            yield piece

    async def render(self, catalog: Catalog) -> bytes:
        """The exposition text; the catalog is asked for the videos."""
        videos = await catalog.in_state(*_UNFINISHED)
        for state in _UNFINISHED:
            count = sum(video.state is state for video in videos)
            self._videos.labels(state).set(count)
        return generate_latest(self._registry)


class MetricsMiddleware:
    """Counts every request under the route that answered it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application and note how it answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.requests.labels(route, scope["method"], status).inc()
            self._metrics.seconds.labels(route).observe(perf_counter() - began)
