"""What every step of a worker works with."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Self

from packager.cell import open_cell
from packager.confinement import Confinement
from packager.core.fmp4 import Sample
from packager.core.init_segment import InitSegment
from packager.core.sealing import seal_init, seal_segment
from packager.ffmpeg import Ffmpeg
from packager.news import News
from packager.patience import insist
from packager.settings import PackagerSettings
from packager.slots import Slots
from packager.sources import Sources
from packager.standing import may_come_forward
from streamer.core.errors import NotFound
from streamer.core.keys import init_name, media_key, segment_name, video_prefix
from streamer.core.video import ContentKey, Segment
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore
from streamer.shared.stores import open_store

_log = logging.getLogger("packager")


@dataclass(frozen=True, slots=True)
class Workshop:
    """The store, the catalog, ffmpeg, and the turns at it.

    Whoever may end this worker holds `suspicion`.
    """

    settings: PackagerSettings
    store: ObjectStore
    catalog: Catalog
    ffmpeg: Ffmpeg
    slots: Slots
    sources: Sources
    suspicion: asyncio.Lock = field(default_factory=asyncio.Lock)
    news: News = field(default_factory=News)

    @classmethod
    async def open(cls, settings: PackagerSettings, stack: AsyncExitStack) -> Self:
        """Open the store and connect to the catalog; `stack` closes them.

        Raises:
            Unavailable: The catalog does not answer.
        """
        shared = settings.shared
        store = open_store(shared.store_url, s3_addressing_style=shared.s3_addressing_style)
        stack.push_async_callback(store.close)
        catalog = await Catalog.open(shared.catalog_url)
        stack.push_async_callback(catalog.close)
        cell = open_cell()
        if cell is None:
            _log.info("ffmpeg shares this machine's network: no namespace can be made here")
        else:
            stack.callback(cell.close)
        sources = await stack.enter_async_context(Sources(store, catalog, cell))
        return cls(
            settings=settings,
            store=store,
            catalog=catalog,
            ffmpeg=Ffmpeg(
                settings.ffmpeg,
                settings.ffprobe,
                stall_seconds=settings.stall_seconds,
                inputs=sources,
                confinement=Confinement(settings.ffmpeg_memory_size, cell),
            ),
            slots=Slots(settings.concurrency, behind=1 if may_come_forward() else 0),
            sources=sources,
        )

    def apart(self, *, is_suspect: bool) -> AbstractAsyncContextManager[None]:
        """Keeps work at which a worker died apart from other such work; the rest waits not."""
        return self.suspicion if is_suspect else nullcontext()


class Track:
    """One rendition's objects on their way into the store.

    `segments` and `init_names` are what the catalog must be told next.
    """

    def __init__(self, workshop: Workshop, video_id: str, rendition: str) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self.rendition = rendition
        self.segments: list[Segment] = []
        self._init: InitSegment | None = None
        self._init_name = ""
        self._key: ContentKey | None = None

    async def put_init(self, init: InitSegment) -> None:
        """Store the init segment, once."""
        if self._init is not None:
            return
        self._key = await self._workshop.catalog.rendition_key(self._video_id, self.rendition)
        sealed = seal_init(init, self._key)
        name = init_name(self.rendition, _digest(sealed.data))
        await self._put(name, sealed.data)
        self._init, self._init_name = sealed, name

    async def put_segment(
        self, number: int, start_ticks: int, duration_ticks: int, samples: Sequence[Sample]
    ) -> None:
        """Store one segment, behind the init segment."""
        if self._init is None:
            raise ValueError("a segment without an init segment")
        sealed = seal_segment(number, start_ticks, samples, self._init, self._key)
        name = segment_name(self.rendition, number, _digest(sealed.data))
        await self._put(name, sealed.data)
        size_bytes = len(sealed.data)
        self.segments.append(
            Segment(
                self.rendition, number, name, duration_ticks, size_bytes, sealed.key_frame_bytes
            )
        )

    async def _put(self, name: str, data: bytes) -> None:
        await self._workshop.store.put(media_key(self._video_id, name), data)

    def described(self) -> tuple[dict[str, str], dict[str, str]]:
        """The rendition's init segment and its codecs, by the rendition's name."""
        if self._init is None:
            return {}, {}
        return {self.rendition: self._init_name}, {self.rendition: self._init.codecs}


async def publish(workshop: Workshop, video_id: str, tracks: Sequence[Track]) -> None:
    """Let viewers see the segments that all tracks stored since the last time, all at once.

    What one track has and another has not waits for the next time.

    Raises:
        NotFound: The video was deleted.
        Conflict: The video takes no segments, or an init segment changed.
    """
    ready = min(len(track.segments) for track in tracks)
    segments = [segment for track in tracks for segment in _last_of_each(track.segments[:ready])]
    init_names: dict[str, str] = {}
    codecs: dict[str, str] = {}
    for track in tracks:
        names, found = track.described()
        init_names |= names
        codecs |= found
    if segments:
        await insist(
            lambda: workshop.catalog.publish(
                video_id, segments, init_names=init_names, codecs=codecs, now=datetime.now(UTC)
            )
        )
    for track in tracks:
        del track.segments[:ready]


def _last_of_each(segments: Sequence[Segment]) -> Iterable[Segment]:
    """Of segments with the same number the last, which is longer."""
    return {segment.number: segment for segment in segments}.values()


async def clear_if_deleted(workshop: Workshop, video_id: str) -> None:
    """Remove what was stored after the video was deleted.

    Raises:
        Unavailable: The catalog or the store does not answer.
    """
    try:
        await workshop.catalog.get_video(video_id)
    except NotFound:
        await workshop.store.delete_prefix(video_prefix(video_id))


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
