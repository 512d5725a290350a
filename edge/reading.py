"""One viewer's way through a large object: from slice to slice, stored or still arriving.

While a slice is sent the next one is fetched, if the answer needs it and the viewer takes what it
gets: it waits for the origin's first byte once, one that stands still holds no more than a slice,
and nothing is fetched that was not asked for but the rest of a slice.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from edge.cache import Cache
from edge.core.fields import Fields
from edge.core.policy import Refused
from edge.core.slices import Layout
from edge.entry import Entry
from edge.errors import BodyTruncated
from edge.fill import Failed, Fill, FillRequest, Growing, Released
from edge.fills import Fills
from edge.growing import cut
from edge.upstream import FailureKind, UpstreamResponse
from streamer.core.byte_range import Span

_ATTEMPTS = 2
# A viewer that has taken so much of a slice, or half of its share, will want the next one.
_TAKEN_BYTES = 512 * 1024
# Asking for the slice again would not help.
FINAL = frozenset({Refused.CHANGED, Refused.NO_RANGES})

Lost = Failed | Released
Source = bytes | Growing


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
        return all(map(self._is_stored, self._numbers))

    @property
    def is_shared(self) -> bool:
        """Whether the first slice is being fetched for somebody else."""
        return self._fills.find(self._request(self._numbers.start)) is not None

    async def begin(self, whole: UpstreamResponse | None) -> Lost | None:
        """Return once the first slice is there or begins to arrive; or what came instead."""
        if whole is not None:
            self._adopt(whole)
        source = await self._source(self._numbers.start)
        return source if isinstance(source, Failed | Released) else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """What the viewer wants, as it arrives.

        Raises:
            BodyTruncated: The rest cannot be had.
        """
        for number in self._numbers:
            share = self._plan.share(number, self._span)
            taken = 0
            async for piece in self._slice(number, share):
                yield piece
                taken += len(piece)
                if taken >= min(_TAKEN_BYTES, share.length // 2):
                    self._look_ahead(number + 1)
            self._leave(number)

    def _adopt(self, whole: UpstreamResponse) -> None:
        """Take the first slice from an answer that holds the whole, if the viewer wants it."""
        request = self._request(0)
        is_wanted = self._numbers.start == 0 and self._plan.has_ranges
        if is_wanted and not self._is_stored(0) and self._fills.find(request) is None:
            length = self._plan.part(0).span.length
            stored = self._head.response
            self._join(0, self._fills.adopt(request, length, self._viewer, stored, whole))
        else:
            whole.close()

    def _look_ahead(self, number: int) -> None:
        """Have a slice fetched that the viewer wants next, unless it is stored."""
        is_wanted = number in self._numbers and number not in self._joined
        if is_wanted and not self._is_stored(number):
            self._fill(number)

    async def _slice(self, number: int, share: Span) -> AsyncIterator[bytes]:
        """The viewer's share of one slice; asked for again if it is cut short."""
        start, stop = share.start, share.stop
        for _ in range(_ATTEMPTS):
            try:
                async for piece in self._share(number, start, stop):
                    start += len(piece)
                    yield piece
            except BodyTruncated:
                self._leave(number)
                if self.lost in FINAL:
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
            raise BodyTruncated("a slice could not be fetched")
        fill, stack = self._joined[number]
        fill.is_kept = source.body.is_retained  # the rest of a slice is worth its fetching
        reader = stack.enter_context(source.body.reader())
        async for piece in cut(reader, start, stop):
            yield piece

    async def _source(self, number: int) -> Source | Lost:
        """Where a slice can be read, or why it cannot."""
        self._cache.use(self._head)  # or its slices would push it out
        body = await self._stored(number)
        if body is not None:
            self._leave(number)
            return body
        while True:
            fill = self._fill(number)
            outcome = await fill.result()
            if isinstance(outcome, Released):
                self.lost = outcome.why
                return outcome
            if isinstance(outcome, Failed):
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

    def _is_stored(self, number: int) -> bool:
        return self._cache.has(self._plan.part(number).key)

    async def _stored(self, number: int) -> bytes | None:
        """A slice, if it is stored."""
        await self._cache.wake(self._plan.part(number).key)
        variants = self._cache.variants(self._plan.part(number).key)
        if not variants:
            return None
        self._cache.use(variants[0])
        return await self._cache.read(variants[0])
