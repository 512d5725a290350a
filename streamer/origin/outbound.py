"""Connections to where a stranger's URL leads, as far as that is allowed.

Each address is judged when the socket to it is made, so neither the spelling of a host, nor DNS,
nor a redirect can lead anywhere else.
"""

import socket
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from streamer.core.errors import InvalidInput

MAX_URL_CHARS = 2048
_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 30.0
_NO_BASE = URL()
_SPELLED = "!#$%&'()*+,/:;=?@[]~"  # RFC 3986 §2: reserved, unreserved, already encoded
AddressRule = Callable[[str], bool]
_AddressInfo = tuple[int, int, int, str, tuple[str | bytes | int, ...]]


class PrivateAddress(OSError):
    """The address is not on the public Internet."""

    def __init__(self) -> None:
        super().__init__("the address is not on the public Internet")


def check_url(text: str, *, base: URL = _NO_BASE) -> URL:
    """The URL to fetch; InvalidInput unless it is an http or https URL.

    Args:
        text: An absolute URL, or one relative to `base`.
        base: What led to it.
    """
    if len(text) > MAX_URL_CHARS:
        raise InvalidInput("the URL is too long")
    try:
        url = _resolve(text, base)
        is_fit = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
    except ValueError as error:
        raise InvalidInput("the URL is malformed") from error
    if not is_fit:
        raise InvalidInput("the URL must begin with http:// or https://")
    if url.user is not None or url.password is not None:
        raise InvalidInput("the URL must not hold a user name or password")
    return url


def _resolve(text: str, base: URL) -> URL:
    """What `text` refers to, without its fragment, path and query spelled as there.

    Some servers verify a signature of them before they decode them.
    """
    url = URL(text)
    parts = urlsplit(text)
    server = URL.build(scheme=url.scheme, authority=url.raw_authority, encoded=True)
    target = URL.build(path=_encode(parts.path), query_string=_encode(parts.query), encoded=True)
    return base.join(server).join(target)


def _encode(text: str) -> str:
    """`text` with what no URL may hold encoded; bytes that are no UTF-8 are surrogates in it."""
    return quote(text, safe=_SPELLED, errors="surrogateescape")


def open_session(is_allowed: AddressRule) -> aiohttp.ClientSession:
    """A client without cookies, proxies or redirects of its own.

    Args:
        is_allowed: Judges each address before a connection to it is made.
    """

    def make_socket(address: _AddressInfo) -> socket.socket:
        family, kind, protocol, _, target = address
        if not is_allowed(str(target[0])):
            raise PrivateAddress
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(
        use_dns_cache=False,
        force_close=True,
        socket_factory=make_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=None, connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS
        ),
        headers={"User-Agent": "streamer", "Accept-Encoding": "identity"},
        auto_decompress=False,
        trust_env=False,
    )
