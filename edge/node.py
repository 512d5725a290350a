"""One edge node: its parts, wired."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from edge.access_log import AccessLog
from edge.admin import create_admin, serving
from edge.aftermath import Aftermath
from edge.arriving import Arriving
from edge.behaviour_file import BehaviourFile, read_behaviours
from edge.cache import Cache
from edge.clock import Clock
from edge.connections import Connections
from edge.core.access_lines import JsonLines, W3cLines
from edge.core.prefetch import PlaylistIndex
from edge.disk import DirectoryLock, DiskFiles
from edge.endpoints import open_endpoints
from edge.explain import Explainer
from edge.fills import FillLimits, Fills
from edge.forgetting import Forgetting
from edge.gate import Gate
from edge.hangup import on_hangup
from edge.heartbeat import Heartbeat, describe, edge_id
from edge.listener import Listener
from edge.metrics import Metrics
from edge.onward import FromViewers
from edge.origins import Origins
from edge.owner import open_owner_first
from edge.passes import Passes
from edge.place import Place
from edge.prefetcher import Prefetcher
from edge.purges import PurgeLog, read_position
from edge.purging import Purging
from edge.rereading import Rereading
from edge.rules import Rules
from edge.sender import Sender
from edge.service import Service
from edge.settings import EdgeSettings
from edge.site import Bounds, Site, Timeouts
from edge.sliced import Sliced
from edge.team import open_team
from edge.upstream import Source
from edge.upstreams import open_upstreams, upstream_limits
from streamer.shared.open_files import allow_connections

_MIN_IN_FLIGHT_BYTES = 64 * 1024**2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ports:
    """What a node listens on."""

    port: int
    admin_port: int


@dataclass(frozen=True, slots=True)
class Node:
    """The parts of a running node."""

    settings: EdgeSettings
    id: str
    clock: Clock
    metrics: Metrics
    cache: Cache
    fills: Fills
    prefetcher: Prefetcher
    site: Site
    listener: Listener
    answering: Callable[..., Service]
    forgetting: Forgetting
    purges: PurgeLog
    explainer: Explainer
    rereading: Rereading | None

    @classmethod
    async def open(
        cls, settings: EdgeSettings, stack: AsyncExitStack, place: Place | None = None
    ) -> "Node":
        """Make the parts; `stack` closes them.

        Args:
            settings: How to serve.
            stack: Closes what is opened.
            place: Which of several workers of a node this is, whose supervisor holds the cache
                directory; None: it is the node.
        """
        clock, metrics = Clock(), Metrics(settings.region)
        if place is None and settings.cache_dir is not None:
            stack.enter_context(await asyncio.to_thread(DirectoryLock, settings.cache_dir))
        file = BehaviourFile()
        if settings.behaviours is not None:
            file = await asyncio.to_thread(read_behaviours, settings.behaviours)
        rules = Rules(file.behaviours)
        identity = edge_id(settings.cache_dir) if place is None else place.node
        via = f"1.1 {settings.name}-{identity[:8]}"
        cache = await _open_cache(settings, clock, metrics, rules, place)
        stack.push_async_callback(cache.close)
        position = await asyncio.to_thread(read_position, settings.purge_position)
        upstreams = await stack.enter_async_context(
            open_upstreams(settings, position, node=f"{settings.name}-{identity[:8]}")
        )
        origins = Origins(upstreams, rules, upstream_limits(settings), stack)
        await origins.adopt(file.origins)
        metrics.others.append(origins.families)
        source: Source = origins
        team = None
        if place is not None:
            team = await stack.enter_async_context(open_team(place))
            owner_first = open_owner_first(settings, place, origins, position, via=via)
            source = await stack.enter_async_context(owner_first)
        index = PlaylistIndex(settings.prefetch_segments, lambda: rules.current.beside)
        prefetcher = Prefetcher(
            index,
            cache,
            clock,
            metrics.counters,
            rules,
            via=via,
            concurrency=settings.prefetch_concurrency,
            team=team,
        )
        limits = _limits(settings)
        arriving = Arriving(rules)
        fills = Fills(
            source,
            cache,
            clock,
            metrics.counters,
            via=via,
            limits=limits,
            rules=rules,
            arriving=arriving,
            on_stored=prefetcher.stored,
        )
        stack.push_async_callback(fills.close)
        forgetting = Forgetting(cache, arriving, team)
        purges = await stack.enter_async_context(
            PurgeLog(
                settings.origin,
                Purging(cache, arriving, metrics.counters).obey,
                metrics.counters,
                position,
                settings.purge_position if place is None else None,
                settings.purge_interval_seconds,
            )
        )
        sender = Sender(settings.name, via, cache, clock.http_date)
        answering = partial(
            Service,
            sender=sender,
            sliced=Sliced(sender, cache, fills, metrics.counters, limits.slice_bytes),
            via=via,
            cache=cache,
            fills=fills,
            arriving=arriving,
            upstream=origins,
            passes=Passes(
                settings.upstream_connections,
                settings.upstream_queue_seconds,
                settings.trusted_proxies,
            ),
            aftermath=Aftermath(cache, rules, forgetting.everywhere, settings.hit_for_pass_seconds),
            stale_seconds=settings.stale_if_error_seconds,
            http_date=clock.http_date,
            rules=rules,
            purges=purges,
        )
        service = answering(
            onward=FromViewers(via, rules, tells_demands=place is not None),
            metrics=metrics,
            ahead=prefetcher,
            gate=Gate(rules),
        )
        site = Site(
            entries=cache.entries,
            clock=clock,
            metrics=metrics,
            timeouts=_timeouts(settings),
            bounds=_bounds(settings),
            handle=service.handle,
            on_fetch=prefetcher.viewed_entry,
            access_log=_open_access_log(settings, identity, metrics),
            connections=Connections(
                metrics.counters,
                allow_connections(settings.max_connections),
                settings.max_connections_per_address,
                settings.trusted_proxies,
            ),
            rules=rules,
            trusted_proxies=settings.trusted_proxies,
        )
        listener = Listener(site.connections, clock)
        rereading = None
        if settings.behaviours is not None:
            rereading = Rereading(
                settings.behaviours, file, rules, origins, cache, arriving, metrics.counters
            )
            stack.enter_context(on_hangup(rereading.want))
        return cls(
            settings=settings,
            id=identity,
            clock=clock,
            metrics=metrics,
            cache=cache,
            fills=fills,
            prefetcher=prefetcher,
            site=site,
            listener=listener,
            answering=answering,
            forgetting=forgetting,
            purges=purges,
            rereading=rereading,
            explainer=Explainer(rules, cache, fills, index, origins.would_ask),
        )

    async def serve(self, stack: AsyncExitStack) -> Ports:
        """Start the tasks and open both ports; `stack` ends them."""
        settings = self.settings
        port = await self.open_listener(stack)
        admin = create_admin(
            self.explainer.explain, self.metrics, self.gauges, lambda: self.listener.is_accepting
        )
        admin_port = await stack.enter_async_context(
            serving(admin, settings.admin_host, settings.admin_port)
        )
        heartbeat = Heartbeat(
            settings.origin,
            settings.api_token.get_secret_value(),
            self.metrics.counters,
            lambda: describe(settings, self.id, port),
        )
        works = [
            *self.works(),
            self.purges.run(),
            heartbeat.run(settings.heartbeat_seconds),
        ]
        await stack.enter_async_context(running(works))
        return Ports(port, admin_port)

    async def open_listener(self, stack: AsyncExitStack, *, reuse_port: bool = False) -> int:
        """Accept viewers, on a port that other processes may share; returns the port."""
        settings = self.settings
        reloading = stack.enter_context(ExitStack())
        port = await open_endpoints(
            settings, self.site, self.listener, reloading, reuse_port=reuse_port
        )
        stack.push_async_callback(self.listener.close, 0.0)
        return port

    def works(self) -> list[Coroutine[None, None, None]]:
        """What has to run while viewers are served."""
        works = [
            self.clock.run(self.metrics.loop_lag.observe),
            self.listener.sweep(),
            self.cache.recover(),
            self.prefetcher.run(self.fills),
        ]
        if self.site.access_log is not None:
            works.append(self.site.access_log.run())
        if self.rereading is not None:
            works.append(self.rereading.run())
        return works

    def gauges(self) -> dict[str, float]:
        """Present levels, for the metrics."""
        cache = self.cache
        return {
            "connections_open": len(self.site.connections),
            "fills_in_flight": len(self.fills),
            "fills_in_flight_bytes": self.fills.held_bytes,
            "memory_bytes": cache.memory.used_bytes,
            "memory_capacity_bytes": cache.memory.capacity_bytes,
            "memory_objects": len(cache.memory),
            "disk_bytes": cache.disk.used_bytes,
            "disk_capacity_bytes": cache.disk.capacity_bytes,
            "disk_objects": len(cache.disk),
            "prefetch_unused_bytes": cache.memory.waiting_bytes,
        }


async def _open_cache(
    settings: EdgeSettings, clock: Clock, metrics: Metrics, rules: Rules, place: Place | None
) -> Cache:
    directory = settings.cache_dir
    files = None
    if directory is not None:
        worker = 0 if place is None else place.number
        files = await asyncio.to_thread(DiskFiles, directory, metrics.counters, worker)
    return Cache(
        settings.name,
        clock,
        metrics.counters,
        memory_bytes=settings.memory_size,
        disk=files,
        disk_bytes=0 if files is None else settings.disk_size,
        disk_files=settings.disk_files,
        owns=(lambda _: True) if place is None else place.owns,
        is_current=rules.is_current,
    )


def _open_access_log(settings: EdgeSettings, identity: str, metrics: Metrics) -> AccessLog | None:
    if settings.access_log is None:
        return None
    if settings.access_log_format == "json":
        return AccessLog(settings.access_log, JsonLines(), metrics.counters)
    lines = W3cLines(settings.name, f"{identity}-{secrets.token_hex(4)}-")
    return AccessLog(settings.access_log, lines, metrics.counters)


def _limits(settings: EdgeSettings) -> FillLimits:
    return FillLimits(
        object_bytes=min(settings.max_object_size, settings.memory_size // 2),
        in_flight_bytes=max(_MIN_IN_FLIGHT_BYTES, settings.memory_size // 2),
        negative_seconds=settings.negative_seconds,
        stale_seconds=settings.stale_if_error_seconds,
        unsliced_bytes=settings.slice_threshold,
        slice_bytes=settings.slice_size,
    )


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


@asynccontextmanager
async def running(works: list[Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Run tasks in the background. One that fails ends the node: none of them may be missing."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
