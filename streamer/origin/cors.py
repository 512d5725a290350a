"""Cross-origin access: players on other sites may read, uploaders may send.

Nothing here depends on who asks: no cookies are used, and what writes needs the API token.
"""

from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.origin.upload_routes import PREFIX as UPLOADS

_MAX_AGE_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Policy:
    """What other sites may do below a path."""

    path: str
    methods: str
    request_headers: str
    exposed_headers: str


PLAYBACK = Policy(
    path="/v/",
    # Licenses are asked for with POST, as JSON.
    methods="GET, HEAD, POST, OPTIONS",
    request_headers=(
        "Content-Type, Range, If-Range, If-None-Match, Cache-Control, "
        "CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status"
    ),
    exposed_headers=("Content-Length, Content-Range, ETag, Cache-Status, Age, Date, Server-Timing"),
)
UPLOAD = Policy(
    path=UPLOADS,
    methods="POST, GET, HEAD, PATCH, DELETE, OPTIONS",
    request_headers=(
        # Upload-Concat for its refusal, whose reason a preflight would hide.
        "Authorization, Content-Type, Tus-Resumable, Upload-Checksum, Upload-Concat, "
        "Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, "
        "X-HTTP-Method-Override, X-Request-ID, X-Requested-With"
    ),
    exposed_headers=(
        "Location, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, "
        "Tus-Version, Upload-Defer-Length, Upload-Expires, Upload-Length, Upload-Metadata, "
        "Upload-Offset"
    ),
)
_POLICIES = (PLAYBACK, UPLOAD)


class CorsMiddleware:
    """Answers preflight requests and marks the answers that other sites may read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the policy of the request's path, if it has one."""
        policy = _policy(scope["path"]) if scope["type"] == "http" else None
        if policy is None:
            await self._app(scope, receive, send)
        elif _is_preflight(scope):
            await _answer_preflight(policy, send)
        else:
            await self._app(scope, receive, _marking(policy, send))


def _policy(path: str) -> Policy | None:
    return next((policy for policy in _POLICIES if path.startswith(policy.path)), None)


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope)


async def _answer_preflight(policy: Policy, send: Send) -> None:
    headers = MutableHeaders(
        {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": policy.methods,
            "Access-Control-Allow-Headers": policy.request_headers,
            "Access-Control-Max-Age": str(_MAX_AGE_SECONDS),
            "Cache-Control": f"public, max-age={_MAX_AGE_SECONDS}",
        }
    )
    await send({"type": "http.response.start", "status": 204, "headers": headers.raw})
    await send({"type": "http.response.body", "body": b""})


def _marking(policy: Policy, send: Send) -> Send:
    async def mark(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = "*"
            headers["Access-Control-Expose-Headers"] = policy.exposed_headers
            if policy is PLAYBACK:
                headers["Timing-Allow-Origin"] = "*"
                headers["Cross-Origin-Resource-Policy"] = "cross-origin"
                headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return mark
