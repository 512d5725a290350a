"""Looks at samples of a source, and revises its recipe: the per-title ladder."""

import logging
from collections.abc import AsyncIterator, Sequence
from fractions import Fraction

from packager.core.per_title import SAMPLED_QUALITIES, Curve, Measured, average, choose_ladder
from packager.core.recipe import Recipe, with_ladder
from packager.core.samples import SAMPLE_SECONDS, read_scores, sample_argv, sample_positions
from packager.ffmpeg import Ffmpeg, FfmpegError
from packager.standing import Standing

# Behind the first pictures, which a viewer waits for.
_NICE = 5
_log = logging.getLogger("packager")


async def revise_ladder(ffmpeg: Ffmpeg, path: str, recipe: Recipe) -> Recipe:
    """The recipe with the ladder that its pictures ask for, or the one it has if none can tell."""
    try:
        curves = await measure(ffmpeg, path, recipe)
    except (FfmpegError, ValueError) as error:
        _log.warning("a ladder stays as it is: %s", error)
        return with_ladder(recipe, recipe.ladder)
    return with_ladder(recipe, choose_ladder(recipe.ladder, curves))


async def measure(ffmpeg: Ffmpeg, path: str, recipe: Recipe) -> dict[str, Curve]:
    """How every rung looks, and what it costs, at several qualities, by its name.

    Raises:
        FfmpegError: A sample cannot be encoded.
        ValueError: A sample is empty.
    """
    positions = sample_positions(recipe.source.duration_seconds)
    samples = [await _measure_sample(ffmpeg, path, recipe, position) for position in positions]
    return {
        rung.name: average([sample[number] for sample in samples])
        for number, rung in enumerate(recipe.ladder)
    }


async def _measure_sample(
    ffmpeg: Ffmpeg, path: str, recipe: Recipe, position: Fraction
) -> list[Curve]:
    """A curve for each rung."""
    rungs = recipe.ladder
    counters = [_Counter() for _ in range(len(rungs) * len(SAMPLED_QUALITIES))]

    def argv(targets: Sequence[str]) -> list[str]:
        return sample_argv(path, recipe, position, rungs, targets)

    report = await ffmpeg.run(
        argv, [counter.read for counter in counters], standing=Standing(_NICE)
    )
    if not all(counter.size_bytes for counter in counters):
        raise ValueError("a sample is empty")
    scores = read_scores(report.tail, len(counters))
    points = [
        Measured(quality, counter.size_bytes * 8 / SAMPLE_SECONDS, score)
        for counter, score, quality in zip(
            counters, scores, SAMPLED_QUALITIES * len(rungs), strict=True
        )
    ]
    count = len(SAMPLED_QUALITIES)
    return [points[start : start + count] for start in range(0, len(points), count)]


class _Counter:
    """Counts the bytes of one output."""

    def __init__(self) -> None:
        self.size_bytes = 0

    async def read(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            self.size_bytes += len(piece)
