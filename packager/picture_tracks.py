"""Outputs of ffmpeg on their way to be segments: encoded pictures, and copied ones."""

from collections.abc import AsyncIterator, Awaitable, Callable

from packager.core.boxes import MediaFormatError
from packager.core.copying import REORDER_FRAMES, CopiedFrame, number_frames, place_frames
from packager.core.encoders import ENCODERS
from packager.core.fmp4 import Fragment, FragmentReader, Sample, align_samples
from packager.core.ladder import Rung
from packager.core.plan import Chunk, Grid
from packager.core.recipe import Recipe
from packager.workshop import Track, Workshop

OnSegment = Callable[[], Awaitable[None]]
"""Told of each segment that was stored."""


class StartMissedError(Exception):
    """The seek ended behind the chunk's first frame."""


class _Segments:
    """Frames on their way to be segments.

    What is too short to be one (`Grid.rest_frames`) is left to the chunk that ends the video, where
    it ends the segment before.
    """

    def __init__(self, track: Track, grid: Grid, chunk: Chunk) -> None:
        self._track = track
        self._grid = grid
        self._is_ending = chunk.held_to is not None
        self._before: tuple[Sample, ...] = ()

    async def put(self, number: int, samples: tuple[Sample, ...]) -> None:
        """Store the frames of segment `number`."""
        grid = self._grid
        if number and len(samples) <= grid.rest_frames:
            if not (self._is_ending and self._before):
                return
            number, samples = number - 1, self._before + samples
        start_ticks = number * grid.segment_frames * grid.frame_ticks
        duration_ticks = len(samples) * grid.frame_ticks
        await self._track.put_segment(number, start_ticks, duration_ticks, samples)
        self._before = samples


class EncodedTrack:
    """Pictures that were encoded: each fragment is a segment."""

    def __init__(
        self, workshop: Workshop, video_id: str, rung: Rung, grid: Grid, chunk: Chunk
    ) -> None:
        self._grid = grid
        self._delay_ticks = ENCODERS[rung.encoder].reorder_frames * grid.frame_ticks
        self._reader = FragmentReader(start_ticks=self._delay_ticks)
        self._number = chunk.start
        self._frames = 0
        self.track = Track(workshop, video_id, rung.name)
        self._segments = _Segments(self.track, grid, chunk)

    async def read(self, pieces: AsyncIterator[bytes], on_segment: OnSegment) -> None:
        """Store the segments of one output of ffmpeg.

        Raises:
            MediaFormatError: It is not what was asked for.
            StartMissedError: It begins too late.
        """
        async for piece in pieces:
            for fragment in self._reader.feed(piece):
                await self._keep(fragment)
                await on_segment()

    def finish(self) -> int:
        """The frames read; MediaFormatError when the output is not complete."""
        self._reader.finish()
        return self._frames

    async def _keep(self, fragment: Fragment) -> None:
        grid = self._grid
        start_ticks = self._number * grid.segment_frames * grid.frame_ticks
        self._check(fragment, start_ticks)
        if self._reader.init is not None:
            await self.track.put_init(self._reader.init)
        samples = align_samples(fragment.samples, grid.frame_ticks, self._delay_ticks)
        await self._segments.put(self._number, samples)
        self._number += 1
        self._frames += len(samples)

    def _check(self, fragment: Fragment, start_ticks: int) -> None:
        if self._frames == 0 and fragment.start_ticks > start_ticks:
            raise StartMissedError
        if fragment.start_ticks != start_ticks or self._frames % self._grid.segment_frames:
            raise MediaFormatError("a segment does not begin where the one before it ended")
        if len(fragment.samples) > self._grid.segment_frames or not fragment.samples[0].is_sync:
            raise MediaFormatError("a segment boundary has no key frame")


class CopiedTrack:
    """A source's own pictures, cut into segments by their frame numbers.

    What comes before the chunk's first frame, and after its last, is left out.
    """

    def __init__(
        self, workshop: Workshop, video_id: str, rung: Rung, recipe: Recipe, chunk: Chunk
    ) -> None:
        self._grid = recipe.grid
        self._video = recipe.video
        self._reader = FragmentReader(start_ticks=REORDER_FRAMES * recipe.grid.frame_ticks)
        self._span = chunk.frames(self._grid)
        self._frames = 0
        self._segment: list[CopiedFrame] = []
        self.track = Track(workshop, video_id, rung.name)
        self._segments = _Segments(self.track, recipe.grid, chunk)

    async def read(self, pieces: AsyncIterator[bytes], on_segment: OnSegment) -> None:
        """Store the segments of one output of ffmpeg.

        Raises:
            MediaFormatError: The source does not conform.
            StartMissedError: It begins too late.
        """
        async for piece in pieces:
            for fragment in self._reader.feed(piece):
                for frame in number_frames(fragment, self._video, self._grid):
                    if self._take(frame):
                        await self._keep()
                        await on_segment()
        if self._segment:
            await self._keep()
            await on_segment()

    def finish(self) -> int:
        """The frames stored; MediaFormatError when the output is not complete."""
        self._reader.finish()
        return self._frames

    def _take(self, frame: CopiedFrame) -> bool:
        """Whether a segment is complete with this frame."""
        if not self._segment and not self._frames and frame.number > self._span.start:
            raise StartMissedError
        if frame.number in self._span:
            self._segment.append(frame)
        return len(self._segment) == self._grid.segment_frames

    async def _keep(self) -> None:
        first = self._span.start + self._frames
        number = first // self._grid.segment_frames
        if self._reader.init is not None:
            await self.track.put_init(self._reader.init)
        samples = place_frames(self._segment, first, self._grid)
        await self._segments.put(number, samples)
        self._frames += len(samples)
        self._segment.clear()
