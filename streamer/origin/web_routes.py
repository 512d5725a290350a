"""The browser UI, as Vite built it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import streamer

DIST = Path(streamer.__file__).parent / "web" / "dist"
_SECURITY = {
    # Players fetch from any edge, hls.js feeds the <video> and its worker from blob: URLs, text
    # tracks from data: ones.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data: blob: http: https:; font-src 'self'; connect-src *; "
        "media-src 'self' blob: data: http: https:; worker-src 'self' blob:; manifest-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def add_web(app: FastAPI, dist: Path) -> None:
    """Serve the library page, the player page and their assets from `dist`."""
    router = APIRouter(include_in_schema=False)
    for path, page in (("/", "index.html"), ("/watch/{video_id}", "watch.html")):
        endpoint = _page_endpoint(dist / page)
        router.add_api_route(path, endpoint, methods=["GET", "HEAD"])
    app.include_router(router)
    app.mount("/assets", _Assets(directory=dist / "assets", check_dir=False))


def _page_endpoint(path: Path) -> Callable[[], Awaitable[Response]]:
    async def get_page() -> Response:
        if not await asyncio.to_thread(path.is_file):
            return PlainTextResponse(
                "The web UI is not built: run `make install`. The API works without it.\n",
                status_code=503,
            )
        return FileResponse(path, headers=_SECURITY)

    return get_page


class _Assets(StaticFiles):
    """Files whose names change with their bytes; none when the UI is not built."""

    async def check_config(self) -> None:
        """A missing directory is no mistake: the pages say what to do."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, to be kept for ever."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
