"""All chunks of a version: the first by its own workflow, the others by whoever is free."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction

from packager.core.damage import describe_end, describe_lost_pictures, describe_still
from packager.core.ladder import Rung
from packager.core.outcome import Outcome
from packager.core.plan import (
    ENDINGS,
    Chunk,
    extend_plan,
    needed_seconds,
    plan_endings,
    plan_waves,
)
from packager.core.progress import share_done
from packager.core.recipe import Recipe, write_recipe
from packager.ffmpeg import FfmpegError
from packager.needs import Needs
from packager.news import wait_for
from packager.omissions import Omissions
from packager.patience import outlast
from packager.picture import EncodedChunk, encode_chunk
from packager.picture_source import PictureSource
from packager.sound_run import SoundRun
from packager.sources import Source
from packager.workshop import Workshop
from streamer.core.chunks import ChunkOrder, ChunkState, ChunkStatus
from streamer.core.errors import NotFound, StreamerError

_FIRST_TRIES = 2
# How often to look how far other workers are.
_POLL_SECONDS = 1.0


async def encode_first_chunk(
    workshop: Workshop, video_id: str, pictures: PictureSource, chunk: Chunk
) -> EncodedChunk:
    """Encode and publish the chunk that makes a video playable.

    Raises:
        FfmpegError: It cannot be encoded; it was tried twice.
        NotFound: The video was deleted.
    """
    for _ in range(_FIRST_TRIES - 1):
        with suppress(FfmpegError):
            return await encode_chunk(workshop, video_id, pictures, chunk, lambda frames: None)
    return await encode_chunk(workshop, video_id, pictures, chunk, lambda frames: None)


class PictureRun:
    """The pictures of one version, from the first chunk to the end that is found.

    Args:
        workshop: What to work with.
        video_id: The video.
        version: Its version.
        recipe: What it becomes.
        source: Its source.
        sounds: The sounds of the version: the last picture stands as long as they go on.

    Attributes:
        first: The chunk that makes the video playable.
    """

    def __init__(
        self,
        workshop: Workshop,
        video_id: str,
        version: int,
        recipe: Recipe,
        source: Source,
        sounds: SoundRun,
    ) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._version = version
        self._needs = Needs(source)
        self._sounds = sounds
        self._outcome = Outcome(recipe.grid)
        self._omissions = Omissions(workshop, video_id, version)
        self._adopt(recipe)
        self._end_known = asyncio.Event()
        self._endings: tuple[Chunk, ...] = ()
        self._complete: set[str] = set()
        self._reported = 0.0
        self.first = self._plan[0]

    async def encode(
        self, recipe: Recipe, first: EncodedChunk, judge: Callable[[], Awaitable[Recipe]]
    ) -> None:
        """Have all chunks but the first encoded, until the source ends, its sound too.

        What nobody waits for is left out if it cannot be encoded.

        Args:
            recipe: The recipe, now that it is known how long the first took.
            first: What became of the first.
            judge: Decides on the other renditions, while the lead goes on.

        Raises:
            FfmpegError: One that is waited for cannot be encoded, on no worker.
            NotFound: The video was deleted.
        """
        catalog = self._workshop.catalog
        self._adopt(recipe)
        self._note(self.first, first, is_done=True)
        begun_at, written = datetime.now(UTC), write_recipe(recipe)
        await outlast(
            lambda: catalog.begin_version(self._video_id, self._version, written, now=begun_at)
        )
        await self._offer([chunk for chunk in self._plan[1:] if chunk.lead])
        if not recipe.is_settled:
            self._adopt(await judge())
            judged = write_recipe(self._recipe)
            await outlast(lambda: catalog.revise_version(self._video_id, self._version, judged))
        await self._offer([chunk for chunk in self._plan if not chunk.lead])
        while not await self._wait_for_all():
            await self._offer(self._extend())
        self._end_known.set()
        await self._encode_endings()
        await self._omissions.remove(self._recipe.waves)
        await self._complete_all_but(set())

    @property
    def _rungs(self) -> list[Rung]:
        """All renditions but those that are left out."""
        left_out = self._omissions.names(self._recipe.waves)
        return [rung for rung in self._recipe.rungs if rung.name not in left_out]

    def _adopt(self, recipe: Recipe) -> None:
        """Go on with another ladder; the lead stays as it is."""
        self._recipe = recipe
        segments = recipe.grid.segments_in(recipe.source.duration_seconds)
        self._plan = plan_waves(segments, recipe.waves)
        self._stated_stop = max(chunk.stop for chunk in self._plan)

    def _extend(self) -> Sequence[Chunk]:
        added = extend_plan(self._plan, self._recipe.waves, self._stated_stop)
        self._plan += added
        return added

    async def picture_seconds(self) -> Fraction:
        """How long the picture lasts, as soon as that is certain."""
        await self._end_known.wait()
        await self._plan_ending()
        return self._seconds

    @property
    def _seconds(self) -> Fraction:
        grid = self._recipe.grid
        end = self._outcome.end_frame or 0
        stop = self._endings[0].frames(grid).stop if self._endings else end
        return grid.seconds(stop)

    @property
    def warnings(self) -> list[str]:
        """Sentences about what was lost of the pictures, once all chunks are encoded."""
        end = self._recipe.grid.seconds(self._outcome.end_frame or 0)
        source = self._recipe.source
        end_in_file = source.zero_seconds - source.format_start_seconds + self._seconds
        return [
            *describe_lost_pictures(self._outcome.lost),
            *describe_still(end, self._seconds),
            *describe_end("pictures", source.stated_seconds, float(end_in_file)),
            *self._omissions.describe(self._recipe.waves),
        ]

    async def _offer(self, chunks: Sequence[Chunk]) -> None:
        recipe = self._recipe
        numbers = {chunk: number for number, chunk in enumerate(self._plan)}
        needs = await self._needs.guess(recipe, chunks)
        orders = [
            ChunkOrder(
                number=numbers[chunk],
                start=chunk.start,
                stop=chunk.stop,
                renditions=chunk.renditions,
                needed_seconds=needed_seconds(self._plan, chunk, recipe.grid),
                needed_bytes=needed,
            )
            for chunk, needed in zip(chunks, needs, strict=True)
            if not self._outcome.is_behind_the_end(chunk) and chunk.wave not in self._omissions
        ]
        catalog = self._workshop.catalog
        await outlast(lambda: catalog.add_chunks(self._video_id, self._version, orders))
        self._workshop.news.spread()

    async def _measure_again(self, statuses: Sequence[ChunkStatus]) -> None:
        """Correct what was guessed of a source from its beginning, when half as much again came."""
        waiting = [it.number for it in statuses if it.state is ChunkState.WAITING]
        chunks = [self._plan[number] for number in waiting]
        needs = await self._needs.guess_again(self._recipe, chunks)
        if needs is None:
            return
        needed = dict(zip(waiting, needs, strict=True))
        catalog = self._workshop.catalog
        await outlast(lambda: catalog.revise_needs(self._video_id, self._version, needed))
        self._workshop.news.spread()

    async def _wait_for_all(self) -> bool:
        """Wait until every chunk is settled, or, where the end is not known, all that play in time.

        Returns whether the end is known.
        """
        while True:
            change = self._workshop.news.next_change
            statuses = await self._statuses()
            await self._measure_again(statuses)
            await self._complete_early(statuses)
            is_known = self._outcome.end_frame is not None
            if all(
                status.state.is_final
                for status in statuses
                if is_known or self._plan[status.number].wave == 0
            ):
                return is_known
            await wait_for(change, seconds=_POLL_SECONDS)

    async def _statuses(self) -> list[ChunkStatus]:
        catalog = self._workshop.catalog
        statuses = await outlast(lambda: catalog.chunk_statuses(self._video_id, self._version))
        statuses = [status for status in statuses if status.number not in ENDINGS]
        while statuses and statuses[-1].number >= len(self._plan):
            # An earlier run of the workflow followed the source beyond its stated end.
            self._extend()
        end = self._outcome.end_frame
        await self._note_failures(dict(enumerate(self._plan)), statuses)
        for status in statuses:
            is_done = status.state is ChunkState.DONE
            encoded = EncodedChunk(status.frames, status.is_damaged)
            self._note(self._plan[status.number], encoded, is_done=is_done)
        if self._outcome.end_frame != end:
            await self._drop_what_is_behind_the_end()
            return await self._statuses()
        await self._report()
        return statuses

    async def _note_failures(
        self, chunks: Mapping[int, Chunk], statuses: Sequence[ChunkStatus]
    ) -> None:
        for status in statuses:
            if status.state is ChunkState.FAILED and chunks[status.number].wave == 0:
                raise self._explain(chunks[status.number], status)
        await self._omissions.note(chunks, statuses)

    def _note(self, chunk: Chunk, encoded: EncodedChunk, *, is_done: bool) -> None:
        outcome = self._outcome
        outcome.note(chunk, encoded.frames, is_damaged=encoded.is_damaged, is_done=is_done)
        if outcome.is_end_certain and not self._recipe.is_copyable:
            self._end_known.set()

    async def _drop_what_is_behind_the_end(self) -> None:
        catalog, segment = self._workshop.catalog, self._outcome.end_segment
        await outlast(
            lambda: catalog.drop_chunks(self._video_id, self._version, from_segment=segment)
        )

    async def _plan_ending(self) -> None:
        recipe, end = self._recipe, self._outcome.end_frame
        if end:
            sound_seconds = await self._sounds.seconds()
            if any(rung.is_copied for rung in recipe.rungs):
                # Pictures that are copied end where they end.
                sound_seconds = Fraction(0)
            self._endings = plan_endings(recipe.grid, end, sound_seconds, recipe.waves)

    async def _complete_early(self, statuses: Sequence[ChunkStatus]) -> None:
        """End the playlists of the renditions that wait for none of their chunks."""
        if not (self._end_known.is_set() and self._sounds.is_end_known):
            return
        await self._plan_ending()
        if not self._endings:
            waiting = [it.number for it in statuses if it.state is not ChunkState.DONE]
            await self._complete_all_but(
                {name for number in waiting for name in self._plan[number].renditions}
            )

    async def _complete_all_but(self, incomplete: set[str]) -> None:
        names = {rung.name for rung in self._rungs} - self._complete - incomplete
        if names:
            catalog = self._workshop.catalog
            await outlast(lambda: catalog.complete(self._video_id, names))
            self._complete |= names

    async def _encode_endings(self) -> None:
        """Have the end encoded anew if it is to be another."""
        await self._plan_ending()
        endings = {
            ENDINGS[ending.wave]: ending
            for ending in self._endings
            if ending.wave not in self._omissions
        }
        if not endings:
            return
        orders = [
            ChunkOrder(
                number=number,
                start=ending.start,
                stop=ending.stop,
                renditions=ending.renditions,
                needed_seconds=needed_seconds(self._plan, ending, self._recipe.grid),
                held_to=ending.held_to,
            )
            for number, ending in endings.items()
        ]
        catalog = self._workshop.catalog
        await outlast(lambda: catalog.add_chunks(self._video_id, self._version, orders))
        self._workshop.news.spread()
        while True:
            change = self._workshop.news.next_change
            statuses = await outlast(lambda: catalog.chunk_statuses(self._video_id, self._version))
            statuses = [status for status in statuses if status.number in endings]
            if not statuses:
                raise NotFound("others have finished this version")
            await self._note_failures(endings, statuses)
            if all(status.state.is_final for status in statuses):
                return
            await wait_for(change, seconds=_POLL_SECONDS)

    def _explain(self, chunk: Chunk, status: ChunkStatus) -> FfmpegError:
        grid = self._recipe.grid
        start, stop = chunk.start * grid.segment_seconds, chunk.stop * grid.segment_seconds
        return FfmpegError(f"{float(start):.0f} s to {float(stop):.0f} s: {status.reason}")

    async def _report(self) -> None:
        """Tell the catalog how far the work is."""
        grid, duration = self._recipe.grid, self._recipe.source.duration_seconds
        share = share_done(self._rungs, grid, duration, self._outcome.frames)
        if share > self._reported:
            self._reported = share
            with suppress(StreamerError):
                await self._workshop.catalog.set_progress(
                    self._video_id, share, version=self._version
                )
