"""Encodes one chunk of pictures: one ffmpeg, every rendition, published in step."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from packager.core.approach import Approach
from packager.core.boxes import MediaFormatError
from packager.core.encode import ChunkJob, chunk_argv
from packager.core.plan import Chunk, Grid
from packager.ffmpeg import FfmpegError
from packager.picture_source import PictureSource
from packager.picture_tracks import CopiedTrack, EncodedTrack, StartMissedError
from packager.slots import Turn
from packager.standing import Standing
from packager.workshop import Track, Workshop, publish

_FIRST_NICE = 0
# Behind a chunk that a viewer waits for, and behind the servers of the same machine.
_BULK_NICE = 10


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """How many frames a chunk has in each rendition, and whether some could not be decoded.

    It has fewer frames than planned when the source ends in it. `report` is what ffmpeg said,
    `processor_seconds` what it took, if that is known.
    """

    frames: int
    is_damaged: bool = False
    report: str = ""
    processor_seconds: float | None = None


async def encode_chunk(
    workshop: Workshop,
    video_id: str,
    pictures: PictureSource,
    chunk: Chunk,
    on_frames: Callable[[int], None],
    turn: Turn | None = None,
) -> EncodedChunk:
    """Encode a chunk and publish its segments, unless they were published before.

    While `turn` does not lead, it works with what others leave of the processors.

    Raises:
        FfmpegError: It cannot be encoded.
        NotFound: The video was deleted.
    """
    published = await _published_frames(workshop, video_id, pictures.recipe.grid, chunk)
    if published:
        return EncodedChunk(published)
    try:
        return await _seek_and_encode(workshop, video_id, pictures, chunk, on_frames, turn)
    except MediaFormatError as error:
        raise FfmpegError(str(error)) from error


async def _published_frames(workshop: Workshop, video_id: str, grid: Grid, chunk: Chunk) -> int:
    """The chunk's frames if all of it is published: a worker may die before it can say so.

    Its renditions are published in step, so one of them speaks for all.
    """
    published = await workshop.catalog.segments(video_id, chunk.renditions[0])
    segments = published[chunk.start : chunk.stop]
    if len(segments) < chunk.stop - chunk.start:
        return 0
    frames = sum(segment.duration_ticks for segment in segments) // grid.frame_ticks
    is_whole = chunk.held_to is None or frames == len(chunk.frames(grid))
    return frames if is_whole else 0


async def _seek_and_encode(
    workshop: Workshop,
    video_id: str,
    pictures: PictureSource,
    chunk: Chunk,
    on_frames: Callable[[int], None],
    turn: Turn | None,
) -> EncodedChunk:
    source, grid = pictures.recipe.source, pictures.recipe.grid
    first_frame = chunk.frames(grid).start
    for approach in await pictures.ways_to(first_frame, workshop.ffmpeg):
        try:
            encoded = await _encode(workshop, video_id, pictures, chunk, approach, on_frames, turn)
        except StartMissedError:
            continue
        if encoded.frames or approach.proves_the_end(source, grid, first_frame):
            return encoded
    raise FfmpegError("the first frames of a chunk cannot be decoded")


async def _encode(
    workshop: Workshop,
    video_id: str,
    pictures: PictureSource,
    chunk: Chunk,
    approach: Approach,
    on_frames: Callable[[int], None],
    turn: Turn | None,
) -> EncodedChunk:
    recipe = pictures.recipe
    grid = recipe.grid
    rungs = tuple(rung for rung in recipe.rungs if rung.name in chunk.renditions)
    span = chunk.frames(grid)
    job = ChunkJob(
        first_frame=span.start,
        stop_frame=span.stop,
        rungs=rungs,
        preset=recipe.preset,
        is_held=chunk.held_to is not None,
    )

    path = await pictures.path_to(approach.start_seconds(recipe.source, grid, job.first_frame))

    def argv(targets: Sequence[str]) -> list[str]:
        return chunk_argv(path, recipe.source, recipe.video, grid, job, targets, approach)

    tracks = [
        CopiedTrack(workshop, video_id, rung, recipe, chunk)
        if rung.is_copied
        else EncodedTrack(workshop, video_id, rung, grid, chunk)
        for rung in rungs
    ]
    publication = _Publication(workshop, video_id, [track.track for track in tracks])
    on_segment = publication.advance
    if recipe.ladder[0] not in rungs:
        # They catch up with the lead: viewers may choose them once they have.
        on_segment = publication.wait
    report = await workshop.ffmpeg.run(
        argv,
        [partial(track.read, on_segment=on_segment) for track in tracks],
        on_frames=on_frames,
        standing=Standing(_FIRST_NICE if chunk.lead and chunk.start == 0 else _BULK_NICE, turn),
    )
    found = [(rung.is_copied, track.finish()) for rung, track in zip(rungs, tracks, strict=True)]
    # A last picture that cannot be decoded is copied all the same: what is encoded counts.
    frames = {count for is_copied, count in found if not is_copied} or {found[0][1]}
    if len(frames) != 1:
        raise MediaFormatError("the renditions differ in length")
    await publication.advance()
    return EncodedChunk(frames.pop(), report.tells_damage, report.text, report.processor_seconds)


class _Publication:
    """Shows viewers the segments of a run, each as soon as all its renditions have it."""

    def __init__(self, workshop: Workshop, video_id: str, tracks: Sequence[Track]) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._tracks = tracks
        self._turn = asyncio.Lock()

    async def advance(self) -> None:
        """Publish what all tracks have by now."""
        async with self._turn:
            await publish(self._workshop, self._video_id, self._tracks)

    async def wait(self) -> None:
        """Leave it for later."""
