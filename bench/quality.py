"""How pictures look and what they cost: VMAF, and the differences between two curves."""

import asyncio
import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg

from packager.core.ladder import Rung
from packager.ffmpeg import Ffmpeg
from packager.settings import PackagerSettings
from sample_media.generate import generate

CLIPS_VARIABLE = "BENCH_CLIPS"
_GENERATED = ("demo",)
_SCORE = re.compile(rb"VMAF score: ([0-9.]+)")
_SUBSAMPLE = 3
_STEPS = 200


@dataclass(frozen=True, slots=True)
class Point:
    """Bits a second, and how they look (VMAF, 0 to 100)."""

    bps: float
    vmaf: float


def clips() -> list[Path]:
    """The files that BENCH_CLIPS names, with colons between them, or a generated one."""
    named = os.environ.get(CLIPS_VARIABLE, "")
    return [Path(name) for name in named.split(":") if name] or [generate(n) for n in _GENERATED]


def bd_vmaf(ours: Sequence[Point], theirs: Sequence[Point]) -> float:
    """How much better ours looks at equal bit rates, on average over those that both have."""
    low, high = _overlap(ours, theirs, lambda point: math.log(point.bps))
    return _mean(
        low,
        high,
        lambda x: (
            _interpolate(ours, x, lambda p: math.log(p.bps), lambda p: p.vmaf)
            - _interpolate(theirs, x, lambda p: math.log(p.bps), lambda p: p.vmaf)
        ),
    )


def bd_rate(ours: Sequence[Point], theirs: Sequence[Point]) -> float:
    """Our bits over theirs at equal VMAF, on average (Bjøntegaard): 0.85 is 15 % fewer."""
    low, high = _overlap(ours, theirs, lambda point: point.vmaf)
    return math.exp(
        _mean(
            low,
            high,
            lambda y: (
                _interpolate(ours, y, lambda p: p.vmaf, lambda p: math.log(p.bps))
                - _interpolate(theirs, y, lambda p: p.vmaf, lambda p: math.log(p.bps))
            ),
        )
    )


async def score(distorted: Path, reference: Path, shown: Rung) -> float:
    """The VMAF of a file beside its source, both brought to the size they are shown at."""
    size = f"scale={shown.width}:{shown.height}:flags=bicubic,format=yuv420p,setpts=N/TB/1000"
    graph = f"[0:v]{size}[d];[1:v]{size}[r];[d][r]libvmaf=n_subsample={_SUBSAMPLE}:n_threads=2"
    output = await run_ffmpeg(
        *("-i", str(distorted), "-i", str(reference), "-lavfi", graph, "-f", "null", "-")
    )
    found = _SCORE.findall(output)
    if not found:
        raise RuntimeError("ffmpeg told no score")
    return float(found[-1])


async def run_ffmpeg(*arguments: str) -> bytes:
    """What ffmpeg wrote to its standard error.

    Raises:
        RuntimeError: It failed.
    """
    process = await asyncio.create_subprocess_exec(
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-nostats", "-y"),
        *arguments,
        stderr=asyncio.subprocess.PIPE,
    )
    _, output = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(output[-2000:].decode("utf-8", "replace"))
    return output


async def media_seconds(path: Path) -> float:
    """How long a file lasts."""
    settings = PackagerSettings()
    probe = await Ffmpeg(settings.ffmpeg, settings.ffprobe).probe(str(path))
    return float(probe["format"]["duration"])


def _overlap(
    ours: Sequence[Point], theirs: Sequence[Point], key: Callable[[Point], float]
) -> tuple[float, float]:
    low = max(min(map(key, ours)), min(map(key, theirs)))
    high = min(max(map(key, ours)), max(map(key, theirs)))
    if low >= high or min(len(ours), len(theirs)) < 2:
        raise ValueError("the curves have nothing in common")
    return low, high


def _mean(low: float, high: float, value: Callable[[float], float]) -> float:
    step = (high - low) / _STEPS
    return sum(value(low + (number + 0.5) * step) for number in range(_STEPS)) / _STEPS


def _interpolate(
    points: Sequence[Point],
    at: float,
    x: Callable[[Point], float],
    y: Callable[[Point], float],
) -> float:
    ordered = sorted(points, key=x)
    pairs = list(pairwise(ordered))
    low, high = next((pair for pair in pairs if at <= x(pair[1])), pairs[-1])
    share = (at - x(low)) / (x(high) - x(low))
    return y(low) + share * (y(high) - y(low))
