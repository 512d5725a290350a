"""A store that fails or hangs: its source is read whole, or not at all, and not judged by it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from packager.chunk_runner import ChunkRunner
from packager.core.plan import Chunk
from packager.core.recipe import Recipe, write_recipe
from packager.inspection import inspect_source
from packager.picture import EncodedChunk, encode_chunk
from packager.picture_source import PictureSource
from packager.settings import PackagerSettings
from packager.source_bytes import SourceBytes
from packager.workshop import Workshop
from sample_media.generate import generate
from streamer.core.chunks import ChunkOrder, ChunkState, ChunkStatus
from streamer.core.errors import Unavailable
from streamer.core.keys import source_key
from streamer.core.video import Segment
from streamer.shared.directory_store import DirectoryStore
from streamer.shared.object_store import ObjectBody, ObjectInfo
from streamer.shared.settings import SharedSettings

VIDEO = "testvideo1"
FRAMES = 500
WHOLE = Chunk(0, 6, ("180p",))
PATIENT_SECONDS = 3.0

T = TypeVar("T")


class CutStore(DirectoryStore):
    """A directory whose objects are read like a bucket's, and whose answers break off.

    Attributes:
        cut_at: No answer goes beyond this byte of an object, as long as `cuts` are left.
        cuts: How many more answers break off.
        full: How often something more cannot be stored.
        is_silent: Nothing is answered until `answers` is set; `asked` is set once it is asked.
    """

    cut_at = 0
    cuts = 0
    full = 0
    is_silent = False

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

    def local_path(self, key: str) -> Path | None:
        return None

    async def put(self, key: str, data: bytes, *, only_if_absent: bool = False) -> ObjectInfo:
        if self.full:
            self.full -= 1
            raise Unavailable("the object store does not answer")
        return await super().put(key, data, only_if_absent=only_if_absent)

    @asynccontextmanager
    async def get(
        self, key: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[ObjectBody]:
        if self.is_silent:
            self.asked.set()
            await self.answers.wait()
        async with super().get(key, start=start, stop=stop) as body:
            yield ObjectBody(body.info, self._cut(body.chunks, start))

    async def _cut(self, pieces: AsyncIterator[bytes], position: int) -> AsyncIterator[bytes]:
        async for piece in pieces:
            if self.cuts and position + len(piece) > self.cut_at:
                self.cuts -= 1
                if position < self.cut_at:
                    yield piece[: self.cut_at - position]
                raise Unavailable("the object store failed: ECONNRESET")
            position += len(piece)
            yield piece


@pytest.fixture
def store(tmp_path: Path) -> CutStore:
    return CutStore(tmp_path / "cut")


@pytest.fixture
async def workshop(
    settings: SharedSettings, store: CutStore, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Workshop]:
    """A workshop that reads the clip of numbered frames out of a store that fails."""
    monkeypatch.setattr("packager.workshop.open_store", lambda *_, **__: store)
    settings.data_dir.mkdir()
    path = await asyncio.to_thread(generate, "numbered")
    stored = await store.put_file(source_key(VIDEO), path)
    store.cut_at = stored.size_bytes // 3
    async with AsyncExitStack() as stack:
        opened = await Workshop.open(PackagerSettings(shared=settings), stack)
        await opened.catalog.create_video(VIDEO, title="x", now=datetime.now(UTC))
        await opened.catalog.accept_source(VIDEO, size_bytes=stored.size_bytes)
        yield opened


async def encode(workshop: Workshop, recipe: Recipe) -> EncodedChunk:
    async with workshop.sources.open(VIDEO) as source:
        pictures = PictureSource.of(source, recipe)
        return await encode_chunk(workshop, VIDEO, pictures, WHOLE, lambda _: None)


async def test_an_answer_that_breaks_off_is_asked_for_again(
    workshop: Workshop, store: CutStore, recipe: Recipe
) -> None:
    store.cuts = 3
    assert (await encode(workshop, recipe)).frames == FRAMES
    assert store.cuts == 0


async def test_a_source_that_cannot_be_read_is_not_at_its_end(
    workshop: Workshop, store: CutStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packager.patience._SECONDS", 0.0)
    store.cuts = 1_000
    with pytest.raises(Unavailable, match="ECONNRESET"):
        await encode(workshop, recipe)
    for segment in await workshop.catalog.segments(VIDEO, "180p"):
        assert segment.duration_ticks == recipe.grid.segment_frames * recipe.grid.frame_ticks
    store.cuts = 0
    assert (await encode(workshop, recipe)).frames == FRAMES


@asynccontextmanager
async def running(workshop: Workshop) -> AsyncGenerator[None]:
    """A worker encodes chunks meanwhile."""
    runner = asyncio.create_task(ChunkRunner(workshop, "worker").run())
    try:
        yield
        assert not runner.done()
    finally:
        runner.cancel()
        await asyncio.wait([runner])


async def settled(workshop: Workshop) -> ChunkStatus:
    """The only chunk, once it is done or has failed."""
    async with asyncio.timeout(60):
        while True:
            (status,) = await workshop.catalog.chunk_statuses(VIDEO, 1)
            if status.state in (ChunkState.DONE, ChunkState.FAILED):
                return status
            await asyncio.sleep(0.05)


async def test_a_chunk_that_cannot_be_stored_for_a_while_costs_no_try(
    workshop: Workshop, store: CutStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packager.chunk_runner._OUTAGE_SECONDS", 0.1)
    now, catalog = datetime.now(UTC), workshop.catalog
    await catalog.begin_version(VIDEO, 1, write_recipe(recipe), now=now)
    order = ChunkOrder(0, WHOLE.start, WHOLE.stop, WHOLE.renditions, needed_seconds=0.0)
    store.full = workshop.settings.tries + 1
    await catalog.add_chunks(VIDEO, 1, [order])
    async with running(workshop):
        status = await settled(workshop)
    assert store.full == 0
    assert (status.state, status.frames) == (ChunkState.DONE, FRAMES)


@pytest.mark.parametrize("reason", ["The source is gone.", "the init segment of 180p changed"])
async def test_a_chunk_that_cannot_be_read_or_published_fails(
    workshop: Workshop, recipe: Recipe, reason: str
) -> None:
    now, catalog = datetime.now(UTC), workshop.catalog
    if "init" in reason:
        # As an ffmpeg of another build makes it.
        names, whose = {"180p": "180p/init-other.mp4"}, Segment("180p", 0, "180p/other.m4s", 1, 1)
        await catalog.publish(VIDEO, [whose], init_names=names, now=now)
    else:
        await workshop.store.delete(source_key(VIDEO))
    await catalog.begin_version(VIDEO, 1, write_recipe(recipe), now=now)
    order = ChunkOrder(0, WHOLE.start, WHOLE.stop, WHOLE.renditions, needed_seconds=0.0)
    await catalog.add_chunks(VIDEO, 1, [order])
    async with running(workshop):
        status = await settled(workshop)
    assert (status.state, status.reason) == (ChunkState.FAILED, reason)


async def test_a_source_that_cannot_be_read_is_not_called_unreadable(
    workshop: Workshop, store: CutStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packager.patience._SECONDS", 0.0)
    store.cut_at, store.cuts = 100, 1_000
    async with workshop.sources.open(VIDEO) as source:
        with pytest.raises(Unavailable):
            await inspect_source(workshop, VIDEO, 1, source)


async def outwait(store: CutStore, work: Coroutine[Any, Any, T]) -> T:
    """What comes of work during which the store hangs for longer than ffmpeg may stand still."""
    store.is_silent = True
    async with asyncio.timeout(60):
        working = asyncio.create_task(work)
        asked = asyncio.create_task(store.asked.wait())
        await asyncio.wait([working, asked], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([working], timeout=PATIENT_SECONDS + 0.5)
        store.answers.set()
        return await working


async def test_a_store_that_hangs_takes_no_time_of_a_probe(
    workshop: Workshop, store: CutStore
) -> None:
    ffmpeg = replace(workshop.ffmpeg, probe_seconds=PATIENT_SECONDS)
    async with workshop.sources.open(VIDEO) as source:
        probe = await outwait(store, ffmpeg.probe(source.any_part))
    assert probe["streams"]


async def test_a_run_does_not_stand_still_while_the_store_hangs(
    workshop: Workshop, store: CutStore, recipe: Recipe
) -> None:
    ffmpeg = replace(workshop.ffmpeg, stall_seconds=PATIENT_SECONDS)
    encoded = await outwait(store, encode(replace(workshop, ffmpeg=ffmpeg), recipe))
    assert encoded.frames == FRAMES


async def test_a_store_that_hangs_for_ever_is_asked_again(
    workshop: Workshop, store: CutStore
) -> None:
    video = await workshop.catalog.get_video(VIDEO)
    data = SourceBytes(store, workshop.catalog, video, silence_seconds=0.2)
    store.is_silent = True
    async with asyncio.timeout(30):
        reading = asyncio.create_task(data.read_available(0, 100))
        await store.asked.wait()
        store.is_silent = False
        assert len(await reading) == 100
