"""The metrics of several processes as those of one node."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from edge.exposition import Family, Labels, Sample
from edge.metrics import Result, share_from_cache

_Key = tuple[Labels, str]
# Not amounts: adding them up would say nothing.
_COMBINED: dict[str, Callable[[Iterable[float]], float]] = {
    "edge_build_info": max,
    "edge_upstream_breaker": max,
    "process_start_time_seconds": min,
}
_RATIOS = {"edge_hit_ratio": "edge_requests_total", "edge_hit_ratio_bytes": "edge_sent_bytes_total"}


def summed(processes: Iterable[Iterable[Family]]) -> list[Family]:
    """All families of all processes: what they count is added up, shares are taken anew."""
    found: dict[str, list[Family]] = {}
    for families in processes:
        for family in families:
            found.setdefault(family.name, []).append(family)
    merged = {name: _merged(same) for name, same in found.items()}
    for ratio, counts in _RATIOS.items():
        if ratio in merged and counts in merged:
            merged[ratio] = replace(merged[ratio], samples=(_ratio(merged[counts]),))
    return list(merged.values())


def cumulative(families: Iterable[Family]) -> list[Family]:
    """The families that only ever grow, which outlive the process that counted them."""
    return [family for family in families if family.kind != "gauge"]


def read_families(values: Iterable[dict[str, Any]]) -> Iterator[Family]:
    """Families from what `dataclasses.asdict` makes of them."""
    for value in values:
        samples = (
            Sample(one["value"], tuple((n, v) for n, v in one["labels"]), one["suffix"])
            for one in value["samples"]
        )
        yield Family(value["name"], value["kind"], value["help"], tuple(samples))


def _merged(families: Sequence[Family]) -> Family:
    values: dict[_Key, list[float]] = {}
    for family in families:
        for sample in family.samples:
            values.setdefault((sample.labels, sample.suffix), []).append(sample.value)
    combine = _COMBINED.get(families[0].name, sum)
    samples = (Sample(combine(same), *key) for key, same in values.items())
    return replace(families[0], samples=tuple(samples))


def _ratio(counts: Family) -> Sample:
    return Sample(share_from_cache({Result(s.labels[0][1]): s.value for s in counts.samples}))
