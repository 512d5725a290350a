"""Encodes chunks of any video, the most urgent first, as long as its worker lives."""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from packager.core.arrival import needed_after_pause
from packager.core.plan import Chunk
from packager.core.recipe import read_recipe
from packager.ffmpeg import FfmpegError
from packager.news import wait_for
from packager.patience import outlast
from packager.picture import EncodedChunk, encode_chunk
from packager.picture_source import PictureSource
from packager.source_bytes import SourcePausedError
from packager.together import together
from packager.workshop import Workshop, clear_if_deleted
from streamer.core.chunks import ClaimedChunk
from streamer.core.errors import NotFound, StorageFull, StreamerError, Unavailable
from streamer.shared.chunks import ChunkKey

# A chunk that another worker offers waits this long at most before a free one sees it.
_POLL_SECONDS = 0.2
# And so long one whose turns are all taken, for a chunk that passes what it encodes.
_POLL_TO_PASS_SECONDS = 0.5
# A deleted video's processes end in about this time.
_WATCH_SECONDS = 0.5
# A chunk whose source does not come leaves its turn to others.
_PAUSE_SECONDS = 10.0
# One that could not be read or stored is not tried again before.
_OUTAGE_SECONDS = 5.0
_log = logging.getLogger("packager")


class ChunkRunner:
    """As many chunks at a time as the worker has turns for, and one more that passes the others.

    Args:
        workshop: What to work with.
        worker_id: Whose the chunks are.
    """

    def __init__(self, workshop: Workshop, worker_id: str) -> None:
        self._workshop = workshop
        self._worker_id = worker_id
        self._frames: dict[ChunkKey, int] = {}
        self._encodings: dict[ChunkKey, asyncio.Task[None]] = {}
        self._claiming = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled; chunks that are not done then are given back."""
        claimers = [self._claim_on() for _ in range(self._workshop.slots.capacity + 1)]
        await together([*claimers, self._watch()])

    async def _claim_on(self) -> None:
        while True:
            # One looks for all.
            async with self._claiming:
                claim = await self._claim()
            await self._carry_out(claim)

    async def _claim(self) -> ClaimedChunk:
        slots = self._workshop.slots
        while True:
            change = self._workshop.news.next_change
            before = None
            if len(self._encodings) >= slots.capacity:
                # Workers that have turns look more often: what passes here has found none there.
                await wait_for(change, seconds=_POLL_TO_PASS_SECONDS)
                urgency = slots.urgency_to_pass
                if change.is_set() or urgency is None:
                    continue
                before = datetime.fromtimestamp(urgency, UTC)
            with suppress(StreamerError):
                claim = await self._workshop.catalog.claim_chunk(
                    self._worker_id,
                    before=before,
                    but_suspects=self._workshop.suspicion.locked(),
                )
                if claim is not None:
                    return claim
            await wait_for(change, seconds=_POLL_SECONDS)

    async def _carry_out(self, claim: ClaimedChunk) -> None:
        key = (claim.video_id, claim.version, claim.order.number)
        encoding = asyncio.create_task(self._encode(claim, key))
        self._encodings[key] = encoding
        try:
            await asyncio.wait([encoding])
        except asyncio.CancelledError:
            encoding.cancel()
            await asyncio.wait([encoding])
            with suppress(StreamerError):
                await self._workshop.catalog.return_chunk(claim, self._worker_id)
            raise
        finally:
            self._encodings.pop(key, None)
            self._frames.pop(key, None)
        self._workshop.news.spread()
        # What it stored after its video was deleted is found by nobody else before long.
        with suppress(StreamerError):
            await clear_if_deleted(self._workshop, claim.video_id)
        if not encoding.cancelled():
            encoding.result()

    async def _encode(self, claim: ClaimedChunk, key: ChunkKey) -> None:
        catalog = self._workshop.catalog
        try:
            encoded = await self._encode_in_turn(claim, key)
            await outlast(
                lambda: catalog.finish_chunk(
                    claim,
                    self._worker_id,
                    frames=encoded.frames,
                    is_damaged=encoded.is_damaged,
                )
            )
        except SourcePausedError:
            with suppress(NotFound):
                await outlast(lambda: self._give_back_until_more_is_there(claim))
        except (Unavailable, StorageFull) as error:
            _log.warning("video %s: a chunk is tried again later: %s", claim.video_id, error)
            await asyncio.sleep(_OUTAGE_SECONDS)
            await outlast(lambda: catalog.return_chunk(claim, self._worker_id))
        except Exception as error:
            reason = error.report if isinstance(error, FfmpegError) else str(error)
            tries = self._workshop.settings.tries
            was_own = await outlast(
                lambda: catalog.fail_chunk(claim, self._worker_id, reason=reason, most_tries=tries)
            )
            if was_own:
                _log.warning(
                    "video %s: try %d at chunk %d failed: %s",
                    claim.video_id,
                    claim.tries,
                    claim.order.number,
                    reason,
                )

    async def _give_back_until_more_is_there(self, claim: ClaimedChunk) -> None:
        recipe = read_recipe(claim.recipe)
        async with self._workshop.sources.open(claim.video_id) as source:
            arrival = await source.data.arrival()
        needed = needed_after_pause(_chunk(claim), recipe.grid, recipe.source, arrival)
        await self._workshop.catalog.return_chunk(claim, self._worker_id, needed_bytes=needed)

    async def _encode_in_turn(self, claim: ClaimedChunk, key: ChunkKey) -> EncodedChunk:
        def note(frames: int) -> None:
            self._frames[key] = frames

        async with (
            self._workshop.apart(is_suspect=claim.tries > 1),
            self._workshop.slots.turn(claim.deadline.timestamp()) as turn,
            self._workshop.sources.open(claim.video_id, pause_seconds=_PAUSE_SECONDS) as source,
        ):
            pictures = PictureSource.of(source, read_recipe(claim.recipe))
            return await encode_chunk(
                self._workshop, claim.video_id, pictures, _chunk(claim), note, turn
            )

    async def _watch(self) -> None:
        """Tell how far the chunks are, and stop those that are this worker's no more."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            running = {**self._encodings}
            if not running:
                continue
            with suppress(StreamerError):
                own = await self._workshop.catalog.own_chunks(self._worker_id, {**self._frames})
                for key in running.keys() - own:
                    running[key].cancel()


def _chunk(claim: ClaimedChunk) -> Chunk:
    order = claim.order
    return Chunk(order.start, order.stop, order.renditions, held_to=order.held_to)
