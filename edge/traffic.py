"""What was asked of one upstream and what came of it, with the breaker that learns from it."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from edge.core.breaker import (
    Breaker,
    Closed,
    HalfOpen,
    Limits,
    Open,
    abandoned,
    admits,
    answered,
    asked,
    failed,
    spell,
)
from edge.core.recent import Recent
from edge.errors import BodyTruncated
from edge.exposition import Family, Sample
from edge.metrics import Histogram
from edge.upstream import FailureKind, Source, UpstreamFailure, UpstreamResponse

# Our own bound, which says nothing about the upstream.
_NO_FAULT = frozenset({FailureKind.BUSY})
_FAILED_SECONDS = 60.0
_FAILED_KEYS = 1024


@dataclass(slots=True)
class Traffic:
    """One upstream's source, health and figures.

    Attributes:
        source: What is asked.
        limits: When it is left alone.
        requests: How often it was asked.
        error_answers: How many answers were 500 or above.
        failures: How many requests got no answer, or no whole one, by how.
        first_byte: How long the heads of answers took.
        failed: The keys that got no whole answer lately over a connection that was not refused.
    """

    source: Source
    limits: Limits
    requests: int = 0
    error_answers: int = 0
    failures: dict[FailureKind, int] = field(default_factory=lambda: dict.fromkeys(FailureKind, 0))
    first_byte: Histogram = field(default_factory=Histogram)
    failed: Recent = field(default_factory=lambda: Recent(_FAILED_SECONDS, _FAILED_KEYS))
    breaker: Breaker = field(default_factory=Closed)

    @property
    def is_healthy(self) -> bool:
        """Whether it may be asked now."""
        return admits(self.breaker, _now())

    @contextmanager
    def watched(self, key: bytes) -> Iterator["Exchange"]:
        """Watch one request for a key; without an outcome it counts as given up."""
        now = _now()
        self.requests += 1
        self.breaker = asked(self.breaker, now, self.limits)
        exchange = Exchange(self, key, now, spell(self.breaker))
        try:
            yield exchange
        finally:
            if not exchange.is_followed:
                exchange.give_up()


@dataclass(slots=True)
class Exchange:
    """One request under way.

    Attributes:
        begun_in: The breaker's spell: when its outcome is known, that may be over.
        is_over: Whether its outcome is known.
        is_followed: Whether its outcome comes with the body of its answer.
    """

    traffic: Traffic
    key: bytes
    begun_at: float
    begun_in: tuple[type[Breaker], int]
    is_over: bool = False
    is_followed: bool = False

    def end(self, answer: UpstreamResponse | UpstreamFailure) -> None:
        """Note the outcome, of which the head of an answer tells enough."""
        if isinstance(answer, UpstreamFailure):
            self.fail(answer.kind)
        else:
            self._note_head(answer)
            self.succeed()

    def follow(
        self, answer: UpstreamResponse | UpstreamFailure
    ) -> UpstreamResponse | UpstreamFailure:
        """The answer, whose outcome is noted with the end of its body; an error is one itself."""
        if isinstance(answer, UpstreamFailure) or answer.is_whole or answer.status >= 500:
            self.end(answer)
            return answer
        self._note_head(answer)
        self.is_followed = True
        return _Followed(answer, self)

    def succeed(self) -> None:
        """Note that all is well."""
        if not self.is_over:
            self._conclude(answered(self.traffic.breaker, _now(), self.traffic.limits))

    def give_up(self) -> None:
        """Note, where no outcome is known, that none will be."""
        if not self.is_over:
            self._conclude(abandoned(self.traffic.breaker, _now()))

    def fail(self, kind: FailureKind) -> None:
        """Note a failure. Where a body ends that has lasted, that says nothing of the upstream."""
        traffic, now = self.traffic, _now()
        traffic.failures[kind] += 1
        if self.is_over:
            return
        if kind is FailureKind.MALFORMED:
            self.succeed()
        elif kind in _NO_FAULT or self._repeats(kind, now):
            self.give_up()
        else:
            jitter = random.random()  # noqa: S311
            self._conclude(failed(traffic.breaker, now, traffic.limits, jitter))

    def _conclude(self, breaker: Breaker) -> None:
        self.is_over = True
        if spell(self.traffic.breaker) == self.begun_in:
            self.traffic.breaker = breaker

    def _note_head(self, answer: UpstreamResponse) -> None:
        self.traffic.error_answers += answer.status >= 500
        self.traffic.first_byte.observe(_now() - self.begun_at)

    def _repeats(self, kind: FailureKind, now: float) -> bool:
        """Whether its key failed lately already: what is slow or crashes may be it alone."""
        if kind.is_unsent:
            return False
        repeats = self.traffic.failed.has(self.key, now)
        self.traffic.failed.add(self.key, now)
        return repeats


class _Followed:
    """An answer whose body tells how its exchange ends.

    One that lasts is a good one before its end: of a stated length, if more of it arrives then;
    else in any case, because an event stream may be quiet.
    """

    def __init__(self, answer: UpstreamResponse, exchange: Exchange) -> None:
        self._answer = answer
        self._exchange = exchange
        self.status = answer.status
        self.reason = answer.reason
        self.fields = answer.fields
        self.content_length = answer.content_length
        self.told = answer.told
        loop, limits = asyncio.get_running_loop(), exchange.traffic.limits
        self._lasts_from = loop.time() + limits.lasting_seconds
        self._lasting: asyncio.TimerHandle | None = None
        if self.content_length is None:
            self._lasting = loop.call_at(self._lasts_from, exchange.succeed)

    @property
    def is_whole(self) -> bool:
        return self._answer.is_whole

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.pieces():
                if _now() >= self._lasts_from:
                    self._exchange.succeed()
                yield piece
        except BodyTruncated:
            self._exchange.fail(FailureKind.TRUNCATED)
            raise
        self._exchange.succeed()

    def free_slot(self) -> None:
        self._answer.free_slot()

    def close(self) -> None:
        if self._lasting is not None:
            self._lasting.cancel()
        if self.is_whole:
            self._exchange.succeed()
        self._exchange.give_up()
        self._answer.close()


def families(traffic: Mapping[str, Traffic]) -> Iterator[Family]:
    """The figures of all upstreams, by name."""
    named = [((("upstream", name),), one) for name, one in traffic.items()]
    yield Family(
        "edge_upstream_requests_total",
        "counter",
        "Requests sent to each upstream.",
        tuple(Sample(one.requests, labels) for labels, one in named),
    )
    yield Family(
        "edge_upstream_error_answers_total",
        "counter",
        "Answers of 500 and above from each upstream.",
        tuple(Sample(one.error_answers, labels) for labels, one in named),
    )
    yield Family(
        "edge_upstream_failures_total",
        "counter",
        "Requests to each upstream that got no answer, or no whole one, by why.",
        tuple(
            Sample(count, (*labels, ("kind", kind.removeprefix("upstream-"))))
            for labels, one in named
            for kind, count in one.failures.items()
        ),
    )
    yield Family(
        "edge_upstream_breaker",
        "gauge",
        "Whether each upstream is asked: 0 yes, 1 one request finds out, 2 no.",
        tuple(Sample(_LEVELS[type(one.breaker)], labels) for labels, one in named),
    )
    yield Family(
        "edge_upstream_first_byte_seconds",
        "histogram",
        "Time to the head of each upstream's answers.",
        tuple(sample for labels, one in named for sample in one.first_byte.samples(labels)),
    )


_LEVELS = {Closed: 0, HalfOpen: 1, Open: 2}


def _now() -> float:
    return asyncio.get_running_loop().time()
