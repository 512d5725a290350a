"""The guard of everything that writes: a bearer token (RFC 6750).

Without a configured token the server listens on loopback only, so the caller is a process of this
machine; that includes browsers, which send requests for any site they show, and proxies, which send
them for anybody. Browsers name the site in `Origin`, or in `Host` where its name leads here (DNS
rebinding), and are refused unless the site is of this machine, too. Proxies name themselves.
"""

import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import SecretStr
from starlette.datastructures import Headers

from streamer.core.errors import Unauthorized

Guard = Callable[[Request], Awaitable[None]]

_OF_PROXIES = ("via", "forwarded", "cdn-loop")
_OF_PROXIES_BEGIN = "x-forwarded-"


def bearer_guard(token: SecretStr) -> Guard:
    """A dependency that raises Unauthorized unless the request may write."""
    secret = token.get_secret_value().encode()

    async def require_token(request: Request) -> None:
        if not secret:
            _refuse_others(request.headers)
        elif not hmac.compare_digest(_presented(request.headers.get("authorization")), secret):
            raise Unauthorized("This needs the API token: Authorization: Bearer …")

    return require_token


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address without brackets, is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_own_host(host: str) -> bool:
    """Whether a `Host` field, with or without a port, names this machine."""
    return _is_own(f"//{host}")


def _presented(authorization: str | None) -> bytes:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip().encode() if scheme.lower() == "bearer" else b""


def _refuse_others(headers: Headers) -> None:
    """Raise Unauthorized unless this machine asks for itself."""
    origin = headers.get("origin")
    is_own_site = is_own_host(headers.get("host", "")) and (origin is None or _is_own(origin))
    if not is_own_site or any(map(_is_of_proxies, headers)):
        raise Unauthorized(
            "Other sites and machines may write only with an API token; none is configured."
        )


def _is_own(url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)


def _is_of_proxies(name: str) -> bool:
    return name in _OF_PROXIES or name.startswith(_OF_PROXIES_BEGIN)
