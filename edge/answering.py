"""What answers the requests that reach a node, and what their connections share."""

import secrets
from functools import partial
from typing import Protocol

from edge.access_log import AccessLog
from edge.aftermath import Aftermath
from edge.basis import Basis
from edge.cache import Cache
from edge.connections import Connections
from edge.core.access_lines import JsonLines, W3cLines
from edge.fills import Fills
from edge.forgetting import Forgetting
from edge.gate import Gate
from edge.metrics import Metrics
from edge.onward import FromViewers, Onward
from edge.origins import Origins
from edge.passes import Passes
from edge.prefetcher import Prefetcher
from edge.purges import PurgeLog
from edge.sender import Sender
from edge.service import Ahead, Service
from edge.settings import EdgeSettings
from edge.site import Bounds, Site, Timeouts
from edge.sliced import Sliced
from streamer.shared.open_files import allow_connections


class Answering(Protocol):
    """Makes services of one node, which share all but what differs by who asks."""

    def __call__(
        self, *, onward: Onward, metrics: Metrics, ahead: Ahead, gate: Gate | None
    ) -> Service:
        """One more."""
        ...


def make_answering(
    basis: Basis,
    cache: Cache,
    fills: Fills,
    origins: Origins,
    purges: PurgeLog,
    forgetting: Forgetting,
) -> Answering:
    """What makes the services of a node.

    Args:
        basis: The node.
        cache: What is stored.
        fills: What is being fetched.
        origins: Whom requests for one viewer alone are passed to.
        purges: What stored answers have to reflect.
        forgetting: What is done about objects that have changed.
    """
    settings, http_date = basis.settings, basis.clock.http_date
    sender = Sender(settings.name, basis.via, cache, http_date)
    return partial(
        Service,
        sender=sender,
        sliced=Sliced(sender, cache, fills, basis.counters, settings.slice_size),
        via=basis.via,
        cache=cache,
        fills=fills,
        arriving=basis.arriving,
        upstream=origins,
        passes=Passes(
            settings.upstream_connections,
            settings.upstream_queue_seconds,
            settings.trusted_proxies,
        ),
        aftermath=Aftermath(
            cache, basis.rules, forgetting.everywhere, settings.hit_for_pass_seconds
        ),
        stale_seconds=settings.stale_if_error_seconds,
        http_date=http_date,
        rules=basis.rules,
        purges=purges,
    )


def make_site(basis: Basis, cache: Cache, answering: Answering, prefetcher: Prefetcher) -> Site:
    """What viewers reach: hits out of the cache, and for all else a service of their own."""
    settings, rules = basis.settings, basis.rules
    service = answering(
        onward=FromViewers(basis.via, rules, tells_demands=basis.place is not None),
        metrics=basis.metrics,
        ahead=prefetcher,
        gate=Gate(rules),
    )
    return Site(
        entries=cache.entries,
        clock=basis.clock,
        metrics=basis.metrics,
        timeouts=_timeouts(settings),
        bounds=_bounds(settings),
        handle=service.handle,
        on_fetch=prefetcher.viewed_entry,
        access_log=_make_access_log(basis),
        connections=Connections(
            basis.counters,
            allow_connections(settings.max_connections),
            settings.max_connections_per_address,
            settings.trusted_proxies,
        ),
        rules=rules,
        trusted_proxies=settings.trusted_proxies,
    )


def _make_access_log(basis: Basis) -> AccessLog | None:
    settings = basis.settings
    if settings.access_log is None:
        return None
    if settings.access_log_format == "json":
        return AccessLog(settings.access_log, JsonLines(), basis.counters)
    lines = W3cLines(settings.name, f"{basis.id}-{secrets.token_hex(4)}-")
    return AccessLog(settings.access_log, lines, basis.counters)


def _timeouts(settings: EdgeSettings) -> Timeouts:
    return Timeouts(
        head=settings.head_timeout_seconds,
        idle=settings.idle_timeout_seconds,
        write=settings.write_timeout_seconds,
        body=settings.body_timeout_seconds,
    )


def _bounds(settings: EdgeSettings) -> Bounds:
    return Bounds(
        request_body_bytes=settings.max_request_body,
        read_bytes_per_second=settings.min_read_rate,
        write_bytes_per_second=settings.min_write_rate,
    )
