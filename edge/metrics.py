"""What a node counts, as plain numbers, and their Prometheus text."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Result(StrEnum):
    """How a request was answered."""

    HIT = "hit"
    STALE = "stale"
    REVALIDATED = "revalidated"
    COLLAPSED = "collapsed"
    MISS = "miss"
    PASSED = "passed"
    ERROR = "error"


@dataclass(slots=True)
class Histogram:
    """A cumulative histogram of seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    total_seconds: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self.total_seconds += seconds

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """The samples, in Prometheus' text format."""
        below = 0
        for bound, count in zip((*BUCKETS_SECONDS, "+Inf"), self.counts, strict=True):
            below += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {below}'
        yield f"{name}_sum{{{labels}}} {self.total_seconds:.6f}"
        yield f"{name}_count{{{labels}}} {below}"


@dataclass(slots=True)
class Counters:
    """Everything counted. The names, with `edge_` before and `_total` after, are the metrics'."""

    connections: int = 0
    connections_refused: int = 0
    requests_refused: int = 0
    fills: int = 0
    fills_failed: int = 0
    fills_truncated: int = 0
    fills_abandoned: int = 0
    fetched_bytes: int = 0
    revalidations: int = 0
    evictions: int = 0
    disk_writes: int = 0
    disk_writes_skipped: int = 0
    disk_errors: int = 0
    disk_corrupt: int = 0
    prefetch_requests: int = 0
    prefetch_bytes: int = 0
    prefetch_failed: int = 0
    prefetch_skipped: int = 0
    prefetch_used: int = 0
    prefetch_used_bytes: int = 0
    prefetch_late: int = 0
    prefetch_wasted: int = 0
    prefetch_wasted_bytes: int = 0
    heartbeats_failed: int = 0
    purges: int = 0
    purged_objects: int = 0


class Metrics:
    """The counters of a node. `hits` and `hit_bytes` are apart: the hot path adds to them."""

    def __init__(self, region: str) -> None:
        self._region = region
        self.hits = 0
        self.hit_bytes = 0
        self.counters = Counters()
        self._requests: dict[Result, int] = dict.fromkeys(Result, 0)
        self._bytes: dict[Result, int] = dict.fromkeys(Result, 0)
        self._first_byte: dict[Result, Histogram] = {result: Histogram() for result in Result}

    def requests(self, result: Result) -> int:
        """How many requests were answered so."""
        return self._requests[result] + (self.hits if result is Result.HIT else 0)

    def count(self, result: Result, sent_bytes: int, first_byte_seconds: float | None) -> None:
        """Count an answer that did not take the hot path."""
        self._requests[result] += 1
        self._bytes[result] += sent_bytes
        if first_byte_seconds is not None:
            self._first_byte[result].observe(first_byte_seconds)

    def render(self, gauges: Mapping[str, float]) -> str:
        """The Prometheus text of everything counted and of `gauges`, by name without `edge_`."""
        return "".join(f"{line}\n" for line in self._lines(gauges))

    def _lines(self, gauges: Mapping[str, float]) -> Iterator[str]:
        region = f'region="{self._region}"'
        yield "# HELP edge_requests_total Requests answered, by how."
        yield "# TYPE edge_requests_total counter"
        for result in Result:
            yield f'edge_requests_total{{{region},result="{result}"}} {self.requests(result)}'
        yield "# HELP edge_sent_bytes_total Body bytes sent to viewers, by how."
        yield "# TYPE edge_sent_bytes_total counter"
        for result, sent in self._bytes.items():
            sent += self.hit_bytes if result is Result.HIT else 0
            yield f'edge_sent_bytes_total{{{region},result="{result}"}} {sent}'
        for counter in fields(Counters):
            name = f"edge_{counter.name}_total"
            yield f"# TYPE {name} counter"
            yield f"{name}{{{region}}} {getattr(self.counters, counter.name)}"
        for gauge, value in gauges.items():
            yield f"# TYPE edge_{gauge} gauge"
            yield f"edge_{gauge}{{{region}}} {value:g}"
        yield "# HELP edge_first_byte_seconds Time to first byte of answers given off the hot path."
        yield "# TYPE edge_first_byte_seconds histogram"
        for result, histogram in self._first_byte.items():
            yield from histogram.lines("edge_first_byte_seconds", f'{region},result="{result}"')
