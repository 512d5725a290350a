"""The per-title ladder: which sizes at which quality a video's own pictures ask for.

A few short samples are encoded in every size at several qualities and compared with the source at
the size it is shown at (VMAF). A size is kept for the bit rates at which it looks better than any
other, the convex hull of Netflix's "per-title encode optimization" (2015); a size that never does
is dropped.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from packager.core.ladder import Rung

# x264's constant rate factors that samples are encoded at, and those that may be chosen.
SAMPLED_QUALITIES = (21.0, 27.0, 33.0)
_QUALITIES = tuple(quality / 2 for quality in range(2 * 19, 2 * 36 + 1))
# Better than this is hardly seen (Netflix: 93 and above is as good as the source to most viewers).
_ENOUGH_VMAF = 93.0
# Where two sizes look alike, the measurement cannot tell which is better.
_EQUAL_VMAF = 0.25
# What players step up by is worth a rung of its own.
_STEP = 1.4
# Samples miss the worst moments.
_CAP_OVER_SAMPLES = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What one quality of a size costs, in bits a second, and how it looks, in VMAF."""

    quality: float
    bps: float
    vmaf: float


Curve = Sequence[Measured]


def average(samples: Sequence[Curve]) -> Curve:
    """One curve of a size over several samples of the same qualities."""
    return tuple(
        Measured(
            quality=points[0].quality,
            bps=sum(point.bps for point in points) / len(points),
            vmaf=sum(point.vmaf for point in points) / len(points),
        )
        for points in zip(*samples, strict=True)
    )


def choose_ladder(ladder: Sequence[Rung], curves: Mapping[str, Curve]) -> tuple[Rung, ...]:
    """The ladder that a video asks for.

    Args:
        ladder: The fixed one, lowest first. The lowest stays as it is: viewers have begun with it.
        curves: What was measured of each rung, by its name.
    """
    fine = {rung.name: _interpolate(curves[rung.name]) for rung in ladder}
    lowest = _at(curves[ladder[0].name], ladder[0].quality)
    ceiling = math.inf
    chosen: list[Rung] = []
    for rung in reversed(ladder[1:]):
        others = [fine[other.name] for other in ladder if other is not rung]
        best = [point for point in fine[rung.name] if _is_best(point, others)]
        fitting = [point for point in best if lowest.bps * _STEP <= point.bps <= ceiling]
        point = _pick(fitting, rung) if chosen else _pick_top(best or fine[rung.name], rung)
        if point is None:
            continue
        ceiling = point.bps / _STEP
        cap_bps = min(rung.max_bps, round(point.bps * _CAP_OVER_SAMPLES / 1000) * 1000)
        chosen.append(replace(rung, quality=point.quality, max_bps=cap_bps))
    return (ladder[0], *reversed(chosen))


def _interpolate(curve: Curve) -> Curve:
    """The curve at every quality that may be chosen: bit rates as powers, VMAF as it is."""
    return tuple(_at(curve, quality) for quality in _QUALITIES)


def _at(curve: Curve, quality: float) -> Measured:
    low, high = next(
        (pair for pair in pairwise(curve) if quality <= pair[1].quality),
        (curve[-2], curve[-1]),
    )
    share = (quality - low.quality) / (high.quality - low.quality)
    bps = math.exp(math.log(low.bps) + share * (math.log(high.bps) - math.log(low.bps)))
    return Measured(quality, bps, min(100.0, low.vmaf + share * (high.vmaf - low.vmaf)))


def _is_best(point: Measured, others: Sequence[Curve]) -> bool:
    """Whether no other size looks better for as many bits."""
    return all(_vmaf_for(other, point.bps) <= point.vmaf + _EQUAL_VMAF for other in others)


def _vmaf_for(curve: Curve, bps: float) -> float:
    """What a size looks like for at most so many bits; below its range it is not offered."""
    return max((point.vmaf for point in curve if point.bps <= bps), default=0.0)


def _pick_top(points: Curve, rung: Rung) -> Measured:
    """The fewest bits that look good enough, never more than the fixed ladder spends."""
    cheaper = [point for point in points if point.quality >= rung.quality]
    enough = [point for point in cheaper if point.vmaf >= _ENOUGH_VMAF]
    if enough:
        return min(enough, key=lambda point: point.bps)
    return max(cheaper or points, key=lambda point: point.vmaf)


def _pick(points: Curve, rung: Rung) -> Measured | None:
    """The middle of the bit rates that a size is best for; None when it is best for none."""
    affordable = [point for point in points if point.bps <= rung.max_bps]
    if not affordable:
        return None
    middle = math.sqrt(affordable[0].bps * affordable[-1].bps)
    return min(affordable, key=lambda point: abs(math.log(point.bps / middle)))
