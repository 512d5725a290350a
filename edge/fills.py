"""All fills in flight: joining, starting and carrying them out."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeGuard

from edge.arriving import Arriving
from edge.cache import Cache
from edge.clock import Clock
from edge.core.fields import Fields
from edge.core.forward import response_fields, toward
from edge.core.key import large_key, target_of
from edge.core.policy import (
    SERVER_ERRORS,
    Query,
    Refused,
    StoredResponse,
    confirms,
    examine,
    freshened,
    validation_fields,
    withheld,
)
from edge.core.recent import Recent
from edge.core.refusals import Refusal, Refusals
from edge.core.slices import layout
from edge.entry import Entry
from edge.errors import BodyTruncated
from edge.fill import (
    Confirmed,
    Failed,
    Fill,
    FillKey,
    FillRequest,
    Growing,
    Large,
    Outcome,
    Released,
)
from edge.growing import GrowingBody, cut
from edge.metrics import Counters
from edge.rules import Rules
from edge.upstream import Source, UpstreamFailure, UpstreamResponse
from streamer.core.freshness import NegativeSeconds

_WHOLE_SECONDS = 600.0
_WHOLE_KEYS = 8192


@dataclass(frozen=True, slots=True)
class FillLimits:
    """Bounds of storing.

    Attributes:
        object_bytes: Larger objects are not stored.
        in_flight_bytes: When fills in flight hold this much, further answers are not stored.
        negative_seconds: The freshness lifetimes of error answers that state none, by status.
        stale_seconds: How long a stale response may stand in for a failing origin, where it does
            not say so itself.
        unsliced_bytes: Larger objects are stored in slices, where that is possible, and
        slice_bytes: how long a slice is.
    """

    object_bytes: int
    in_flight_bytes: int
    negative_seconds: NegativeSeconds
    stale_seconds: float
    unsliced_bytes: int
    slice_bytes: int


class Fills:
    """The fills of a node. `quiet` is set while no viewer waits for one in flight.

    `refusals` are the last reasons why something was not stored.

    Args:
        upstream: Where objects come from.
        cache: Where they go.
        clock: The present.
        counters: Where fills are counted.
        via: This node in `Via`.
        limits: What is stored.
        rules: For how long.
        arriving: Watches over fills until they end.
        on_stored: Told of every entry that was stored or confirmed, with its fill.
    """

    def __init__(
        self,
        upstream: Source,
        cache: Cache,
        clock: Clock,
        counters: Counters,
        *,
        via: str,
        limits: FillLimits,
        rules: Rules,
        arriving: Arriving,
        on_stored: Callable[[Entry, Fill], None],
    ) -> None:
        self._upstream = upstream
        self._cache = cache
        self._clock = clock
        self._counters = counters
        self._via = via
        self._limits = limits
        self._rules = rules
        self._arriving = arriving
        self._on_stored = on_stored
        self._shared: dict[FillKey, Fill] = {}
        self._running: set[Fill] = set()
        self._wanted: set[Fill] = set()
        self._held_bytes = 0
        self._whole = Recent(_WHOLE_SECONDS, _WHOLE_KEYS)
        self.refusals = Refusals()
        self.quiet = asyncio.Event()
        self.quiet.set()

    def __len__(self) -> int:
        return len(self._running)

    @property
    def held_bytes(self) -> int:
        """How many body bytes the fills in flight hold."""
        return self._held_bytes

    def of(self, key: bytes) -> list[Fill]:
        """The fills in flight for a key."""
        return [fill for fill in self._running if fill.request.key == key]

    def find(self, request: FillRequest) -> Fill | None:
        """The fill that a request may share."""
        fill = self._shared.get(request.fill_key)
        return None if fill is None or fill.is_void else fill

    def start(
        self, request: FillRequest, starter: object | None = None, *, is_shared: bool = True
    ) -> Fill:
        """Begin a fill; others may share it from now on, unless it is for its starter alone."""
        fill = self._begin(request, starter, is_shared=is_shared)
        self._run(fill, self._fetch(fill))
        return fill

    def adopt(
        self,
        request: FillRequest,
        length: int,
        starter: object,
        stored: StoredResponse,
        answer: UpstreamResponse,
    ) -> Fill:
        """Fill the first `length` bytes of a large object with an answer that holds the whole."""
        fill = self._begin(request, starter)
        fill.told = answer.told
        outcome = self._grown_part(fill, length, stored)
        fill.outcome.set_result(outcome)
        task = self._run(fill, self._grow(fill, outcome, answer))
        task.add_done_callback(lambda _: answer.close())
        return fill

    def leave_whole(self, key: bytes) -> None:
        """Do not slice an object for a while: its origin does not send the parts of it."""
        self._whole.add(key, time.time())

    @contextmanager
    def joined(self, fill: Fill, viewer: object) -> Iterator[None]:
        """Want a fill. When the last viewer leaves, it ends unless it is nearly done."""
        fill.viewers += 1
        if fill in self._running:
            self._wanted.add(fill)
            self.quiet.clear()
        if fill.is_ahead and not fill.was_joined:
            self._counters.prefetch_late += 1
        fill.was_joined = True
        try:
            yield
        finally:
            fill.viewers -= 1
            if not fill.viewers:
                self._forgo(fill)
            self._leave(fill, viewer)

    async def close(self) -> None:
        """End all fills."""
        tasks = [fill.task for fill in self._running if fill.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(
        self, request: FillRequest, starter: object | None, *, is_shared: bool = True
    ) -> Fill:
        fill = Fill(request, asyncio.get_running_loop().create_future(), starter)
        if is_shared:
            self._shared[request.fill_key] = fill
        self._running.add(fill)
        self._arriving.add(fill)
        return fill

    def _leave(self, fill: Fill, viewer: object) -> None:
        untaken = fill.take(viewer)
        if untaken is not None:
            untaken.close()
        if viewer is fill.starter:
            fill.starter = None
        if fill.viewers or fill.is_worth_finishing:
            return
        if fill.task is None or fill not in self._running:
            return
        self._counters.fills_abandoned += 1
        self._unshare(fill)
        fill.task.cancel()

    def _forgo(self, fill: Fill) -> None:
        """No viewer waits for a fill any more; keep `quiet` true to its name."""
        self._wanted.discard(fill)
        if not self._wanted:
            self.quiet.set()

    def _unshare(self, fill: Fill) -> None:
        if self._shared.get(fill.request.fill_key) is fill:
            del self._shared[fill.request.fill_key]

    def _run(self, fill: Fill, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        fill.task = asyncio.create_task(work)
        fill.task.add_done_callback(lambda _: self._end(fill))
        return fill.task

    def _end(self, fill: Fill) -> None:
        """Let nobody wait for a fill whose task is over, however it ended."""
        self._running.discard(fill)
        self._arriving.discard(fill)
        self._unshare(fill)
        self._forgo(fill)
        if not fill.outcome.done():
            fill.outcome.set_result(Failed(502, "abandoned"))

    async def _fetch(self, fill: Fill) -> None:
        request, asked_at = fill.request, time.time()
        answer = await self._ask(request, request.stale)
        updated: StoredResponse | Refused | None = None
        if request.stale is not None and _is_not_modified(answer):
            updated = self._updated(request, request.stale, answer, asked_at)
            if isinstance(updated, Refused):
                answer.close()
                answer = await self._ask(request, None)
        self._note_answer(fill, answer)
        if isinstance(answer, UpstreamFailure):
            self._settle(fill, Failed(answer.status, answer.kind))
            return
        try:
            outcome = self._judge(fill, answer, updated, asked_at)
        except BaseException:
            answer.close()
            raise
        if not isinstance(outcome, Growing):
            self._settle(fill, outcome)
            if not isinstance(outcome, Released | Large) or fill.starter is None:
                answer.close()
            return
        fill.outcome.set_result(outcome)
        await self._grow(fill, outcome, answer)

    async def _ask(
        self, request: FillRequest, stale: Entry | None
    ) -> UpstreamResponse | UpstreamFailure:
        """The answer to a request, or to the question whether what is stale is still good."""
        fields = request.fields
        if stale is not None:
            fields = fields.plus(*validation_fields(stale.response))
        fields = self._rules.of_key(request.key).shared(fields)
        target = target_of(request.key).decode("ascii")
        return await self._upstream.ask("GET", target, toward(fields, request.key))

    def _updated(
        self, request: FillRequest, stale: Entry, answer: UpstreamResponse, asked_at: float
    ) -> StoredResponse | Refused:
        """A stored response as a 304 updates it, or why the 304 may not.

        What must not be shared any more is forgotten.
        """
        if not confirms(stale.response, answer.fields):
            return Refused.CHANGED
        updated = freshened(
            stale.response,
            Query("GET", request.fields),
            self._received(answer),
            request_time=asked_at,
            response_time=time.time(),
            negative_seconds=self._limits.negative_seconds,
            behaviour=self._rules.of_key(stale.key),
        )
        if updated in (Refused.NO_STORE, Refused.PRIVATE):
            self._cache.drop(stale)
        return updated

    def _received(self, answer: UpstreamResponse) -> Fields:
        """The fields of an answer that are stored and sent on."""
        return response_fields(answer.fields, self._via, self._clock.http_date())

    def _note_answer(self, fill: Fill, answer: UpstreamResponse | UpstreamFailure) -> None:
        """Count a fetch, unless another worker of this node carried it out and has counted it."""
        has_failed = isinstance(answer, UpstreamFailure)
        fill.told = None if isinstance(answer, UpstreamFailure) else answer.told
        if fill.told is not None or (isinstance(answer, UpstreamFailure) and answer.is_told):
            self._counters.worker_fetches += 1
            return
        self._counters.fills += 1
        self._counters.fills_failed += has_failed
        self._counters.revalidations += fill.request.stale is not None

    def _settle(self, fill: Fill, outcome: Outcome) -> None:
        """Make a final outcome known; whoever asks from now on begins anew."""
        self._unshare(fill)
        refusal = _refusal(outcome, self._clock.now)
        if refusal is not None:
            self.refusals.note(fill.request.key, refusal)
        fill.outcome.set_result(outcome)

    def _judge(
        self,
        fill: Fill,
        answer: UpstreamResponse,
        updated: StoredResponse | Refused | None,
        asked_at: float,
    ) -> Outcome:
        stale, fields, now = fill.request.stale, self._received(answer), time.time()
        if stale is not None and isinstance(updated, StoredResponse):
            return self._confirm(fill, stale, updated, fields)
        if stale is not None and answer.status in SERVER_ERRORS and self._may_stand_in(stale, now):
            return Failed(answer.status, "upstream-status", answer.status)
        if answer.status == 304:
            return Failed(502, "upstream-protocol")
        return self._judge_new(fill, answer, fields, asked_at, now)

    def _judge_new(
        self, fill: Fill, answer: UpstreamResponse, fields: Fields, asked_at: float, now: float
    ) -> Outcome:
        part = fill.request.part
        unfit = None if part is None else part.refusal(answer.status, fields)
        if unfit is not None:
            return Released(unfit, answer, fields)
        examined = examine(
            Query("GET", fill.request.fields),
            answer.status if part is None else 200,
            answer.reason,
            fields,
            request_time=asked_at,
            response_time=now,
            negative_seconds=self._limits.negative_seconds,
            behaviour=self._rules.of_key(fill.request.key),
        )
        if isinstance(examined, Refused):
            return Released(examined, answer, fields)
        if part is not None:
            return self._grown_part(fill, part.span.length, examined)
        if self._is_sliced(fill, examined, answer):
            return Large(self._store_large(fill.request.key, examined), answer)
        too_much = self._size_problem(fill, answer)
        if too_much is not None:
            return Released(too_much, answer, fields)
        body = GrowingBody(self._limits.object_bytes)
        return Growing(examined, body, answer.content_length, withheld(fields, examined))

    def _grown_part(self, fill: Fill, length: int, stored: StoredResponse) -> Growing:
        """A slice that begins to arrive; without room for it, a stream for its first reader."""
        has_room = self._held_bytes + length <= self._limits.in_flight_bytes
        if not has_room:
            self._unshare(fill)
        stored = replace(stored, status=206, reason="Partial Content", vary=())
        return Growing(stored, GrowingBody(length if has_room else 0), length)

    def _is_sliced(self, fill: Fill, stored: StoredResponse, answer: UpstreamResponse) -> bool:
        limits, key = self._limits, fill.request.key
        # What is fetched ahead is wanted whole.
        most = limits.object_bytes if fill.is_ahead else limits.unsliced_bytes
        if fill.is_void or (answer.content_length or 0) <= most:
            return False
        if not self._cache.accepts(limits.slice_bytes) or self._whole.has(key, time.time()):
            return False
        return layout(key, stored, limits.slice_bytes) is not None

    def _store_large(self, key: bytes, stored: StoredResponse) -> Entry:
        self._supersede(key, stored)
        return self._cache.store(large_key(key), stored, b"")

    def _supersede(self, key: bytes, stored: StoredResponse) -> None:
        """Forget an object that has become large, or a large one that no longer is."""
        for entry in list(self._cache.variants(key)):
            if entry.response.vary == stored.vary:
                self._cache.drop(entry)

    def _may_stand_in(self, stale: Entry, now: float) -> bool:
        return stale.response.freshness.is_usable_on_error(now, self._limits.stale_seconds)

    def _confirm(
        self, fill: Fill, stale: Entry, updated: StoredResponse, fields: Fields
    ) -> Confirmed:
        """Those who wait take a 304 that a purge has overtaken; what is stored stays stale."""
        if not fill.is_void:
            self._cache.renew(stale, updated)
            self._on_stored(stale, fill)
        return Confirmed(stale, withheld(fields, updated))

    def _size_problem(self, fill: Fill, answer: UpstreamResponse) -> Refused | None:
        size = answer.content_length or 0
        if size > self._limits.object_bytes or not self._cache.accepts(size):
            return Refused.TOO_LARGE
        if self._held_bytes + size > self._limits.in_flight_bytes:
            return Refused.NO_ROOM
        # A failure that no viewer asked for must not meet one later.
        return Refused.STATUS if fill.is_unasked and answer.status != 200 else None

    async def _grow(self, fill: Fill, outcome: Growing, answer: UpstreamResponse) -> None:
        """Receive a body, for whoever reads it meanwhile, and store it if it is whole."""
        body = outcome.body
        try:
            if await self._receive(fill, outcome, answer):
                self._finish(fill, outcome)
            else:
                self._counters.fills_abandoned += 1
        except BodyTruncated:
            self._counters.fills_truncated += 1
        finally:
            if not body.is_whole:
                self._unshare(fill)
                body.truncate()
            answer.close()

    async def _receive(self, fill: Fill, outcome: Growing, answer: UpstreamResponse) -> bool:
        """Receive a body as long as it is of use to anybody; returns whether it is whole."""
        body, total_bytes = outcome.body, outcome.total_bytes
        pieces = answer.pieces()
        held = 0
        try:
            async for piece in pieces if total_bytes is None else cut(pieces, 0, total_bytes):
                self._counters.fetched_bytes += 0 if fill.told else len(piece)
                self._held_bytes += len(piece)
                held += len(piece)
                body.append(piece)
                if not body.is_retained:
                    # Nobody can begin to read any more: it is a stream for those who do already.
                    self._outgrow(fill)
                    self._held_bytes -= held
                    held = 0
                    if not fill.viewers:
                        return False
                if fill.is_late(self._clock.now):
                    return False
                await body.drained()
        finally:
            self._held_bytes -= held
        if total_bytes is not None and body.received_bytes != total_bytes:
            raise BodyTruncated("the upstream's answer was shorter than it said")
        return True

    def _outgrow(self, fill: Fill) -> None:
        """Share what is not stored with nobody else. What it was to replace is not valid either."""
        self._unshare(fill)
        if fill.request.stale is not None:
            self._cache.drop(fill.request.stale)

    def _finish(self, fill: Fill, outcome: Growing) -> None:
        request, body = fill.request, outcome.body
        if fill.is_ahead:
            self._counters.prefetch_bytes += body.received_bytes
        if body.is_retained and not fill.is_void and self._cache.accepts(body.received_bytes):
            kept_until = None if fill.was_joined else request.kept_until
            entry = self._cache.store(
                request.key, outcome.response, body.whole(), waits_until=kept_until
            )
            self._supersede(large_key(request.key), outcome.response)
            if fill.is_ahead and fill.was_joined:
                self._counters.prefetch_used_bytes += entry.size_bytes
            self._on_stored(entry, fill)
        self._unshare(fill)
        body.complete()


def _refusal(outcome: Outcome, now: float) -> Refusal | None:
    """Why nothing was stored, if nothing was."""
    match outcome:
        case Released(why=why, response=response):
            return Refusal(now, why, response.status)
        case Failed(status=status, detail=detail):
            return Refusal(now, detail, status)
    return None


def _is_not_modified(answer: UpstreamResponse | UpstreamFailure) -> TypeGuard[UpstreamResponse]:
    """Whether an answer says that what is stored is still good."""
    return not isinstance(answer, UpstreamFailure) and answer.status == 304
