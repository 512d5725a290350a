"""An origin for edge benchmarks: objects of any size, at once or slowly, every request counted.

It takes the edge's heartbeats and gives it a log of purges.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

from bench.process import free_port

_SLOW_PIECES = 50
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Type": "video/mp4",
    "ETag": '"v1"',
}


@dataclass(slots=True)
class Upstream:
    """The running origin. `/bytes/N` and `/bytes/N/ANY` answer at once; `/slow/N/ANY` takes 1 s.

    Attributes:
        url: Where it is reached.
        requests: How often each path was asked for.
        seconds: How long each slow answer took, from its request to its last byte.
        purges: The paths to purge, oldest first.
    """

    url: str
    requests: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    purges: list[str] = field(default_factory=list)

    async def at_once(self, request: web.Request) -> web.Response:
        """Answer with the asked number of bytes."""
        self.requests[request.path] += 1
        return web.Response(body=bytes(int(request.match_info["size"])), headers=_HEADERS)

    async def slowly(self, request: web.Request) -> web.StreamResponse:
        """Answer with the asked number of bytes, evenly over one second."""
        begun_at = asyncio.get_running_loop().time()
        self.requests[request.path] += 1
        size = int(request.match_info["size"])
        response = web.StreamResponse(headers=_HEADERS)
        response.content_length = size
        with suppress(ConnectionResetError):
            await response.prepare(request)
            for piece in range(_SLOW_PIECES):
                await response.write(
                    bytes(size * (piece + 1) // _SLOW_PIECES - size * piece // _SLOW_PIECES)
                )
                self.seconds[request.path] = asyncio.get_running_loop().time() - begun_at
                await asyncio.sleep(1 / _SLOW_PIECES)
        return response

    async def purge_log(self, request: web.Request) -> web.Response:
        """Answer as the origin's log of purges does."""
        after, newest = int(request.query["after"]), len(self.purges)
        log = [{"id": n, "path": path} for n, path in enumerate(self.purges, start=1)]
        return web.json_response({"items": log[after:], "oldest": min(1, newest), "newest": newest})

    async def heartbeat(self, _: web.Request) -> web.Response:
        """Take a heartbeat."""
        return web.Response(status=204)


@asynccontextmanager
async def open_upstream() -> AsyncIterator[Upstream]:
    """An origin in this process, on a free port of the loopback address."""
    port = free_port()
    upstream = Upstream(f"http://127.0.0.1:{port}")
    app = web.Application()
    app.router.add_get("/bytes/{size}", upstream.at_once)
    app.router.add_get("/bytes/{size}/{name}", upstream.at_once)
    app.router.add_get("/slow/{size}/{name}", upstream.slowly)
    app.router.add_get("/api/v1/purges", upstream.purge_log)
    app.router.add_post("/api/v1/edges", upstream.heartbeat)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield upstream
    finally:
        await runner.cleanup()
