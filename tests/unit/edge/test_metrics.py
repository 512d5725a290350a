"""The metrics' text, read back by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

from edge.exposition import Family, Sample, render
from edge.metrics import Metrics, Result


def _samples(metrics: Metrics) -> dict[tuple[str, str | None, str | None], float]:
    return {
        (sample.name, sample.labels.get("result"), sample.labels.get("le")): sample.value
        for family in text_string_to_metric_families(metrics.render({"memory_bytes": 7}))
        for sample in family.samples
    }


def test_every_family_has_a_type_help_and_the_region() -> None:
    families = list(text_string_to_metric_families(Metrics("fra").render({"memory_bytes": 7})))
    assert all(f.documentation and f.type in ("counter", "gauge", "histogram") for f in families)
    assert len({family.name for family in families}) == len(families)
    assert all(s.labels["region"] == "fra" for family in families for s in family.samples)


def test_label_values_and_help_are_escaped() -> None:
    family = Family("a", "gauge", 'one\\two\nthree"', (Sample(1.5, (("x", 'q"\\\n'),)),))
    (read,) = text_string_to_metric_families(render([family]))
    assert read.samples[0].labels == {"x": 'q"\\\n'}
    assert read.documentation == 'one\\two\nthree"'


def test_hits_in_place_are_in_the_lowest_bucket_and_in_the_sums_of_requests() -> None:
    metrics = Metrics("fra")
    metrics.hits, metrics.hit_bytes = 3, 300
    metrics.count(Result.HIT, 50, 0.002, 0.004)
    samples = _samples(metrics)
    assert samples["edge_requests_total", "hit", None] == 4
    assert samples["edge_sent_bytes_total", "hit", None] == 350
    for name in ("edge_first_byte_seconds", "edge_request_duration_seconds"):
        assert samples[f"{name}_bucket", "hit", "0.001"] == 3
        assert samples[f"{name}_bucket", "hit", "0.005"] == 4
        assert samples[f"{name}_count", "hit", None] == 4
        assert samples[f"{name}_count", "miss", None] == 0
    assert samples["edge_request_duration_seconds_sum", "hit", None] == 0.004


def test_an_answer_without_a_first_byte_has_a_duration_only() -> None:
    metrics = Metrics("fra")
    metrics.count(Result.ERROR, 0, None, 30.0)
    samples = _samples(metrics)
    assert samples["edge_first_byte_seconds_count", "error", None] == 0
    assert samples["edge_request_duration_seconds_bucket", "error", "10.0"] == 0
    assert samples["edge_request_duration_seconds_bucket", "error", "+Inf"] == 1


def test_hit_ratios_by_requests_and_by_bytes() -> None:
    metrics = Metrics("fra")
    assert _samples(metrics)["edge_hit_ratio", None, None] == 0
    metrics.hits, metrics.hit_bytes = 1, 100
    for result in Result:
        metrics.count(result, 100, 0.0, 0.0)
    samples = _samples(metrics)
    # hit twice, stale, revalidated, collapsed | miss, passed, error
    assert samples["edge_hit_ratio", None, None] == samples["edge_hit_ratio_bytes", None, None]
    assert samples["edge_hit_ratio", None, None] == 0.625


def test_the_process_tells_of_itself() -> None:
    samples = _samples(Metrics("fra"))
    assert samples["process_cpu_seconds_total", None, None] > 0
    assert samples["process_resident_memory_bytes", None, None] > 1e6
    assert 0 < samples["process_open_fds", None, None] <= samples["process_max_fds", None, None]
    assert samples["process_start_time_seconds", None, None] > 1.7e9
