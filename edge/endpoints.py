"""What viewers connect to: HTTP; or HTTPS, with a port beside it that sends them there."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from edge.certificates import Certificates
from edge.http import Connection
from edge.listener import Listener
from edge.redirect import Redirect
from edge.settings import EdgeSettings
from edge.site import Site
from edge.tls import Tls, TlsTransport


async def open_endpoints(
    settings: EdgeSettings,
    site: Site,
    listener: Listener,
    certificates: Certificates | None,
    *,
    reuse_port: bool = False,
) -> int:
    """Bind the ports of a node and accept; returns the main port.

    Args:
        settings: Which ports.
        site: What their connections share.
        listener: Accepts.
        certificates: Those of HTTPS; None: it is HTTP.
        reuse_port: Whether other processes may listen on the same ports.

    Raises:
        OSError: A port cannot be bound.
    """
    bind = partial(listener.open, settings.host, reuse_port=reuse_port)
    if certificates is None:
        return await bind(settings.port, partial(Connection, site))
    port = await bind(settings.port, _secure(site, certificates))
    if settings.redirect_port is not None:
        redirect = Redirect(_public_port(settings, port), certificates.covers)
        plain = replace(site, entries={}, handle=redirect.handle)
        await bind(settings.redirect_port, partial(Connection, plain))
    return port


def _secure(site: Site, certificates: Certificates) -> Callable[[], TlsTransport]:
    tls = Tls(certificates.context, site.metrics.counters)
    return lambda: TlsTransport(tls, Connection(site))


def _public_port(settings: EdgeSettings, port: int) -> int:
    public = urlsplit(settings.public_url)
    return (public.port or 443) if public.scheme == "https" else port
