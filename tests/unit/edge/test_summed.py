import json
from dataclasses import asdict

from edge.exposition import Family, Sample
from edge.metrics import Metrics, Result
from edge.summed import cumulative, read_families, summed


def _metrics(hits: int, misses: int) -> list[Family]:
    metrics = Metrics("test")
    metrics.hits, metrics.hit_bytes = hits, hits * 100
    for _ in range(misses):
        metrics.count(Result.MISS, 10, 0.02, 0.03)
    metrics.counters.fills = misses
    return list(metrics.families({"memory_bytes": 1000.0 * misses}))


def _value(families: list[Family], name: str, *labels: tuple[str, str], suffix: str = "") -> float:
    family = next(family for family in families if family.name == name)
    return next(s.value for s in family.samples if (s.labels, s.suffix) == (labels, suffix))


def test_counters_gauges_and_histograms_add_up() -> None:
    node = summed([_metrics(3, 1), _metrics(5, 2)])
    assert _value(node, "edge_requests_total", ("result", "hit")) == 8
    assert _value(node, "edge_fills_total") == 3
    assert _value(node, "edge_memory_bytes") == 3000
    below = (("result", "miss"), ("le", "0.025"))
    assert _value(node, "edge_first_byte_seconds", *below, suffix="_bucket") == 3
    assert _value(node, "edge_first_byte_seconds", ("result", "miss"), suffix="_count") == 3


def test_shares_are_taken_of_the_sums() -> None:
    node = summed([_metrics(9, 1), _metrics(0, 10)])
    assert _value(node, "edge_hit_ratio") == 9 / 20
    assert _value(node, "edge_hit_ratio_bytes") == 900 / 1010


def test_what_is_no_amount_is_not_added() -> None:
    one, other = _metrics(0, 0), _metrics(0, 0)
    start = _value(one, "process_start_time_seconds")
    node = summed([one, other])
    assert _value(node, "process_start_time_seconds") == start
    info = next(family for family in node if family.name == "edge_build_info")
    assert [sample.value for sample in info.samples] == [1]


def test_what_one_process_alone_has_is_kept() -> None:
    alone = Family("edge_workers", "gauge", "Workers.", (Sample(2),))
    assert summed([[alone], []]) == [alone]


def test_only_what_grows_outlives_its_process() -> None:
    kinds = {family.kind for family in cumulative(_metrics(1, 1))}
    assert kinds == {"counter", "histogram"}


def test_families_travel_as_json() -> None:
    families = _metrics(2, 1)
    values = json.loads(json.dumps([asdict(family) for family in families]))
    assert list(read_families(values)) == families
