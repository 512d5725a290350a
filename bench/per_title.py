"""The per-title ladder beside the fixed one: the bits that each needs for the same VMAF."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.quality import CLIPS_VARIABLE, Point, bd_rate, clips, media_seconds, run_ffmpeg, score
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
    """Bits for equal VMAF over those of fixed bit rates, and of our fixed ladder."""

    of_bit_rates: float
    of_qualities: float
    rungs: str


async def run(directory: Path, quick: bool) -> Report:
    """Judge every clip, encode it whole with each ladder, and compare."""
    found = {}
    for clip in clips():
        place = directory / clip.stem
        place.mkdir()
        found[clip.stem] = await _compare(clip, place, _QUICK_SECONDS if quick else None)
    of_bit_rates = Measure(
        "bits for equal VMAF, per-title / fixed bit rates",
        "x",
        tuple(one.of_bit_rates for one in found.values()),
    )
    of_qualities = Measure(
        "bits for equal VMAF, per-title / fixed sizes at CRF 23",
        "x",
        tuple(one.of_qualities for one in found.values()),
    )
    return Report(
        "Per-title ladder",
        (of_bit_rates, of_qualities),
        (Goal(of_bit_rates, GOAL_RATE), Goal(of_qualities, GOAL_RATE)),
        (
            *(
                f"{name}: {one.of_bit_rates:.2f}, {one.of_qualities:.2f}; {one.rungs}"
                for name, one in found.items()
            ),
            "a clip of one rendition has no curve: the ratio is of its bits alone",
            f"clips: {CLIPS_VARIABLE}, or a generated one; rungs encoded whole, the same preset",
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

    reference = directory / "reference.mp4"
    await _decode(clip, recipe, reference, seconds)

    async def curve(ladder: Sequence[Rung], *, is_capped: bool = True) -> list[Point]:
        return [await _encode(reference, recipe, rung, is_capped=is_capped) for rung in ladder]

    ours = await curve(chosen)
    rungs = ", ".join(f"{rung.name} at {rung.quality:g}" for rung in chosen)
    return _Found(
        _rate(ours, await curve(recipe.ladder, is_capped=False)),
        _rate(ours, await curve(recipe.ladder)),
        rungs,
    )


def _rate(ours: Sequence[Point], fixed: Sequence[Point]) -> float:
    """Where there is no curve, or nothing in common: what the largest renditions cost."""
    try:
        return bd_rate(ours, fixed)
    except ValueError:
        return ours[-1].bps / fixed[-1].bps


async def _decode(clip: Path, recipe: Recipe, target: Path, seconds: int | None) -> None:
    """The clip without loss, its frames one after the other, in the size it is shown at."""
    shown = recipe.ladder[-1]
    limit = ["-t", str(seconds)] if seconds else []
    await run_ffmpeg(
        *(*limit, "-i", str(clip), "-an", "-r", str(recipe.grid.frame_rate)),
        *("-vf", f"scale={shown.width}:{shown.height}:flags=bicubic,format=yuv420p"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", str(target)),
    )


async def _encode(reference: Path, recipe: Recipe, rung: Rung, *, is_capped: bool) -> Point:
    target = reference.with_name(f"{rung.name}-{rung.quality:g}-{is_capped}.mp4")
    wanted = Wanted(recipe.preset, rung.quality, rung.max_bps, recipe.grid.segment_frames)
    options = ENCODERS[rung.encoder].options(wanted)
    if not is_capped:
        del options["crf"]
        options["b:v"] = rung.max_bps
    await run_ffmpeg(
        *("-i", str(reference), "-vf", f"scale={rung.width}:{rung.height}:flags=bicubic"),
        *("-pix_fmt", "yuv420p", "-c:v", rung.encoder),
        *(part for name, value in options.items() for part in (f"-{name}", str(value))),
        str(target),
    )
    size_bytes = (await asyncio.to_thread(target.stat)).st_size
    seconds = await media_seconds(target)
    return Point(size_bytes * 8 / seconds, await score(target, reference, recipe.ladder[-1]))
