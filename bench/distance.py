"""An origin that is far away: a relay that lets every request wait for a round trip."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from bench.process import free_port

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "host"})
_DEADLINE = aiohttp.ClientTimeout(total=60)


@asynccontextmanager
async def at_distance(origin_url: str, *, latency_seconds: float) -> AsyncIterator[str]:
    """The URL of a relay to the origin that adds a latency to each request."""
    async with aiohttp.ClientSession(
        timeout=_DEADLINE, auto_decompress=False, connector=aiohttp.TCPConnector(limit=0)
    ) as session:

        async def relay(request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(latency_seconds)
            async with session.request(
                request.method,
                origin_url + request.raw_path,
                headers=_end_to_end(request.headers.items()),
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                response = web.StreamResponse(
                    status=answer.status, headers=_end_to_end(answer.headers.items())
                )
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
            return response

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", relay)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            port = free_port()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


def _end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
