"""The pictures of a source, and how ffmpeg gets to a moment of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from packager.clock_shifts import ClockShifts
from packager.core.approach import Approach, approaches, from_a_key, key_seconds
from packager.core.recipe import Recipe
from packager.core.source import SourceInfo
from packager.entries import find_left_out
from packager.ffmpeg import Ffmpeg, FfmpegError
from packager.sources import Source

# A stream that is entered tells within seconds what it consists of.
_BEFORE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class PictureSource:
    """A source's pictures, where this worker reads them, and what they are to become.

    `in_order` says that they can only be read in the order of their bytes.
    """

    source: Source
    recipe: Recipe
    in_order: bool = False

    @classmethod
    def of(cls, source: Source, recipe: Recipe) -> Self:
        """The pictures of a source, as far as it has arrived."""
        return cls(source, recipe, in_order=_is_in_order(source, recipe.source))

    @property
    def path(self) -> str:
        """What ffmpeg opens to read them."""
        return self.source.from_the_beginning if self.in_order else self.source.any_part

    async def path_to(self, seconds: Fraction | None) -> str:
        """What ffmpeg opens to read those from a time on; None: all of them."""
        info = self.recipe.source
        if seconds is None or not (self.in_order and info.has_entries):
            return self.path
        begin = float(seconds) - _BEFORE_SECONDS
        clock = ClockShifts(info.clock_shifts) if info.clock_shifts else self.source.clock
        left_out = await find_left_out(self.source.data, clock, info, begin)
        return self.path if left_out is None else self.source.leaving_out(left_out)

    async def ways_to(self, first_frame: int, ffmpeg: Ffmpeg) -> Sequence[Approach]:
        """The ways to get to a frame of the grid, in the order to try; at least one.

        To demux what a search would decode, and begin at a key frame near the frame, is cheap.

        Raises:
            StreamerError: The source cannot be read.
        """
        source, grid = self.recipe.source, self.recipe.grid
        ways = approaches(source, grid, in_order=self.in_order)
        start = ways[0].start_seconds(source, grid, first_frame)
        is_search = source.has_entries if self.in_order else not source.indexed
        if not is_search or start is None:
            return ways
        path = await self.path_to(start)
        sought = None if self.in_order else start
        stop = source.zero_seconds + grid.seconds(first_frame + 1)
        try:
            packets = await ffmpeg.key_packets(path, self.recipe.video.index, (sought, stop))
        except FfmpegError:
            return ways
        closer = from_a_key(ways[0], key_seconds(packets), source, grid, first_frame)
        return ways if closer is None else (closer, *ways)


def readable_path(source: Source, info: SourceInfo) -> str:
    """What ffmpeg opens to read a source now, without waiting for its end first."""
    return source.from_the_beginning if _is_in_order(source, info) else source.any_part


def _is_in_order(source: Source, info: SourceInfo) -> bool:
    return info.in_order or not (source.data.is_complete or info.index_first)
