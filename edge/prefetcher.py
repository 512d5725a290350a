"""Fetches ahead of viewers what `edge.core.prefetch` plans, without ever being in their way.

What is planned waits until no viewer waits for the origin, but not longer than its patience: later
than that the viewer itself would have to wait for it. Each object is fetched once: a viewer that
asks for it meanwhile joins the same fill. Fetches run a few at a time, and stop while the share of
the cache for objects that nobody has used yet is full.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from edge.cache import Cache
from edge.clock import TICK_SECONDS, Clock
from edge.core.fields import Fields
from edge.core.forward import fill_fields, stated_scheme
from edge.core.head import FieldBlock
from edge.core.playlist_body import MAX_BODY_BYTES, playlist_text
from edge.core.policy import select
from edge.core.prefetch import Plan, PlaylistIndex
from edge.core.tracks import is_playlist
from edge.entry import Entry
from edge.fill import Fill, FillRequest, Growing
from edge.fills import Fills
from edge.metrics import Counters
from edge.rules import Rules
from edge.team import Team
from streamer.core.hls_attributes import PlaylistError

_MAX_WAITING = 512
_KEEP_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A planned fetch: with the request fields of the viewer it is for, and how that came."""

    fields: Fields
    scheme: str
    start_by: float


class Prefetcher:
    """Carries out plans.

    Args:
        index: What is known of playlists.
        cache: Where objects go, and what is there already.
        clock: The present.
        counters: Where fetches are counted.
        rules: What is done for which path.
        via: This node in `Via`.
        concurrency: How many fetches may run at once.
        team: The other workers of this node; None: there are none.
    """

    def __init__(
        self,
        index: PlaylistIndex,
        cache: Cache,
        clock: Clock,
        counters: Counters,
        rules: Rules,
        *,
        via: str,
        concurrency: int,
        team: Team | None = None,
    ) -> None:
        self._index = index
        self._cache = cache
        self._clock = clock
        self._counters = counters
        self._rules = rules
        self._via = via
        self._team = team
        self._slots = asyncio.Semaphore(concurrency)
        self._wanted: dict[bytes, _Wanted] = {}
        self._refreshes: dict[bytes, _Wanted] = {}
        self._work = asyncio.Event()

    def viewed_entry(self, entry: Entry, block: FieldBlock, scheme: str) -> None:
        """A viewer got an entry on the hot path."""
        entry.due = self._clock.now + _LOOK_AGAIN_SECONDS
        if not self._index.knows(entry.key):
            if not is_playlist(entry.key, entry.response.fields.get("content-type")):
                entry.due = float("inf")
                return
            if entry.body is not None:
                self.learn(entry.key, entry.response.fields, entry.body)
        self.viewed(entry.key, block.fields, scheme)

    def viewed(self, key: bytes, fields: Fields, scheme: str) -> None:
        """A viewer asked for a key."""
        now = self._clock.now
        if self._index.track(key) is not None:
            self._schedule(self._index.on_playlist(key, now), fields, scheme)
        else:
            self._schedule(self._index.on_segment(key, now), fields, scheme)

    def passed(
        self, key: bytes, request: Fields, scheme: str, response: Fields, body: bytes
    ) -> None:
        """A playlist went through to a viewer without being stored."""
        self.learn(key, response, body)
        if self._team is not None:
            self._team.learned(key, response, body)
        self._schedule(self._index.on_playlist(key, self._clock.now), request, scheme)

    def stored(self, entry: Entry, fill: Fill) -> None:
        """An entry was stored or confirmed."""
        if not is_playlist(entry.key, entry.response.fields.get("content-type")):
            return
        if entry.response.status == 200 and entry.body is not None:
            self.learn(entry.key, entry.response.fields, entry.body)
            if self._team is not None and fill.told is None:
                self._team.learned(entry.key, entry.response.fields, entry.body)
        now = self._clock.now
        plan = self._index.on_playlist if fill.was_joined else self._index.on_growth
        fields = fill.request.fields
        self._schedule(plan(entry.key, now), fields, stated_scheme(fields) or "http")

    async def run(self, fills: Fills) -> None:
        """Fetch what is planned, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_fetches(fills))
            tasks.create_task(self._run_refreshes(fills))

    def learn(self, key: bytes, fields: Fields, body: bytes) -> None:
        """Take in a playlist."""
        if len(body) > MAX_BODY_BYTES:
            return
        text = playlist_text(fields, body)
        if text is None:
            return
        with suppress(PlaylistError):
            for segment in self._index.learn(key, text):
                for entry in self._cache.variants(segment):
                    entry.due = 0.0

    def fetch_ahead(
        self, keys: Iterable[bytes], fields: Fields, scheme: str, patience_seconds: float
    ) -> None:
        """Fetch keys for a viewer with these fields; they may give way to others for so long."""
        wanted = _Wanted(fields, scheme, self._clock.now + patience_seconds)
        for key in keys:
            if len(self._wanted) >= _MAX_WAITING:
                self._counters.prefetch_skipped += 1
            elif key not in self._wanted and not self._has(key, wanted):
                self._wanted[key] = wanted
                self._work.set()

    def _schedule(self, plan: Plan, fields: Fields, scheme: str) -> None:
        now, team = self._clock.now, self._team
        own = [key for key in plan.fetches if team is None or team.owns(key)]
        self.fetch_ahead(own, fields, scheme, plan.patience_seconds)
        if team is not None:
            wanted = _Wanted(fields, scheme, now)
            others = (k for k in plan.fetches if not team.owns(k) and not self._has(k, wanted))
            team.fetch_ahead(others, fields, scheme, plan.patience_seconds)
        for key in plan.refreshes:
            self._refreshes.setdefault(key, _Wanted(fields, scheme, now + plan.refresh_seconds))

    def _has(self, key: bytes, wanted: _Wanted) -> bool:
        """Whether the viewer would find a key in the cache."""
        entry = self._variant(key, wanted)
        return entry is not None and entry.response.freshness.is_usable(time.time())

    def _variant(self, key: bytes, wanted: _Wanted) -> Entry | None:
        variants = self._cache.selectable(key)
        if not variants:
            return None
        index = select(self._fill_fields(key, wanted), [entry.response for entry in variants])
        return None if index is None else variants[index]

    async def _run_fetches(self, fills: Fills) -> None:
        while True:
            await self._work.wait()
            await self._slots.acquire()
            started = await self._start_next(fills)
            if started is None or started.task is None:
                self._slots.release()
            else:
                started.task.add_done_callback(partial(self._on_end, started))

    async def _start_next(self, fills: Fills) -> Fill | None:
        """Start the fetch that was planned first, if it is still needed when its time comes."""
        key, wanted = next(iter(self._wanted.items()))
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, wanted.start_by - self._clock.now)):
                await fills.quiet.wait()
        del self._wanted[key]
        if not self._wanted:
            self._work.clear()
        await self._cache.wake(key)
        now = self._clock.now
        if self._has(key, wanted):
            return None
        if not self._cache.memory.has_waiting_room(now):
            self._counters.prefetch_skipped += 1
            return None
        fields = self._fill_fields(key, wanted)
        stale = self._variant(key, wanted)
        request = FillRequest(key, fields, stale, kept_until=now + _KEEP_SECONDS)
        if fills.find(request) is not None:
            return None
        self._counters.prefetch_requests += 1
        return fills.start(request)

    def _fill_fields(self, key: bytes, wanted: _Wanted) -> Fields:
        keyed = self._rules.of_key(key).varies_by
        return fill_fields(wanted.fields, self._via, None, wanted.scheme, keyed=keyed)

    def _on_end(self, fill: Fill, _: asyncio.Task[None]) -> None:
        self._slots.release()
        outcome = fill.outcome.result()
        if not isinstance(outcome, Growing) or not outcome.body.is_whole:
            self._counters.prefetch_failed += 1

    async def _run_refreshes(self, fills: Fills) -> None:
        """Look at growing playlists whose end is near, so that what is added is found in time."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self._clock.now
            for key in [key for key, wanted in self._refreshes.items() if wanted.start_by <= now]:
                wanted = self._refreshes.pop(key)
                await self._cache.wake(key)
                fields = self._fill_fields(key, wanted)
                stale = self._variant(key, wanted)
                request = FillRequest(key, fields, stale, is_refresh=True)
                if not self._has(key, wanted) and fills.find(request) is None:
                    fills.start(request)
                else:
                    plan = self._index.on_growth(key, now)
                    self._schedule(plan, wanted.fields, wanted.scheme)
