"""Renditions that are left out: they cannot be encoded, and nobody waits for them."""

from collections.abc import Mapping, Sequence
from functools import partial

from packager.core.damage import describe_omission
from packager.core.plan import Chunk
from packager.patience import outlast
from packager.workshop import Workshop
from streamer.core.chunks import ChunkState, ChunkStatus
from streamer.core.keys import rendition_prefix


class Omissions:
    """The waves that are left out of one version, by their numbers.

    Their failed chunks say so, to whoever resumes the work too.

    Args:
        workshop: What to work with.
        video_id: The video.
        version: Its version.
    """

    def __init__(self, workshop: Workshop, video_id: str, version: int) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._version = version
        self._reasons: dict[int, str] = {}

    def __contains__(self, wave: int) -> bool:
        return wave in self._reasons

    async def note(self, chunks: Mapping[int, Chunk], statuses: Sequence[ChunkStatus]) -> None:
        """Leave out the waves of which a chunk has failed: those that wait have failed with it."""
        for status in statuses:
            if status.state is ChunkState.FAILED:
                self._reasons.setdefault(chunks[status.number].wave, status.reason or "")
        for wave in self._reasons:
            await self._give_up(
                wave,
                [
                    status.number
                    for status in statuses
                    if status.state is ChunkState.WAITING and chunks[status.number].wave == wave
                ],
            )

    async def _give_up(self, wave: int, waiting: Sequence[int]) -> None:
        if waiting:
            catalog, reason = self._workshop.catalog, self._reasons[wave]
            await outlast(
                lambda: catalog.give_up_chunks(
                    self._video_id, self._version, waiting, reason=reason
                )
            )

    def names(self, waves: Sequence[Sequence[str]]) -> set[str]:
        """The renditions that are left out, of those of all waves."""
        return {name for wave in self._reasons for name in waves[wave]}

    def describe(self, waves: Sequence[Sequence[str]]) -> list[str]:
        """A sentence for each wave that is left out."""
        return [
            describe_omission(waves[wave], reason) for wave, reason in sorted(self._reasons.items())
        ]

    async def remove(self, waves: Sequence[Sequence[str]]) -> None:
        """Remove what was published of them, now that none of their chunks is being encoded.

        Raises:
            NotFound: The video was deleted.
        """
        names = self.names(waves)
        if names:
            await outlast(lambda: self._workshop.catalog.leave_out(self._video_id, names))
        for prefix in [rendition_prefix(self._video_id, name) for name in names]:
            await outlast(partial(self._workshop.store.delete_prefix, prefix))
