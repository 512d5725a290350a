"""What tus asks of every request and answer, whichever route serves it."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.origin import tus
from streamer.origin.upload_routes import PREFIX

_OVERRIDES = frozenset({"PATCH", "DELETE", "HEAD"})


class TusMiddleware:
    """Honours X-HTTP-Method-Override on POST and names the protocol's version in every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply to what is below the path of uploads; leave the rest alone."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return

        async def name_version(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Tus-Resumable"] = tus.VERSION
                headers.setdefault("Cache-Control", "no-store")
                if message["status"] == 412:
                    headers["Tus-Version"] = tus.VERSION
            await send(message)

        await self._app(_with_method(scope), receive, name_version)


def _with_method(scope: Scope) -> Scope:
    override = Headers(scope=scope).get("x-http-method-override", "").upper()
    if scope["method"] == "POST" and override in _OVERRIDES:
        return {**scope, "method": override}
    return scope
