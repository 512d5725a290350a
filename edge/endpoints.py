"""What viewers connect to: HTTP; or HTTPS, with a port beside it that sends them there."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from edge.certificates import Certificates
from edge.errors import BadCertificate
from edge.hangup import on_hangup
from edge.http import Connection
from edge.listener import Listener
from edge.redirect import Redirect
from edge.settings import EdgeSettings
from edge.site import Site
from edge.tls import Tls, TlsTransport

_log = logging.getLogger(__name__)


async def open_endpoints(
    settings: EdgeSettings,
    site: Site,
    listener: Listener,
    stack: ExitStack,
    *,
    reuse_port: bool = False,
) -> int:
    """Bind the ports of a node and accept; returns the main port.

    Args:
        settings: Which ports, with which certificates.
        site: What their connections share.
        listener: Accepts.
        stack: Ends the reloading of certificates on SIGHUP.
        reuse_port: Whether other processes may listen on the same ports.

    Raises:
        BadCertificate: A certificate or its key cannot be used.
        OSError: A port cannot be bound.
    """
    bind = partial(listener.open, settings.host, reuse_port=reuse_port)
    if not settings.tls_cert:
        return await bind(settings.port, partial(Connection, site))
    certificates = Certificates(tuple(zip(settings.tls_cert, settings.tls_key, strict=True)))
    port = await bind(settings.port, _secure(site, certificates))
    if settings.redirect_port is not None:
        redirect = Redirect(_public_port(settings, port), certificates.covers)
        plain = replace(site, entries={}, handle=redirect.handle)
        await bind(settings.redirect_port, partial(Connection, plain))
    stack.enter_context(_reloading(certificates, site))
    return port


def _secure(site: Site, certificates: Certificates) -> Callable[[], TlsTransport]:
    tls = Tls(certificates.context, site.metrics.counters)
    return lambda: TlsTransport(tls, Connection(site))


def _public_port(settings: EdgeSettings, port: int) -> int:
    public = urlsplit(settings.public_url)
    return (public.port or 443) if public.scheme == "https" else port


@contextmanager
def _reloading(certificates: Certificates, site: Site) -> Iterator[None]:
    """Read certificates again on SIGHUP; if they cannot be used, the old ones stay."""

    def reload() -> None:
        try:
            certificates.reload()
        except BadCertificate as error:
            site.metrics.counters.certificate_reloads_failed += 1
            _log.error("the certificates stay as they were: %s", error.detail)
        else:
            _log.info("the certificates were read again")

    with on_hangup(reload):
        yield
