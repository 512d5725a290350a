"""How long a source lasts that does not say so."""

from collections.abc import Iterable, Mapping
from typing import Any

from packager.core.probe_values import read_seconds


def guess_seconds(packets: Iterable[Mapping[str, Any]], length_bytes: int) -> float:
    """How long it lasts if all of it is as its first packets are; 0 if they do not tell.

    Args:
        packets: ffprobe's `pts_time` and `pos` of each.
        length_bytes: The length of the source.
    """
    known = [packet for packet in packets if "pts_time" in packet and "pos" in packet]
    times = [float(read_seconds(packet["pts_time"])) for packet in known]
    places = [int(read_seconds(packet["pos"])) for packet in known]
    span_bytes = max(places, default=0) - min(places, default=0)
    if span_bytes <= 0:
        return 0.0
    return (max(times) - min(times)) * length_bytes / span_bytes
