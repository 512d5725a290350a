"""Answering the requests that are no plain hits: decide, fetch or wait, send.

`edge.core.policy` decides, this module carries it out, `edge.sender` speaks.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Protocol

from edge.aftermath import Aftermath
from edge.arriving import Arriving, Left
from edge.cache import Cache
from edge.core.behaviours import is_unshared
from edge.core.fields import Fields
from edge.core.forward import response_fields, toward
from edge.core.inner import OTHER_BEHAVIOURS
from edge.core.key import is_large, target_of
from edge.core.playlist_body import MAX_BODY_BYTES
from edge.core.policy import (
    Decision,
    Fetch,
    OnlyIfCached,
    Pass,
    Revalidate,
    Serve,
    StoredResponse,
    decide,
    select,
)
from edge.core.tracks import is_playlist
from edge.entry import Entry
from edge.fill import Confirmed, Failed, Fill, FillRequest, Growing, Large, Released
from edge.fills import Fills
from edge.gate import Gate
from edge.metrics import Metrics, Result
from edge.onward import Onward
from edge.passes import Passes
from edge.position import BEHIND, told_by
from edge.purges import PurgeLog
from edge.request import Request
from edge.response import Response
from edge.rules import Rules
from edge.sender import Sender
from edge.sliced import Sliced
from edge.upstream import FailureKind, Source, UpstreamFailure, UpstreamResponse
from streamer.core.cache_status import CacheStatus, Forward

# Who waits for what was asked on behalf of another looks up so often.
_LOOK_SECONDS = 1.0
_STORED = frozenset({"GET", "HEAD"})
_BUSY = UpstreamFailure(FailureKind.BUSY)


class Ahead(Protocol):
    """What wants to know of viewers' requests, to fetch ahead of them."""

    def viewed(self, key: bytes, fields: Fields, scheme: str) -> None:
        """A viewer asked for a key."""
        ...

    def passed(
        self, key: bytes, request: Fields, scheme: str, response: Fields, body: bytes
    ) -> None:
        """A playlist went through without being stored."""
        ...


class Service:
    """The edge's answers.

    Args:
        sender: Sends what is decided.
        sliced: Sends large objects.
        via: This node in `Via`.
        onward: Makes the requests that requests lead to.
        cache: What is stored.
        fills: What is being fetched.
        arriving: Watches over what passed answers leave.
        upstream: The origin.
        passes: How much of it goes to requests for one viewer alone.
        metrics: Where answers are counted.
        ahead: The prefetcher.
        aftermath: Heeds what answers to passed requests mean.
        stale_seconds: How long a stale response may stand in for a failing origin, where it does
            not say so itself.
        http_date: The present as an HTTP date.
        rules: What is done for which path.
        purges: Tells whether this cache is behind another that asks it.
        gate: Whom signatures let in; None: everybody, whom another worker has let in.
    """

    def __init__(
        self,
        *,
        sender: Sender,
        sliced: Sliced,
        via: str,
        onward: Onward,
        cache: Cache,
        fills: Fills,
        arriving: Arriving,
        upstream: Source,
        passes: Passes,
        metrics: Metrics,
        ahead: Ahead,
        aftermath: Aftermath,
        stale_seconds: float,
        http_date: Callable[[], str],
        rules: Rules,
        purges: PurgeLog,
        gate: Gate | None,
    ) -> None:
        self._sender = sender
        self._sliced = sliced
        self._via = via
        self._onward = onward
        self._cache = cache
        self._fills = fills
        self._arriving = arriving
        self._upstream = upstream
        self._passes = passes
        self._metrics = metrics
        self._ahead = ahead
        self._aftermath = aftermath
        self._stale_seconds = stale_seconds
        self._http_date = http_date
        self._rules = rules
        self._purges = purges
        self._gate = gate

    async def handle(self, request: Request, response: Response) -> None:
        """Answer a request. Whose viewer leaves meanwhile counts as what was decided for it."""
        begun_at = asyncio.get_running_loop().time()
        try:
            response.result = await self._respond(request, response)
        except Exception:
            response.result = Result.ERROR
            raise
        finally:
            first_byte_at = response.first_byte_at
            waited = None if first_byte_at is None else first_byte_at - begun_at
            took = asyncio.get_running_loop().time() - begun_at
            self._metrics.count(Result(response.result), response.sent_bytes, waited, took)

    async def _respond(self, request: Request, response: Response) -> Result:
        head = request.head
        if self._onward.has_looped(request):
            return await self._fail(response, 508, Forward.BYPASS, "loop")
        if self._onward.is_at_odds(request):
            return await self._fail(response, 503, Forward.BYPASS, OTHER_BEHAVIOURS)
        behaviour = self._rules.of_key(request.key)
        if self._gate is not None:
            response.allow_origins = behaviour.allow_origins
            forbidden = self._gate.refusal(request, behaviour, time.time())
            if forbidden is not None:
                await self._sender.fail(response, 403, None, forbidden)
                return Result.ERROR
        if is_unshared(behaviour, request.key) or (head.method in _STORED and head.has_body):
            return await self._pass(request, response, Forward.BYPASS)
        if head.method in _STORED and not await self._purges.reaches(told_by(head.fields)):
            return await self._fail(response, 503, Forward.BYPASS, BEHIND)
        if head.method == "GET":
            self._ahead.viewed(request.key, head.fields, request.scheme)
        await self._cache.wake(request.key)
        decision, variants = self._decide(request)
        return await self._carry_out(request, response, decision, variants)

    def _decide(self, request: Request) -> tuple[Decision, list[Entry]]:
        """How to answer a request by what is stored now, and the variants that are."""
        variants = self._cache.selectable(request.key)
        stored = [entry.response for entry in variants]
        query = replace(request.query, sent=self._selecting(request, stored))
        decision = decide(query, stored, time.time(), stale_seconds=self._stale_seconds)
        return decision, variants

    def _selecting(self, request: Request, stored: Iterable[StoredResponse]) -> Fields:
        """The fields by which a request selects among what is stored, if that varies at all."""
        varies = any(one.vary for one in stored)
        return self._onward.fill_fields(request, validates=False) if varies else Fields()

    async def _carry_out(
        self, request: Request, response: Response, decision: Decision, variants: list[Entry]
    ) -> Result:
        match decision:
            case Serve(index, refresh):
                if refresh:
                    self._refresh(request, variants[index])
                return await self._serve(request, response, variants[index])
            case Revalidate(index, why):
                return await self._fetch(request, response, why, variants[index])
            case Fetch(why):
                return await self._fetch(request, response, why, None)
            case Pass(why):
                return await self._pass(request, response, why)
            case OnlyIfCached():
                return await self._fail(response, 504, Forward.REQUEST, "only-if-cached")

    async def _serve(self, request: Request, response: Response, entry: Entry) -> Result:
        """Answer from the cache alone."""
        was_ahead = self._cache.use(entry)
        status = CacheStatus(self._sender.name, detail="prefetched" if was_ahead else None)
        is_fresh = entry.response.freshness.is_usable(time.time())
        response.result = result = Result.HIT if is_fresh else Result.STALE
        if is_large(entry.key):
            sent = await self._send_large(request, response, entry, status)
            return sent or await self._fetch(request, response, Forward.URI_MISS, None)
        if await self._sender.send_entry(request, response, entry, status):
            return result
        return await self._fetch(request, response, Forward.URI_MISS, None)

    async def _send_large(
        self,
        request: Request,
        response: Response,
        entry: Entry,
        status: CacheStatus,
        whole: UpstreamResponse | None = None,
    ) -> Result | None:
        fields = self._onward.fill_fields(request, validates=False)
        return await self._sliced.send(request, response, entry, status, fields, whole)

    def _fill_request(self, request: Request, stale: Entry | None) -> FillRequest:
        fields = self._onward.fill_fields(request, validates=stale is not None)
        return FillRequest(request.key, fields, stale)

    def _refresh(self, request: Request, stale: Entry) -> None:
        """Validate a stale entry in the background (RFC 5861 §3)."""
        fill_request = self._fill_request(request, stale)
        if self._fills.find(fill_request) is None:
            self._fills.start(fill_request)

    async def _fetch(
        self, request: Request, response: Response, why: Forward, stale: Entry | None
    ) -> Result:
        """Answer from the origin, together with everybody who asks for the same meanwhile."""
        if stale is None and self._aftermath.is_alone(request):
            return await self._pass(request, response, why)
        if stale is not None and not stale.response.freshness.is_reusable:
            return await self._fetch_alone(request, response, why, stale)
        fill_request = self._fill_request(request, stale)
        fill = self._fills.find(fill_request)
        if fill is None or fill.is_outdated(time.time()):
            fill = self._fills.start(fill_request, starter=request)
        elif fill.is_uncertain and "authorization" in request.head.fields.combined:
            return await self._pass(request, response, why)
        result = await self._join(request, response, why, fill)
        return result or await self._go_alone(request, response, why)

    async def _fetch_alone(
        self, request: Request, response: Response, why: Forward, stale: Entry | None
    ) -> Result:
        """Answer from the origin, which is asked on behalf of this viewer and of no other."""
        fill_request = self._fill_request(request, stale)
        fill = self._fills.start(fill_request, starter=request, is_shared=False)
        result = await self._join(request, response, why, fill)
        return result or await self._pass(request, response, why)

    async def _go_alone(self, request: Request, response: Response, why: Forward) -> Result:
        """Answer a request that may not have what it waited for, by what is stored by now."""
        decision, variants = self._decide(request)
        match decision:
            case Serve():
                return await self._carry_out(request, response, decision, variants)
            case Revalidate(index, why_now):
                return await self._fetch_alone(request, response, why_now, variants[index])
            case _:
                return await self._pass(request, response, why)

    async def _join(
        self, request: Request, response: Response, why: Forward, fill: Fill
    ) -> Result | None:
        """Send what a fill comes to; None, and nothing sent, if this viewer must go alone."""
        is_collapsed = fill.starter is not request
        response.result = Result.COLLAPSED if is_collapsed else Result.MISS
        with self._fills.joined(fill, request):
            status = CacheStatus(
                self._sender.name, why, collapsed=is_collapsed, key=_key_to_tell(request)
            )
            while is_collapsed and fill.is_uncertain and not await fill.comes_within(_LOOK_SECONDS):
                if self._aftermath.is_alone(request) or self._selected(request) is not None:
                    return None
                if fill.wants_scout():
                    return await self._fetch_alone(request, response, why, None)
            result = await self._send_outcome(request, response, fill, status)
        if result is None:
            response.own = Fields()
        return result

    async def _send_outcome(
        self, request: Request, response: Response, fill: Fill, status: CacheStatus
    ) -> Result | None:
        """Send what a fill comes to; None, and nothing sent, if this viewer must go alone."""
        outcome = await fill.result()
        match outcome:
            case Released():
                return await self._send_released(request, response, fill, outcome, status)
            case Failed():
                return await self._send_failed(request, response, fill, outcome, status)
            case _:
                return await self._send_shared(request, response, fill, outcome, status)

    async def _send_shared(
        self,
        request: Request,
        response: Response,
        fill: Fill,
        outcome: Growing | Large | Confirmed,
        status: CacheStatus,
    ) -> Result | None:
        """Send what is stored; None, and nothing sent, if it is not for this viewer, or lost."""
        stored = outcome.response if isinstance(outcome, Growing) else outcome.entry.response
        if fill.starter is not request:
            if not fill.may_share(stored, self._selecting(request, [stored])):
                return None
        elif isinstance(outcome, Growing | Confirmed):
            response.own = outcome.withheld
        match outcome:
            case Growing():
                told = _told(fill, replace(status, forward_status=stored.status, stored=True))
                response.result = result = _result(told)
                sent = await self._sender.send_growing(request, response, outcome, told)
                return result if sent else None
            case Large(entry):
                told = _told(fill, replace(status, forward_status=200, stored=True))
                whole = fill.take(request)
                return await self._send_large(request, response, entry, told, whole)
            case Confirmed(entry):
                told = _told(fill, replace(status, forward_status=304))
                if is_large(entry.key):
                    return await self._send_large(request, response, entry, told)
                response.result = result = _result(told)
                sent = await self._sender.send_entry(request, response, entry, told)
                return result if sent else None

    async def _send_released(
        self,
        request: Request,
        response: Response,
        fill: Fill,
        outcome: Released,
        status: CacheStatus,
    ) -> Result | None:
        """An answer that is not shared goes to the viewer whose request it answers."""
        if not outcome.why.is_momentary and outcome.response.status < 400:
            self._aftermath.leave_alone(request.key)
        # It was asked for whole; a viewer that wants a part is better served by asking for that.
        wants_part = "range" in request.head.fields.combined
        if wants_part or not self._passes.has_room(request.viewer):
            return None
        upstream = fill.take(request)
        if upstream is None:
            return None
        why = status.forward or Forward.URI_MISS
        async with self._passes.place(request.viewer):
            await self._send_passed(request, response, upstream, why, outcome.why)
        return Result.MISS

    async def _send_failed(
        self,
        request: Request,
        response: Response,
        fill: Fill,
        outcome: Failed,
        status: CacheStatus,
    ) -> Result | None:
        if fill.is_ahead:
            return None  # what failed was not this viewer's own request
        stale = self._selected(request)
        if stale is not None and await self._stand_in(request, response, stale, outcome):
            return Result.STALE
        await self._sender.fail(response, outcome.status, status.forward, outcome.detail)
        return Result.ERROR

    async def _stand_in(
        self, request: Request, response: Response, stale: Entry, failed: Failed
    ) -> bool:
        """Serve a stale entry for an origin that fails, if it may (RFC 5861 §4)."""
        if not stale.response.freshness.is_usable_on_error(time.time(), self._stale_seconds):
            return False
        response.result = Result.STALE
        status = CacheStatus(
            self._sender.name, Forward.STALE, failed.forward_status, detail=failed.detail
        )
        if is_large(stale.key):
            return await self._send_large(request, response, stale, status) is not None
        return await self._sender.send_entry(request, response, stale, status)

    async def _pass(self, request: Request, response: Response, why: Forward) -> Result:
        """Forward a request for this viewer alone."""
        response.result = Result.PASSED
        if request.body is not None:
            await request.body.gather()
        async with self._passes.place(request.viewer) as has_place:
            with self._arriving.leaving(request.key) as left:
                return await self._pass_on(request, response, why, left, has_place=has_place)

    async def _pass_on(
        self, request: Request, response: Response, why: Forward, left: Left, *, has_place: bool
    ) -> Result:
        body = request.body
        asked_at, known = time.time(), self._selected_response(request)
        sent = self._onward.pass_fields(request)
        answered = await self._ask_alone(request, sent) if has_place else _BUSY
        if isinstance(answered, UpstreamFailure):
            if body is not None and body.is_truncated:
                return await self._fail(response, body.status, why, "request-body")
            stale, failed = self._selected(request), Failed(answered.status, answered.kind)
            if stale is not None and await self._stand_in(request, response, stale, failed):
                return Result.STALE
            return await self._fail(response, answered.status, why, answered.kind)
        fields = response_fields(answered.fields, self._via, self._http_date())
        selected = self._selected(request)
        if selected is not None and selected.response is not known:
            selected = None  # it was purged, renewed or replaced meanwhile
        await self._aftermath.follow(
            request, answered, fields, stored=selected, sent=sent, asked_at=asked_at, left=left
        )
        await self._send_passed(request, response, answered, why, left=left)
        return Result.PASSED

    async def _ask_alone(
        self, request: Request, sent: Fields
    ) -> UpstreamResponse | UpstreamFailure:
        """The origin's answer to a request that is forwarded for this viewer alone."""
        head, body = request.head, request.body
        async with self._passes.turn(request.viewer) as has_turn:
            if not has_turn:
                return _BUSY
            return await self._upstream.ask(
                head.method,
                target_of(request.key).decode("ascii"),
                toward(sent, request.key),
                None if body is None else body.pieces(),
            )

    def _selected(self, request: Request) -> Entry | None:
        """The stored entry that a request selects: none where its body may decide the answer."""
        if request.head.method not in _STORED or request.head.has_body:
            return None
        variants = self._cache.selectable(request.key)
        stored = [entry.response for entry in variants]
        index = select(self._selecting(request, stored), stored)
        return None if index is None else variants[index]

    def _selected_response(self, request: Request) -> StoredResponse | None:
        entry = self._selected(request)
        return None if entry is None else entry.response

    async def _send_passed(
        self,
        request: Request,
        response: Response,
        upstream: UpstreamResponse,
        why: Forward,
        detail: str | None = None,
        left: Left | None = None,
    ) -> None:
        """Send the origin's answer on; it is stored only if it leaves a response to store."""
        upstream.free_slot()
        try:
            fields = response_fields(upstream.fields, self._via, self._http_date())
            pieces = self._watched(request, upstream, fields, left)
            await self._sender.send_passed(response, upstream, fields, pieces, why, detail)
        finally:
            upstream.close()

    async def _watched(
        self,
        request: Request,
        upstream: UpstreamResponse,
        fields: Fields,
        left: Left | None,
    ) -> AsyncIterator[bytes]:
        """The body of a passed answer; who has a use for a small one gets it at its end."""
        shows = upstream.status == 200 and is_playlist(request.key, fields.get("content-type"))
        stored = None if left is None else left.response
        seen: list[bytes] = []
        seen_bytes = 0
        async for piece in upstream.pieces():
            self._metrics.counters.fetched_bytes += 0 if upstream.told else len(piece)
            seen_bytes += len(piece)
            if (shows or stored) and seen_bytes <= MAX_BODY_BYTES:
                seen.append(piece)
            yield piece
        if seen_bytes > MAX_BODY_BYTES:
            return
        body = b"".join(seen)
        if shows and body:
            self._ahead.passed(request.key, request.head.fields, request.scheme, fields, body)
        if left is not None and stored is not None and self._may_store(left, body):
            self._cache.store(request.key, stored, body)

    def _may_store(self, left: Left, body: bytes) -> bool:
        """Whether what a passed answer leaves is still good: what is stored by now came later."""
        is_last = not left.is_void and not self._cache.selectable(left.key)
        return is_last and self._cache.accepts(len(body))

    async def _fail(self, response: Response, status: int, why: Forward, detail: str) -> Result:
        await self._sender.fail(response, status, why, detail)
        return Result.ERROR


def _key_to_tell(request: Request) -> str | None:
    """The cache key, where the target does not tell it (RFC 9211 §2.7)."""
    key = request.key.decode("ascii")
    return None if key == request.head.target else key


def _told(fill: Fill, status: CacheStatus) -> CacheStatus:
    """What the node did: this worker, or the one it asked."""
    if fill.told is None:
        return status
    is_shared = status.collapsed and fill.told.forward is not None
    return replace(fill.told, collapsed=is_shared or fill.told.collapsed)


def _result(status: CacheStatus) -> Result:
    """What a stored answer counts as."""
    if status.forward is None:
        return Result.STALE if (status.ttl_seconds or 0) < 0 else Result.HIT
    if status.forward_status == 304:
        return Result.REVALIDATED
    return Result.COLLAPSED if status.collapsed else Result.MISS
