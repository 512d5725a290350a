"""What became of a version's chunks: where its pictures end, and where some of them were lost."""

from packager.core.damage import Span
from packager.core.plan import Chunk, Grid


class Outcome:
    """What is known of the pictures, chunk by chunk.

    Attributes:
        frames: How many of each chunk are encoded so far.
        end_frame: How many the video has; None until a chunk has ended early.
        is_end_certain: Whether no earlier chunk can end it sooner: it ends inside a chunk. Where
            one is empty, it may end in another before.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._damaged: set[Chunk] = set()
        self.frames: dict[Chunk, int] = {}
        self.end_frame: int | None = None
        self.is_end_certain = False

    def note(self, chunk: Chunk, frames: int, *, is_damaged: bool, is_done: bool) -> None:
        """So many frames of a chunk are encoded; that is all of them once it `is_done`."""
        self.frames[chunk] = frames
        if is_damaged:
            self._damaged.add(chunk)
        planned = chunk.frames(self._grid)
        end = planned.start + frames
        if is_done and end < planned.stop:
            self.end_frame = end if self.end_frame is None else min(self.end_frame, end)
            self.is_end_certain |= frames > 0

    @property
    def end_segment(self) -> int:
        """The first segment without pictures."""
        return -(-(self.end_frame or 0) // self._grid.segment_frames)

    def is_behind_the_end(self, chunk: Chunk) -> bool:
        """Whether a chunk has no pictures."""
        return self.end_frame is not None and chunk.frames(self._grid).start >= self.end_frame

    @property
    def lost(self) -> list[Span]:
        """Between which seconds of the video pictures were lost."""
        grid, end = self._grid, self._grid.seconds(self.end_frame or 0)
        return [
            (chunk.start * grid.segment_seconds, min(end, chunk.stop * grid.segment_seconds))
            for chunk in self._damaged
            if not self.is_behind_the_end(chunk)
        ]
