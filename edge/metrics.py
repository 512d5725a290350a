"""What a node counts, as plain numbers, and the metrics made of them."""

import platform
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from importlib.metadata import version
from itertools import accumulate

from edge.exposition import Family, Labels, Sample, render
from edge.process_metrics import process_families

# Of what runs, also while its files are replaced by another release's.
VERSION = version("streamer")
BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_IN_PLACE = "Hits answered in place count as 0 s."


class Result(StrEnum):
    """How a request was answered."""

    HIT = "hit"
    STALE = "stale"
    REVALIDATED = "revalidated"
    COLLAPSED = "collapsed"
    MISS = "miss"
    PASSED = "passed"
    ERROR = "error"


# Answered without a body that was fetched for this request alone.
_FROM_CACHE = (Result.HIT, Result.STALE, Result.REVALIDATED, Result.COLLAPSED)


@dataclass(slots=True)
class Histogram:
    """A cumulative histogram of seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    total_seconds: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self.total_seconds += seconds

    def samples(self, labels: Labels = (), *, instant: int = 0) -> Iterator[Sample]:
        """The samples; `instant` is how many observations of 0 s there were besides."""
        counts = [self.counts[0] + instant, *self.counts[1:]]
        bounds = (*map(str, BUCKETS_SECONDS), "+Inf")
        for bound, below in zip(bounds, accumulate(counts), strict=True):
            yield Sample(below, (*labels, ("le", bound)), "_bucket")
        yield Sample(self.total_seconds, labels, "_sum")
        yield Sample(sum(counts), labels, "_count")


def _counter(explained: str) -> int:
    """A field of `Counters`, from 0, with the HELP of its metric."""
    counter: int = field(default=0, metadata={"help": explained})
    return counter


@dataclass(slots=True)
class Counters:
    """Everything counted. The names, with `edge_` before and `_total` after, are the metrics'."""

    connections: int = _counter("Connections taken.")
    connections_refused: int = _counter("Connections turned away.")
    tls_handshakes_failed: int = _counter("TLS handshakes that came to nothing.")
    certificate_reloads_failed: int = _counter("Reloads that kept the old certificates.")
    behaviour_reloads_failed: int = _counter("Reloads that kept the old behaviours.")
    viewers_too_slow: int = _counter("Connections ended because the viewer was too slow.")
    requests_refused: int = _counter("Requests that could not be understood or are not allowed.")
    fills: int = _counter("Fetches for the cache.")
    worker_fetches: int = _counter("Objects got from the worker of this node that owns them.")
    fills_failed: int = _counter("Fetches without an answer.")
    fills_truncated: int = _counter("Fetches whose body ended early.")
    fills_abandoned: int = _counter("Fetches ended because nobody wanted them any more.")
    fetched_bytes: int = _counter("Body bytes received from upstream.")
    large_objects_changed: int = _counter("Objects in slices that had changed at the origin.")
    revalidations: int = _counter("Fetches that asked whether a stored response is still good.")
    evictions: int = _counter("Objects that left a tier to make room.")
    disk_writes: int = _counter("Objects written to the disk tier.")
    disk_writes_skipped: int = _counter("Objects not written because the disk is slow or fails.")
    disk_errors: int = _counter("Reads and writes that failed.")
    disk_corrupt: int = _counter("Files dropped because they were damaged or lost.")
    disk_swept: int = _counter("Files of earlier runs deleted because nothing knew of them.")
    prefetch_requests: int = _counter("Fetches begun ahead of viewers.")
    prefetch_bytes: int = _counter("Body bytes fetched ahead.")
    prefetch_failed: int = _counter("Fetches ahead that came to nothing.")
    prefetch_skipped: int = _counter("Fetches ahead not begun for lack of room.")
    prefetch_used: int = _counter("Objects fetched ahead that were there when first asked for.")
    prefetch_used_bytes: int = _counter("Bytes fetched ahead that a viewer asked for.")
    prefetch_late: int = _counter("Fetches ahead still on their way when a viewer asked.")
    prefetch_wasted: int = _counter("Objects fetched ahead that left unused.")
    prefetch_wasted_bytes: int = _counter("Their bytes.")
    access_log_lines: int = _counter("Lines of the access log written.")
    access_log_lines_lost: int = _counter("Lines lost because the disk is slow or fails.")
    heartbeats_failed: int = _counter("Heartbeats the origin did not take.")
    purges: int = _counter("Purges obeyed.")
    purged_objects: int = _counter("Objects they removed.")


class Metrics:
    """The counters of a node. `hits` and `hit_bytes` are apart: the hot path adds to them.

    Attributes:
        viewers_left: Answers whose viewers left before their end.
        loop_lag: How late the event loop came to its clock.
        others: Give further families, of the parts that keep their own figures.
    """

    def __init__(self, region: str) -> None:
        self.region = region
        self.hits = 0
        self.hit_bytes = 0
        self.viewers_left = 0
        self.counters = Counters()
        self.loop_lag = Histogram()
        self.others: list[Callable[[], Iterator[Family]]] = []
        self._requests: dict[Result, int] = dict.fromkeys(Result, 0)
        self._bytes: dict[Result, int] = dict.fromkeys(Result, 0)
        self._first_byte: dict[Result, Histogram] = {result: Histogram() for result in Result}
        self._duration: dict[Result, Histogram] = {result: Histogram() for result in Result}

    def requests(self, result: Result) -> int:
        """How many requests were answered so."""
        return self._requests[result] + (self.hits if result is Result.HIT else 0)

    def sent_bytes(self, result: Result) -> int:
        """How many body bytes went to viewers so."""
        return self._bytes[result] + (self.hit_bytes if result is Result.HIT else 0)

    def count(
        self,
        result: Result,
        sent_bytes: int,
        first_byte_seconds: float | None,
        duration_seconds: float,
    ) -> None:
        """Count an answer that did not take the hot path."""
        self._requests[result] += 1
        self._bytes[result] += sent_bytes
        self._duration[result].observe(duration_seconds)
        if first_byte_seconds is not None:
            self._first_byte[result].observe(first_byte_seconds)

    def families(self, gauges: Mapping[str, float]) -> Iterator[Family]:
        """Everything counted, and `gauges`, by name without `edge_`."""
        yield from self._answers()
        yield from self._histograms()
        for counter in fields(Counters):
            value = getattr(self.counters, counter.name)
            explained = counter.metadata.get("help", counter.name)
            yield Family(f"edge_{counter.name}_total", "counter", explained, (Sample(value),))
        for name, value in gauges.items():
            yield _gauge(name, f"{name.replace('_', ' ').capitalize()}.", value)
        software = (("version", VERSION), ("python", platform.python_version()))
        yield Family("edge_build_info", "gauge", "What runs.", (Sample(1, software),))
        yield from process_families()
        for families in self.others:
            yield from families()

    def render(self, gauges: Mapping[str, float]) -> str:
        """The Prometheus text of all of that."""
        return render(self.families(gauges), (("region", self.region),))

    def _answers(self) -> Iterator[Family]:
        requests = {result: self.requests(result) for result in Result}
        sent = {result: self.sent_bytes(result) for result in Result}
        yield _by_result("requests_total", "Requests answered, by how.", requests)
        yield _by_result("sent_bytes_total", "Body bytes sent to viewers, by how.", sent)
        yield _gauge(
            "hit_ratio",
            "Share of requests answered without a body fetched for them alone, since the start.",
            share_from_cache(requests),
        )
        left = "Answers whose viewers left, or were too slow, before their end."
        yield Family("edge_viewers_left_total", "counter", left, (Sample(self.viewers_left),))
        share = share_from_cache(sent)
        yield _gauge("hit_ratio_bytes", "The same share of the body bytes sent.", share)

    def _histograms(self) -> Iterator[Family]:
        first_byte = f"From a request's head to the first byte of its answer. {_IN_PLACE}"
        duration = f"From a request's head to the last byte handed to the kernel. {_IN_PLACE}"
        yield self._timed("first_byte_seconds", first_byte, self._first_byte)
        yield self._timed("request_duration_seconds", duration, self._duration)
        lag = "How late the event loop came to its clock, four times a second."
        lags = tuple(self.loop_lag.samples())
        yield Family("edge_event_loop_lag_seconds", "histogram", lag, lags)

    def _timed(self, name: str, explained: str, found: Mapping[Result, Histogram]) -> Family:
        instant = {Result.HIT: self.hits}
        samples = [
            sample
            for result, histogram in found.items()
            for sample in histogram.samples(
                (("result", result.value),), instant=instant.get(result, 0)
            )
        ]
        return Family(f"edge_{name}", "histogram", explained, tuple(samples))


def _by_result(name: str, explained: str, values: Mapping[Result, int]) -> Family:
    samples = (Sample(value, (("result", result.value),)) for result, value in values.items())
    return Family(f"edge_{name}", "counter", explained, tuple(samples))


def _gauge(name: str, explained: str, value: float) -> Family:
    return Family(f"edge_{name}", "gauge", explained, (Sample(value),))


def share_from_cache(values: Mapping[Result, float]) -> float:
    """The share of answers, or of their bytes, without a body fetched for one request alone."""
    total = sum(values.values())
    return sum(values[result] for result in _FROM_CACHE) / total if total else 0.0
