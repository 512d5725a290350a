"""What was asked of one upstream and what came of it, with the breaker that learns from it."""

import asyncio
import random
from collections.abc import Iterator, Mapping
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
)
from edge.core.recent import Recent
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
        failures: How many requests got no answer, by how.
        first_byte: How long the heads of answers took.
        failed: The keys that got no answer lately over a connection that was not refused.
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
        exchange = Exchange(self, key, _now())
        self.requests += 1
        self.breaker = asked(self.breaker)
        try:
            yield exchange
        finally:
            if not exchange.is_over:
                self.breaker = abandoned(self.breaker, _now())


@dataclass(slots=True)
class Exchange:
    """One request under way."""

    traffic: Traffic
    key: bytes
    begun_at: float
    is_over: bool = False

    def end(self, answer: UpstreamResponse | UpstreamFailure) -> None:
        """Note the outcome."""
        traffic, now = self.traffic, _now()
        self.is_over = True
        if not isinstance(answer, UpstreamFailure):
            traffic.error_answers += answer.status >= 500
            traffic.first_byte.observe(now - self.begun_at)
            traffic.breaker = answered(traffic.breaker, now, traffic.limits)
            return
        traffic.failures[answer.kind] += 1
        if answer.kind is FailureKind.MALFORMED:
            traffic.breaker = answered(traffic.breaker, now, traffic.limits)
        elif answer.kind in _NO_FAULT or self._repeats(answer.kind, now):
            traffic.breaker = abandoned(traffic.breaker, now)
        else:
            jitter = random.random()  # noqa: S311
            traffic.breaker = failed(traffic.breaker, now, traffic.limits, jitter)

    def _repeats(self, kind: FailureKind, now: float) -> bool:
        """Whether its key failed lately already: what is slow or crashes may be it alone."""
        if kind is FailureKind.CONNECT:
            return False
        repeats = self.traffic.failed.has(self.key, now)
        self.traffic.failed.add(self.key, now)
        return repeats


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
        "Requests to each upstream that got no answer, by why.",
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
