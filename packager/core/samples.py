"""Samples of a source: encoded in several sizes and qualities, and compared with it (VMAF)."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import ffmpeg

from packager.core.approach import approaches, open_at
from packager.core.argv import compile_argv
from packager.core.encode import choose_frames
from packager.core.encoders import ENCODERS, Wanted
from packager.core.filters import in_sizes
from packager.core.ladder import Rung
from packager.core.per_title import SAMPLED_QUALITIES
from packager.core.recipe import Recipe

SAMPLE_SECONDS = 1
# From here on, twice as many samples.
_LONG_SECONDS = 600
_FEW, _MANY = 2, 4
_SCORE = re.compile(r"\[libvmaf@(\d+) @ [^\]]*\] VMAF score: ([0-9.]+)")
# VMAF's model is of a screen of 1080 lines; every fifth picture tells enough.
_LARGEST_SHORT_SIDE = 1080
_SUBSAMPLE = 5
# Samples are compared in H.264, whatever encodes the video, and without a cap.
_ENCODER = "libx264"
_UNCAPPED_BPS = 100_000_000
_NOWHERE = "-"


def sample_positions(duration_seconds: float) -> tuple[Fraction, ...]:
    """Where samples begin, in seconds: spread over the source, not at its ends."""
    count = _FEW if duration_seconds < _LONG_SECONDS else _MANY
    whole = max(Fraction(0), Fraction(duration_seconds).limit_denominator(1000) - SAMPLE_SECONDS)
    return tuple(whole * (2 * number + 1) / (2 * count) for number in range(count))


def sample_argv(
    path: str,
    recipe: Recipe,
    position: Fraction,
    rungs: Sequence[Rung],
    targets: Sequence[str],
) -> list[str]:
    """Encode a sample in the size of each rung at each of `SAMPLED_QUALITIES`, and compare.

    Each is decoded again in the same run (ffmpeg's loopback decoders), brought to the size it is
    shown at, and compared with the source there. The targets are those of the first rung's
    qualities, then the second's; `read_scores` tells how they look.
    """
    reference, *pictures = _pictures(path, recipe, position, rungs)
    outputs = [
        ffmpeg.output(
            reference, _NOWHERE, **{"f": "null", "c:v": "rawvideo", "fps_mode": "passthrough"}
        )
    ]
    places = iter(targets)
    for picture, rung in zip(pictures, rungs, strict=True):
        copies = picture.filter_multi_output("split", len(SAMPLED_QUALITIES))
        outputs += [
            ffmpeg.output(copies.stream(number), next(places), **_options(recipe, rung, quality))
            for number, quality in enumerate(SAMPLED_QUALITIES)
        ]
    argv = compile_argv(outputs, verbosity="info")
    order = [argument for argument in argv if argument in {_NOWHERE, *targets}]
    numbers = [order.index(target) for target in targets]
    return [*argv, *_comparison(_shown(recipe), order.index(_NOWHERE), numbers)]


def read_scores(text: str, count: int) -> list[float]:
    """The VMAF of each target, 0 to 100, from what ffmpeg wrote to its standard error.

    Raises:
        ValueError: One is missing.
    """
    found = {int(number): float(score) for number, score in _SCORE.findall(text)}
    if found.keys() != set(range(count)):
        raise ValueError("not every sample was compared")
    return [found[number] for number in range(count)]


def _pictures(path: str, recipe: Recipe, position: Fraction, rungs: Sequence[Rung]) -> list[Any]:
    """The sample in the size it is shown at, then in each rung's."""
    grid = recipe.grid
    first = round(position * grid.frame_rate)
    stop = first + max(1, round(SAMPLE_SECONDS * grid.frame_rate))
    approach = approaches(recipe.source, grid)[0]
    opened = open_at(path, recipe.source, grid, first, approach)
    frames = choose_frames(opened, recipe.video, grid, first, stop)
    return in_sizes(frames, recipe.video, [_shown(recipe), *rungs])


def _shown(recipe: Recipe) -> Rung:
    """The size that quality is judged at."""
    fitting = [
        rung for rung in recipe.ladder if min(rung.width, rung.height) <= _LARGEST_SHORT_SIDE
    ]
    return fitting[-1] if fitting else recipe.ladder[0]


def _options(recipe: Recipe, rung: Rung, quality: float) -> dict[str, Any]:
    wanted = Wanted(recipe.preset, quality, _UNCAPPED_BPS, recipe.grid.segment_frames)
    return {
        "fps_mode": "passthrough",
        "c:v": _ENCODER,
        **ENCODERS[_ENCODER].options(wanted),
        # Its own words would drown the scores.
        "x264-params": "log=-1",
        "f": "h264",
    }


def _comparison(shown: Rung, reference: int, numbers: Sequence[int]) -> list[str]:
    """Arguments that compare the outputs `numbers` with the output `reference`."""
    decoders = [f"{reference}:0", *(f"{number}:0" for number in numbers)]
    names = [f"r{place}" for place in range(len(numbers))]
    chains = [f"[dec:0]split={len(numbers)}{''.join(f'[{name}]' for name in names)}"]
    for place, name in enumerate(names):
        chains += [
            f"[dec:{place + 1}]scale={shown.width}:{shown.height}:flags=bicubic[d{place}]",
            f"[d{place}][{name}]libvmaf@{place}=n_subsample={_SUBSAMPLE}:n_threads=1[v{place}]",
        ]
    argv = [argument for decoder in decoders for argument in ("-dec", decoder)]
    argv += ["-filter_complex", ";".join(chains)]
    for place in range(len(numbers)):
        argv += ["-map", f"[v{place}]", "-f", "null", _NOWHERE]
    return argv
