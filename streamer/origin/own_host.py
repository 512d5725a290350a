"""Without a token the API is read at names of this machine, and through proxies.

A browser lets a page read whatever its own name leads to by now (DNS rebinding); only `Host` tells
then. Proxies add `Via`, which no page can.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from streamer.core.errors import Unauthorized
from streamer.shared.bearer import is_own_host
from streamer.shared.problems import failure_response

_API = "/api/"


class OwnHostMiddleware:
    """Answers 401 to requests for the API that name another host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply to the API; leave the rest alone."""
        if scope["type"] == "http" and scope["path"].startswith(_API):
            headers = Headers(scope=scope)
            if "via" not in headers and not is_own_host(headers.get("host", "")):
                error = Unauthorized("Other names than localhost need an API token; none is set.")
                await failure_response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
