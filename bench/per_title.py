"""The per-title ladder beside the fixed one: the bits that each needs for the same VMAF."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.quality import CLIPS_VARIABLE, Point, bd_rate, clips, run_ffmpeg, score
from bench.report import Goal, Measure, Report
from packager.analysis import measure
from packager.core.encoders import ENCODERS, Wanted
from packager.core.ladder import Rung
from packager.core.per_title import choose_ladder
from packager.core.probe import read_probe
from packager.core.recipe import Recipe, plan_recipe
from packager.ffmpeg import Ffmpeg
from packager.settings import PackagerSettings

GOAL_RATE = 0.85
_DAY_SECONDS = 86_400.0
_QUICK_SECONDS = 4


@dataclass(frozen=True, slots=True)
class _Found:
    rate: float
    fixed_bytes: float
    chosen_bytes: float
    rungs: str


async def run(directory: Path, quick: bool) -> Report:
    """Judge every clip, encode it whole with both ladders, and compare."""
    found = {}
    for clip in clips():
        found[clip.stem] = await _compare(clip, directory, _QUICK_SECONDS if quick else None)
    rates = tuple(one.rate for one in found.values())
    rate = Measure("bits for equal VMAF, per-title / fixed", "x", rates)
    stored = Measure(
        "bytes of all renditions, per-title / fixed",
        "x",
        tuple(f.chosen_bytes / f.fixed_bytes for f in found.values()),
    )
    return Report(
        "Per-title ladder",
        (rate, stored),
        (Goal(rate, GOAL_RATE),),
        (
            *(f"{name}: {one.rate:.2f}; {one.rungs}" for name, one in found.items()),
            f"clips: {CLIPS_VARIABLE}, or a generated one; rungs encoded whole, CRF under a cap",
        ),
    )


async def _compare(clip: Path, directory: Path, seconds: int | None) -> _Found:
    settings = PackagerSettings()
    ffmpeg = Ffmpeg(settings.ffmpeg, settings.ffprobe)
    info = read_probe(await ffmpeg.probe(str(clip)), max_duration_seconds=_DAY_SECONDS)
    recipe = plan_recipe(info, settings.options, "software", 1)
    if recipe is None:
        raise RuntimeError(f"{clip} has no pictures")
    chosen = choose_ladder(recipe.ladder, await measure(ffmpeg, str(clip), recipe))
    curves = [
        [await _encode(clip, recipe, rung, directory, seconds) for rung in ladder]
        for ladder in (recipe.ladder, chosen)
    ]
    fixed, ours = curves
    rungs = ", ".join(f"{rung.name} at {rung.quality:g}" for rung in chosen)
    same = len(fixed) < 2 or len(ours) < 2
    return _Found(
        _rate_of_tops(ours, fixed) if same else bd_rate(ours, fixed),
        sum(point.bps for point in fixed),
        sum(point.bps for point in ours),
        rungs,
    )


def _rate_of_tops(ours: Sequence[Point], fixed: Sequence[Point]) -> float:
    """With one rung there is no curve: what it costs."""
    return ours[-1].bps / fixed[-1].bps


async def _encode(
    clip: Path, recipe: Recipe, rung: Rung, directory: Path, seconds: int | None
) -> Point:
    target = directory / f"{clip.stem}-{rung.name}-{rung.quality:g}.mp4"
    wanted = Wanted(recipe.preset, rung.quality, rung.max_bps, recipe.grid.segment_frames)
    options = ENCODERS[rung.encoder].options(wanted)
    limit = ["-t", str(seconds)] if seconds else []
    await run_ffmpeg(
        *(*limit, "-i", str(clip), "-an", "-r", str(recipe.grid.frame_rate)),
        *("-vf", f"scale={rung.width}:{rung.height}:flags=bicubic,format=yuv420p"),
        *("-c:v", rung.encoder),
        *(part for name, value in options.items() for part in (f"-{name}", str(value))),
        str(target),
    )
    duration = min(seconds or _DAY_SECONDS, recipe.source.duration_seconds)
    bps = target.stat().st_size * 8 / duration
    return Point(bps, await score(target, clip, recipe.ladder[-1]))
