"""One edge node: its parts, wired."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from edge.admin import create_admin, serving
from edge.answering import Answering, make_answering, make_site
from edge.basis import Basis, open_basis
from edge.behaviour_file import Read
from edge.cache import Cache
from edge.certificates import Certificates
from edge.clock import Clock
from edge.core.prefetch import PlaylistIndex
from edge.disk import DiskFiles
from edge.endpoints import open_endpoints
from edge.entry import Entry
from edge.explain import Explainer
from edge.fill import Fill
from edge.fills import FillLimits, Fills
from edge.forgetting import Forgetting
from edge.hangup import hangups
from edge.heartbeat import Heartbeat, describe
from edge.in_force import InForce, follow
from edge.listener import Listener
from edge.metrics import Metrics
from edge.origins import open_origins
from edge.owner import open_owner_first
from edge.place import Place
from edge.prefetcher import Prefetcher
from edge.purges import PurgeLog
from edge.purging import make_purge_log
from edge.rereading import Rereading, make_rereading
from edge.rules import Rules
from edge.settings import EdgeSettings
from edge.site import Site
from edge.team import Team, open_team
from edge.upstream import Source

_MIN_IN_FLIGHT_BYTES = 64 * 1024**2


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
    rules: Rules
    cache: Cache
    fills: Fills
    prefetcher: Prefetcher
    site: Site
    listener: Listener
    answering: Answering
    forgetting: Forgetting
    purges: PurgeLog
    explainer: Explainer
    rereading: Rereading | None
    certificates: Certificates | None
    files: InForce | None
    hangup: asyncio.Event
    taking_in: asyncio.Lock

    @classmethod
    async def open(
        cls,
        settings: EdgeSettings,
        stack: AsyncExitStack,
        place: Place | None = None,
        read: Read | None = None,
    ) -> "Node":
        """Make the parts; `stack` closes them.

        Args:
            settings: How to serve.
            stack: Closes what is opened.
            place: Which of several workers of a node this is, whose supervisor holds the cache
                directory; None: it is the node.
            read: Reads what that supervisor has read of the files that the settings name.
        """
        enter = stack.enter_async_context
        hangup = stack.enter_context(hangups())  # one that comes while files are read is not lost
        basis = await enter(open_basis(settings, place, read))
        clock, metrics, rules = basis.clock, basis.metrics, basis.rules
        cache = await enter(_open_cache(basis))
        origins = await enter(open_origins(basis))
        metrics.others.append(origins.families)
        source: Source = origins
        team = None
        if place is not None:
            team = await enter(open_team(place))
            source = await enter(open_owner_first(basis, place, origins))
        index = PlaylistIndex(settings.prefetch_segments, lambda: rules.current.beside)
        prefetcher = _make_prefetcher(basis, index, cache, team)
        fills = await enter(_open_fills(basis, source, cache, prefetcher.stored))
        forgetting = Forgetting(cache, basis.arriving, team)
        purges = await enter(make_purge_log(basis, cache))
        answering = make_answering(basis, cache, fills, origins, purges, forgetting)
        site = make_site(basis, cache, answering, prefetcher)
        return cls(
            settings=settings,
            id=basis.id,
            clock=clock,
            metrics=metrics,
            rules=rules,
            cache=cache,
            fills=fills,
            prefetcher=prefetcher,
            site=site,
            listener=Listener(site.connections, clock),
            answering=answering,
            forgetting=forgetting,
            purges=purges,
            explainer=Explainer(rules, cache, fills, index, origins.would_ask),
            rereading=make_rereading(basis, cache, origins),
            certificates=_open_certificates(basis),
            files=basis.files,
            hangup=hangup,
            taking_in=asyncio.Lock(),
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
        port = await open_endpoints(
            settings, self.site, self.listener, self.certificates, reuse_port=reuse_port
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
        files = self.files
        if files is not None:
            works.append(follow(files, self.hangup, lambda: self.take_in(files.read)))
        return works

    async def take_in(self, read: Read) -> None:
        """Go by what the files say now, which is right."""
        async with self.taking_in:
            if self.certificates is not None:
                self.certificates.reload(read)
            if self.rereading is not None:
                await self.rereading.take_in(read)

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


@asynccontextmanager
async def _open_cache(basis: Basis) -> AsyncIterator[Cache]:
    """What a node, or one worker of it, has stored."""
    settings, place = basis.settings, basis.place
    files = None
    if settings.cache_dir is not None:
        worker = 0 if place is None else place.number
        files = await asyncio.to_thread(DiskFiles, settings.cache_dir, basis.counters, worker)
    cache = Cache(
        settings.name,
        basis.clock,
        basis.counters,
        memory_bytes=settings.memory_size,
        disk=files,
        disk_bytes=0 if files is None else settings.disk_size,
        disk_files=settings.disk_files,
        owns=(lambda _: True) if place is None else place.owns,
        is_current=basis.rules.is_current,
    )
    try:
        yield cache
    finally:
        await cache.close()


def _open_certificates(basis: Basis) -> Certificates | None:
    settings = basis.settings
    return Certificates(settings.tls_pairs, basis.read) if settings.tls_cert else None


def _make_prefetcher(
    basis: Basis, index: PlaylistIndex, cache: Cache, team: Team | None
) -> Prefetcher:
    return Prefetcher(
        index,
        cache,
        basis.clock,
        basis.counters,
        basis.rules,
        via=basis.via,
        concurrency=basis.settings.prefetch_concurrency,
        team=team,
    )


@asynccontextmanager
async def _open_fills(
    basis: Basis, source: Source, cache: Cache, on_stored: Callable[[Entry, Fill], None]
) -> AsyncIterator[Fills]:
    """What fetches from `source` into the cache and tells of what it has stored."""
    fills = Fills(
        source,
        cache,
        basis.clock,
        basis.counters,
        via=basis.via,
        limits=_limits(basis.settings),
        rules=basis.rules,
        arriving=basis.arriving,
        on_stored=on_stored,
    )
    try:
        yield fills
    finally:
        await fills.close()


def _limits(settings: EdgeSettings) -> FillLimits:
    return FillLimits(
        object_bytes=min(settings.max_object_size, settings.memory_size // 2),
        in_flight_bytes=max(_MIN_IN_FLIGHT_BYTES, settings.memory_size // 2),
        negative_seconds=settings.negative_seconds,
        stale_seconds=settings.stale_if_error_seconds,
        unsliced_bytes=settings.slice_threshold,
        slice_bytes=settings.slice_size,
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
