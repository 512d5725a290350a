"""Sending large objects: the content is put together from slices (`edge.reading`)."""

from dataclasses import replace

from edge.cache import Cache
from edge.core.answer import Answer, answer
from edge.core.fields import Fields
from edge.core.key import object_of
from edge.core.policy import Refused
from edge.core.slices import Layout, layout
from edge.entry import Entry
from edge.fill import Failed
from edge.fills import Fills
from edge.metrics import Counters, Result
from edge.reading import FINAL, Reading
from edge.request import Request
from edge.response import Response
from edge.sender import Sender, send_or_truncate
from edge.upstream import UpstreamResponse
from streamer.core.byte_range import Span
from streamer.core.cache_status import CacheStatus, Forward
from streamer.core.freshness import parse_cache_control


class Sliced:
    """Answers with large objects.

    Args:
        sender: Sends heads and failures.
        cache: Where heads and slices are.
        fills: What fetches slices.
        counters: Where objects that changed are counted.
        slice_bytes: How long a slice is.
    """

    def __init__(
        self, sender: Sender, cache: Cache, fills: Fills, counters: Counters, slice_bytes: int
    ) -> None:
        self._sender = sender
        self._cache = cache
        self._fills = fills
        self._counters = counters
        self._slice_bytes = slice_bytes

    async def send(
        self,
        request: Request,
        response: Response,
        entry: Entry,
        status: CacheStatus,
        fields: Fields,
        whole: UpstreamResponse | None = None,
    ) -> Result | None:
        """Send what a large object answers; None, and nothing sent, if it is not what it was.

        Args:
            request: The viewer's request.
            response: Where its answer goes.
            entry: The object's head.
            status: What happened so far.
            fields: The header section for the origin, without conditions.
            whole: The origin's answer with the whole object, still to be read.
        """
        plan = layout(object_of(entry.key), entry.response, self._slice_bytes)
        if plan is None:
            self._cache.drop(entry)
            return None
        given = answer(entry.response, request.query, plan.total_bytes, max_parts=1)
        if not given.has_content or request.head.method == "HEAD":
            if whole is not None:
                whole.close()
            self._start(response, given, entry, status, plan)
            response.finish()
            return _result(status)
        span = given.span or Span(0, plan.total_bytes)
        reading = Reading(self._cache, self._fills, entry, plan, span, fields, request)
        is_stored = reading.is_stored
        if not is_stored and _forbids_asking(request):
            await self._sender.fail(response, 504, Forward.REQUEST, "only-if-cached")
            return Result.ERROR
        status = _told(status, is_stored=is_stored, is_shared=reading.is_shared)
        with reading:
            lost = await reading.begin(whole)
            if lost is None:
                self._start(response, given, entry, status, plan)
                await send_or_truncate(response, reading.pieces())
        if reading.lost is not None:
            self._forget(entry, plan, reading.lost)
        if isinstance(lost, Failed):
            await self._sender.fail(response, lost.status, status.forward, lost.detail)
            return Result.ERROR
        return _result(status) if lost is None else None

    def _start(
        self, response: Response, given: Answer, entry: Entry, status: CacheStatus, plan: Layout
    ) -> None:
        labelled = self._sender.labelled(given.fields, entry.response, status)
        length = plan.total_bytes if given.span is None else given.span.length
        response.result = _result(status)
        response.start(given.status, given.reason, labelled, length)

    def _forget(self, entry: Entry, plan: Layout, why: Refused) -> None:
        """Forget an object that was changed at its origin, or is not sent in parts."""
        if why is Refused.NO_RANGES:
            self._fills.leave_whole(plan.key)
        if why not in FINAL or not entry.is_live:
            return
        self._counters.large_objects_changed += why is Refused.CHANGED
        self._cache.drop(entry)
        for number in plan.numbers(Span(0, plan.total_bytes)):
            self._cache.invalidate(plan.part(number).key)


def _forbids_asking(request: Request) -> bool:
    """Whether the client wants nothing that is not stored (RFC 9111 §5.2.1.7)."""
    return "only-if-cached" in parse_cache_control(request.head.fields.get("cache-control"))


def _told(status: CacheStatus, *, is_stored: bool, is_shared: bool) -> CacheStatus:
    """What happened, once it is known whether all slices were there (RFC 9211 §2.2)."""
    if is_stored:
        return status
    forward = status.forward or Forward.PARTIAL
    is_shared = is_shared or status.collapsed
    return replace(status, forward=forward, stored=True, collapsed=is_shared)


def _result(status: CacheStatus) -> Result:
    if status.collapsed:
        return Result.COLLAPSED
    if status.forward is Forward.STALE and status.forward_status == 304:
        return Result.REVALIDATED
    return Result.HIT if status.forward is None else Result.MISS
