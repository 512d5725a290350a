"""The guard of everything that writes: a bearer token (RFC 6750).

Without a configured token the server listens on loopback only, so the caller is a process of this
machine; that includes browsers, which send requests for any site they show. Those name the site in
`Origin`, and are refused unless the site is of this machine, too.
"""

import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import SecretStr

from streamer.core.errors import Unauthorized

Guard = Callable[[Request], Awaitable[None]]


def bearer_guard(token: SecretStr) -> Guard:
    """A dependency that raises Unauthorized unless the request may write."""
    secret = token.get_secret_value().encode()

    async def require_token(request: Request) -> None:
        if not secret:
            _refuse_foreign_site(request.headers.get("origin"))
        elif not hmac.compare_digest(_presented(request.headers.get("authorization")), secret):
            raise Unauthorized("This needs the API token: Authorization: Bearer …")

    return require_token


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without brackets, is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _presented(authorization: str | None) -> bytes:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip().encode() if scheme.lower() == "bearer" else b""


def _refuse_foreign_site(origin: str | None) -> None:
    if origin is None:
        return
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        host = None
    if host is None or not is_loopback(host):
        raise Unauthorized("Other sites may write only with an API token; none is configured.")
