"""Sources as ffmpeg can open them: a local file, or a URL of a server on the loopback interface.

The server answers ranges out of the store, and waits for what has not arrived yet, so that an
upload can be packaged while it goes on and no source is ever copied whole.

ffmpeg takes an answer that ends early for the end of the source. So what cannot be read ends the
run that reads it, and its answer never ends.
"""

import asyncio
import math
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from packager.cell import Cell
from packager.inputs import Inputs
from packager.source_bytes import SourceBytes
from streamer.core.byte_range import Span, Unsatisfiable, content_range, parse_range
from streamer.core.errors import StreamerError
from streamer.core.keys import source_key
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore

_HOST = "127.0.0.1"
_SHUTDOWN_SECONDS = 1.0
_ANY_PART, _FROM_THE_BEGINNING = "any-part", "from-the-beginning"


@dataclass(frozen=True, slots=True)
class Source:
    """One source that is being read.

    Attributes:
        data: Its bytes.
        any_part: What ffmpeg opens to read any part of it, in any order.
        from_the_beginning: What ffmpeg opens to read it once, in the order of its bytes, without
            looking at its end first.
    """

    data: SourceBytes
    any_part: str
    from_the_beginning: str

    @property
    def arrived(self) -> str:
        """What ffmpeg opens to read what has arrived by now, as if that were all."""
        if self.data.is_complete:
            return self.any_part
        return f"{self.any_part}/{self.data.received_bytes}"


class _Reading:
    """One source while it is open, and the runs that read it."""

    def __init__(self, data: SourceBytes) -> None:
        self.data = data
        self._runs: set[asyncio.Future[None]] = set()

    def fail(self, error: StreamerError) -> None:
        """End the runs."""
        for run in self._runs:
            if not run.done():
                run.set_exception(error)

    async def failure(self) -> None:
        """Never return; raise what keeps the source from being read."""
        run = asyncio.get_running_loop().create_future()
        self._runs.add(run)
        try:
            await run
        finally:
            self._runs.discard(run)


class Sources(Inputs):
    """The sources that this worker reads; an async context manager.

    Args:
        store: Where they lie.
        catalog: Knows how much of them has arrived.
        cell: The network that they are served in; None: this machine's.
    """

    def __init__(self, store: ObjectStore, catalog: Catalog, cell: Cell | None) -> None:
        self._store = store
        self._catalog = catalog
        self._cell = cell
        self._served: dict[str, _Reading] = {}
        app = web.Application()
        app.router.add_get("/{token}/{way}", self._serve)
        app.router.add_get("/{token}/{way}/{length:[0-9]{1,18}}", self._serve)  # Source.arrived
        # Whoever waits for bytes when its reader has left waits for nothing.
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        self._url = ""

    async def __aenter__(self) -> "Sources":
        await self._runner.setup()
        site: web.BaseSite = web.TCPSite(self._runner, _HOST, 0)
        if self._cell is not None:
            site = web.SockSite(self._runner, self._cell.listener)
        await site.start()
        port = self._runner.addresses[0][1]
        self._url = f"http://{_HOST}:{port}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._runner.cleanup()

    @asynccontextmanager
    async def open(
        self, video_id: str, *, pause_seconds: float = math.inf
    ) -> AsyncGenerator[Source]:
        """A video's source, as far as it has arrived.

        What reads it while no bytes come for `pause_seconds` ends with SourcePausedError.

        Raises:
            NotFound: There is none.
        """
        video = await self._catalog.get_video(video_id)
        data = SourceBytes(self._store, self._catalog, video, pause_seconds)
        path = self._store.local_path(source_key(video_id))
        if data.is_complete and path is not None and await asyncio.to_thread(path.exists):
            yield Source(data, str(path), str(path))
            return
        token = secrets.token_urlsafe()
        self._served[token] = _Reading(data)
        try:
            base = f"{self._url}/{token}"
            yield Source(data, f"{base}/{_ANY_PART}", f"{base}/{_FROM_THE_BEGINNING}")
        finally:
            del self._served[token]

    def is_awaited(self, command: Sequence[str]) -> bool:
        """Whether a command stands still because its source has not arrived yet."""
        reading = self._read_by(command)
        return reading is not None and reading.data.waiting > 0

    async def failure(self, command: Sequence[str]) -> None:
        """Never return; raise what keeps a command from reading its source."""
        reading = self._read_by(command)
        await (super().failure(command) if reading is None else reading.failure())

    def _read_by(self, command: Sequence[str]) -> _Reading | None:
        for token, reading in self._served.items():
            if any(token in argument for argument in command):
                return reading
        return None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        reading = self._served.get(request.match_info["token"])
        if reading is None:
            raise web.HTTPNotFound
        data = reading.data
        if request.match_info["way"] == _FROM_THE_BEGINNING:
            response = web.StreamResponse()
            span = Span(0, data.length_bytes)
        else:
            length_bytes = int(request.match_info.get("length", data.length_bytes))
            response, span = _answer_range(request, min(length_bytes, data.length_bytes))
        await response.prepare(request)
        with suppress(ConnectionError):
            try:
                async for piece in data.read(span.start, span.stop):
                    await response.write(piece)
                await response.write_eof()
            except StreamerError as error:
                reading.fail(error)
                await asyncio.Event().wait()
        return response


def _answer_range(request: web.Request, length_bytes: int) -> tuple[web.StreamResponse, Span]:
    selected = parse_range(request.headers.get("Range", ""), length_bytes)
    if isinstance(selected, Unsatisfiable):
        raise web.HTTPRequestRangeNotSatisfiable
    if not isinstance(selected, tuple):
        response, span = web.StreamResponse(), Span(0, length_bytes)
    else:
        span = selected[0]
        response = web.StreamResponse(status=206)
        response.headers["Content-Range"] = content_range(span, length_bytes)
    response.headers["Accept-Ranges"] = "bytes"
    response.content_length = span.length
    return response, span
