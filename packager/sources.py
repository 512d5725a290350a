"""Sources as ffmpeg can open them: a local file, or a URL of a server on the loopback interface.

The server answers ranges out of the store, and waits for what has not arrived yet, so that an
upload can be packaged while it goes on and no source is ever copied whole.

ffmpeg takes an answer that ends early for the end of the source. So what cannot be read ends the
run that reads it, and its answer never ends.
"""

import asyncio
import math
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from packager.cell import Cell
from packager.clock_shifts import ClockShifts
from packager.entries import NOTHING, LeftOut, read_in_order
from packager.inputs import Inputs
from packager.patience import outlast
from packager.source_bytes import SourceBytes
from packager.waits import Waits
from streamer.core.byte_range import Span, Unsatisfiable, content_range, parse_range
from streamer.core.errors import StreamerError
from streamer.core.keys import source_key
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore

_HOST = "127.0.0.1"
_SHUTDOWN_SECONDS = 1.0
_ANY_PART, _FROM_THE_BEGINNING = "any-part", "from-the-beginning"
_FRAGMENTS = "fragments"
# Of the sources that were read last.
_MOST_CLOCKS = 64


@dataclass(frozen=True, slots=True)
class Source:
    """One source that is being read.

    Attributes:
        data: Its bytes.
        any_part: What ffmpeg opens to read any part of it, in any order.
        from_the_beginning: What ffmpeg opens to read it once, in the order of its bytes, without
            looking at its end first. The clock of an MPEG stream does not jump there.
        clock: Where the clock of an MPEG stream jumps otherwise.
    """

    data: SourceBytes
    any_part: str
    from_the_beginning: str
    clock: ClockShifts

    @property
    def arrived(self) -> str:
        """What ffmpeg opens to read what has arrived by now, as if that were all."""
        if self.data.is_complete:
            return self.any_part
        return f"{self.any_part}/{self.data.received_bytes}"

    def leaving_out(self, part: LeftOut) -> str:
        """What ffmpeg opens to read it once, in order, but for a part of it."""
        follows = _FRAGMENTS if part.is_fragmented else part.ticks
        return f"{self.from_the_beginning}/{part.start}-{part.stop}/{follows}"


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
        self._clocks: OrderedDict[str, ClockShifts] = OrderedDict()
        app = web.Application()
        any_part = f"/{{token}}/{_ANY_PART}"
        app.router.add_get(any_part, self._serve_any_part)
        app.router.add_get(f"{any_part}/{{length:[0-9]{{1,18}}}}", self._serve_any_part)
        in_order = f"/{{token}}/{_FROM_THE_BEGINNING}"
        app.router.add_get(in_order, self._serve_in_order)
        left_out = "{start:[0-9]{1,18}}-{stop:[0-9]{1,18}}"
        follows = f"{{follows:{_FRAGMENTS}|[0-9]{{1,10}}}}"
        app.router.add_get(f"{in_order}/{left_out}/{follows}", self._serve_in_order)
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
        video = await outlast(lambda: self._catalog.get_video(video_id))
        data = SourceBytes(self._store, self._catalog, video, pause_seconds)
        token = secrets.token_urlsafe()
        base = f"{self._url}/{token}"
        any_part = f"{base}/{_ANY_PART}"
        path = self._store.local_path(source_key(video_id))
        if data.is_complete and path is not None and await asyncio.to_thread(path.exists):
            any_part = str(path)
        self._served[token] = _Reading(data)
        try:
            yield Source(data, any_part, f"{base}/{_FROM_THE_BEGINNING}", self._clock(video_id))
        finally:
            del self._served[token]

    def _clock(self, video_id: str) -> ClockShifts:
        clock = self._clocks.setdefault(video_id, ClockShifts())
        self._clocks.move_to_end(video_id)
        if len(self._clocks) > _MOST_CLOCKS:
            self._clocks.popitem(last=False)
        return clock

    def waits(self, command: Sequence[str]) -> Waits:
        """Where a command waits for its source: to arrive, and for the store."""
        reading = self._read_by(command)
        return super().waits(command) if reading is None else reading.data.waits

    async def failure(self, command: Sequence[str]) -> None:
        """Never return; raise what keeps a command from reading its source."""
        reading = self._read_by(command)
        await (super().failure(command) if reading is None else reading.failure())

    def _read_by(self, command: Sequence[str]) -> _Reading | None:
        for token, reading in self._served.items():
            if any(token in argument for argument in command):
                return reading
        return None

    def _reading(self, request: web.Request) -> _Reading:
        reading = self._served.get(request.match_info["token"])
        if reading is None:
            raise web.HTTPNotFound
        return reading

    async def _serve_any_part(self, request: web.Request) -> web.StreamResponse:
        reading = self._reading(request)
        data = reading.data
        length_bytes = int(request.match_info.get("length", data.length_bytes))
        response, span = _answer_range(request, min(length_bytes, data.length_bytes))
        return await _send(request, response, reading, data.read(span.start, span.stop))

    async def _serve_in_order(self, request: web.Request) -> web.StreamResponse:
        reading = self._reading(request)
        pieces = read_in_order(reading.data, _left_out(request.match_info))
        return await _send(request, web.StreamResponse(), reading, pieces)


def _left_out(info: Mapping[str, str]) -> LeftOut:
    if "follows" not in info:
        return NOTHING
    start, stop, follows = int(info["start"]), int(info["stop"]), info["follows"]
    if follows == _FRAGMENTS:
        return LeftOut(start, stop, is_fragmented=True)
    return LeftOut(start, stop, ticks=int(follows))


async def _send(
    request: web.Request,
    response: web.StreamResponse,
    reading: _Reading,
    pieces: AsyncGenerator[bytes],
) -> web.StreamResponse:
    # Whoever leaves closes what was opened for it.
    async with aclosing(pieces):
        with suppress(ConnectionError):
            await response.prepare(request)
            try:
                async for piece in pieces:
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
