"""How much of a source that still arrives each chunk needs, guessed from what is there."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from packager.core.arrival import Arrival, needed_bytes
from packager.core.plan import Chunk
from packager.core.recipe import Recipe
from packager.entries import measure_seconds
from packager.patience import outlast
from packager.sources import Source
from streamer.core.errors import Unavailable

_MEASURED_AGAIN = 1.5


class Needs:
    """Guesses what chunks of a source need; the more of it is there, the better."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._measured_bytes = 0

    async def guess(self, recipe: Recipe, chunks: Sequence[Chunk]) -> list[int]:
        """How many bytes of the source should be there to begin each chunk."""
        return await self._guess(await outlast(self._source.data.arrival), recipe, chunks)

    async def guess_again(self, recipe: Recipe, chunks: Sequence[Chunk]) -> list[int] | None:
        """A better guess when half as much again came; None when there is none."""
        if not recipe.source.has_entries or self._source.data.is_complete:
            return None
        arrival = await outlast(self._source.data.arrival)
        if arrival.received_bytes < _MEASURED_AGAIN * self._measured_bytes:
            return None
        return await self._guess(arrival, recipe, chunks)

    async def _guess(self, arrival: Arrival, recipe: Recipe, chunks: Sequence[Chunk]) -> list[int]:
        source = recipe.source
        self._measured_bytes = arrival.received_bytes
        with suppress(Unavailable):
            if source.has_entries and (seconds := await self._measure_seconds(arrival)):
                # Rather too early: a run may wait for its last bytes, but not for its turn.
                seconds = max(seconds, source.duration_seconds)
                source = replace(source, duration_seconds=seconds)
        return [needed_bytes(chunk, recipe.grid, source, arrival) for chunk in chunks]

    async def _measure_seconds(self, arrival: Arrival) -> float | None:
        data = self._source.data
        shifts = await self._source.clock.up_to(data, arrival.received_bytes)
        return await measure_seconds(data, shifts)
