"""How much of a video's packaging is done."""

from collections.abc import Iterable
from dataclasses import dataclass

from packager.core.ladder import Rung
from packager.core.plan import Chunk, Grid

# The rest is for the pictures and for the publication of the end.
_ENCODING_SHARE = 0.99


@dataclass(slots=True)
class Progress:
    """Pixels encoded of pixels to encode, over all renditions."""

    total_pixels: int
    done_pixels: int = 0

    @classmethod
    def of(cls, ladder: Iterable[Rung], grid: Grid, duration_seconds: float) -> "Progress":
        """The progress of a video of which nothing is encoded yet."""
        frames = max(1, round(duration_seconds * grid.frame_rate))
        return cls(total_pixels=frames * sum(rung.pixels for rung in ladder))

    def add(self, ladder: Iterable[Rung], chunk: Chunk, frames: int) -> None:
        """A chunk is done, with so many frames."""
        self.done_pixels += _pixels(ladder, chunk) * frames

    def with_running(self, ladder: Iterable[Rung], frames_by_chunk: dict[Chunk, int]) -> float:
        """The share done, 0 to 1, counting what is encoded of running chunks."""
        steps = tuple(ladder)
        running = sum(_pixels(steps, chunk) * n for chunk, n in frames_by_chunk.items())
        return min(1.0, (self.done_pixels + running) / self.total_pixels) * _ENCODING_SHARE


def _pixels(ladder: Iterable[Rung], chunk: Chunk) -> int:
    return sum(rung.pixels for rung in ladder if rung.name in chunk.renditions)
