"""Sending large objects: the content is put together from slices that are stored or arrive.

While a slice is sent the next one is fetched, if the answer needs it: a viewer waits for the
origin's first byte once, and nothing is fetched that it did not ask for but the rest of a slice.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from edge.cache import Cache
from edge.core.answer import Answer, answer
from edge.core.fields import Fields
from edge.core.key import target_of
from edge.core.policy import Refused
from edge.core.slices import Layout, layout
from edge.entry import Entry
from edge.errors import BodyTruncated
from edge.fill import Failed, Fill, FillRequest, Growing, Released
from edge.fills import Fills
from edge.growing import cut
from edge.metrics import Counters, Result
from edge.request import Request
from edge.response import Response
from edge.sender import Sender, send_or_truncate
from edge.upstream import FailureKind, UpstreamResponse
from streamer.core.byte_range import Span
from streamer.core.cache_status import CacheStatus, Forward

_ATTEMPTS = 2
# Asking for the slice again would not help.
_FINAL = frozenset({Refused.CHANGED, Refused.NO_RANGES})

Lost = Failed | Released
Source = bytes | Growing


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
        plan = layout(target_of(entry.key), entry.response, self._slice_bytes)
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
        with Reading(self._cache, self._fills, entry, plan, span, fields, request) as reading:
            status = _told(status, is_stored=reading.is_stored, is_shared=reading.is_shared)
            if whole is not None:
                reading.adopt(whole)
            lost = await reading.begin()
            if isinstance(lost, Released):
                self._forget(entry, plan, lost.why)
                return None
            if isinstance(lost, Failed):
                await self._sender.fail(response, lost.status, status.forward, lost.detail)
                return Result.ERROR
            self._start(response, given, entry, status, plan)
            await send_or_truncate(response, reading.pieces())
            if reading.lost is not None:
                self._forget(entry, plan, reading.lost)
        return _result(status)

    def _start(
        self, response: Response, given: Answer, entry: Entry, status: CacheStatus, plan: Layout
    ) -> None:
        labelled = self._sender.labelled(given.fields, entry.response, status)
        length = plan.total_bytes if given.span is None else given.span.length
        response.start(given.status, given.reason, labelled, length)

    def _forget(self, entry: Entry, plan: Layout, why: Refused) -> None:
        """Forget an object that was changed at its origin, or is not sent in parts."""
        if why is Refused.NO_RANGES:
            self._fills.leave_whole(plan.key)
        if why not in _FINAL or not entry.is_live:
            return
        self._counters.large_objects_changed += why is Refused.CHANGED
        self._cache.drop(entry)
        for number in plan.numbers(Span(0, plan.total_bytes)):
            self._cache.invalidate(plan.part(number).key)


class Reading:
    """One viewer's way through a large object.

    Args:
        cache: Where slices are stored.
        fills: What fetches those that are not.
        head: The object's head.
        plan: How the object is cut.
        span: What the viewer wants of it.
        fields: The header section for the origin.
        viewer: Who wants it.

    Attributes:
        lost: Why the object cannot be read on.
    """

    def __init__(
        self,
        cache: Cache,
        fills: Fills,
        head: Entry,
        plan: Layout,
        span: Span,
        fields: Fields,
        viewer: object,
    ) -> None:
        self._cache = cache
        self._fills = fills
        self._head = head
        self._plan = plan
        self._span = span
        self._fields = fields
        self._viewer = viewer
        self._numbers = plan.numbers(span)
        self._joined: dict[int, tuple[Fill, ExitStack]] = {}
        self.lost: Refused | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in list(self._joined):
            self._leave(number)

    @property
    def is_stored(self) -> bool:
        """Whether all that the viewer wants is stored."""
        return all(self._stored(number) is not None for number in self._numbers)

    @property
    def is_shared(self) -> bool:
        """Whether the first slice is being fetched for somebody else."""
        return self._fills.find(self._request(self._numbers.start)) is not None

    def adopt(self, whole: UpstreamResponse) -> None:
        """Take the first slice from an answer that holds the whole, if the viewer wants it."""
        request = self._request(0)
        is_wanted = self._numbers.start == 0 and self._plan.has_ranges
        if is_wanted and self._stored(0) is None and self._fills.find(request) is None:
            length = self._plan.part(0).span.length
            stored = self._head.response
            self._join(0, self._fills.adopt(request, length, self._viewer, stored, whole))
        else:
            whole.close()

    async def begin(self) -> Lost | None:
        """Return once the first slice is there or begins to arrive; or what came instead."""
        source = await self._source(self._numbers.start)
        return source if isinstance(source, Failed | Released) else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """What the viewer wants, as it arrives.

        Raises:
            BodyTruncated: The rest cannot be had.
        """
        for number in self._numbers:
            if number + 1 in self._numbers and self._stored(number + 1) is None:
                self._fill(number + 1)
            async for piece in self._slice(number):
                yield piece
            self._leave(number)

    async def _slice(self, number: int) -> AsyncIterator[bytes]:
        """The viewer's share of one slice; asked for again if it is cut short."""
        bounds = self._plan.part(number).span
        start = max(self._span.start, bounds.start) - bounds.start
        stop = min(self._span.stop, bounds.stop) - bounds.start
        for _ in range(_ATTEMPTS):
            try:
                async for piece in self._share(number, start, stop):
                    start += len(piece)
                    yield piece
            except BodyTruncated:
                self._leave(number)
                if self.lost in _FINAL:
                    raise
            if start == stop:
                return
        raise BodyTruncated("a slice was cut short")

    async def _share(self, number: int, start: int, stop: int) -> AsyncIterator[bytes]:
        source = await self._source(number)
        if isinstance(source, bytes):
            yield source[start:stop]
            return
        if not isinstance(source, Growing):
            self.lost = source.why if isinstance(source, Released) else None
            raise BodyTruncated("a slice could not be fetched")
        fill, stack = self._joined[number]
        fill.is_kept = source.body.is_retained  # the rest of a slice is worth its fetching
        reader = stack.enter_context(source.body.reader())
        async for piece in cut(reader, start, stop):
            yield piece

    async def _source(self, number: int) -> Source | Lost:
        """Where a slice can be read, or why it cannot."""
        self._cache.use(self._head)  # or its slices would push it out
        entry = self._stored(number)
        if entry is not None:
            self._leave(number)
            self._cache.use(entry)
            body = await self._cache.read(entry)
            if body is not None:
                return body
        while True:
            fill = self._fill(number)
            outcome = await fill.result()
            if isinstance(outcome, Released | Failed):
                return outcome
            if not isinstance(outcome, Growing):
                return Failed(502, FailureKind.PROTOCOL)
            if outcome.body.is_retained or fill.starter is self._viewer:
                return outcome
            self._leave(number)  # a stream for somebody else

    def _fill(self, number: int) -> Fill:
        """The fill of a slice, joined."""
        if number in self._joined:
            return self._joined[number][0]
        request = self._request(number)
        fill = self._fills.find(request) or self._fills.start(request, self._viewer)
        self._join(number, fill)
        return fill

    def _join(self, number: int, fill: Fill) -> None:
        stack = ExitStack()
        stack.enter_context(self._fills.joined(fill, self._viewer))
        self._joined[number] = fill, stack

    def _leave(self, number: int) -> None:
        joined = self._joined.pop(number, None)
        if joined is not None:
            joined[1].close()

    def _request(self, number: int) -> FillRequest:
        part = self._plan.part(number)
        return FillRequest(part.key, self._fields.plus(*part.request_fields), part=part)

    def _stored(self, number: int) -> Entry | None:
        variants = self._cache.variants(self._plan.part(number).key)
        return variants[0] if variants else None


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
