"""How much of a video's packaging is done."""

from collections.abc import Iterable, Mapping

from packager.core.ladder import Rung
from packager.core.plan import Chunk, Grid

# The rest is for the pictures and for the publication of the end.
_ENCODING_SHARE = 0.99


def share_done(
    rungs: Iterable[Rung], grid: Grid, duration_seconds: float, frames: Mapping[Chunk, int]
) -> float:
    """The share of a video's pixels that is encoded, 0 to 1.

    Args:
        rungs: The renditions that count.
        grid: The video's frames.
        duration_seconds: Its stated duration.
        frames: How many frames of each chunk are encoded so far.
    """
    pixels = {rung.name: rung.pixels for rung in rungs}
    total = max(1, round(duration_seconds * grid.frame_rate)) * sum(pixels.values())
    done = sum(
        count * sum(pixels.get(name, 0) for name in chunk.renditions)
        for chunk, count in frames.items()
    )
    return min(1.0, done / total) * _ENCODING_SHARE
