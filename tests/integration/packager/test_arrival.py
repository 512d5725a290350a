"""A source whose bytes do not come, as those who read it find it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from packager.chunk_runner import ChunkRunner
from packager.core.arrival import needed_after_pause
from packager.core.plan import Chunk
from packager.core.recipe import Recipe, write_recipe
from packager.inspection import inspect_source
from packager.picture import encode_chunk
from packager.picture_source import PictureSource
from packager.source_bytes import SourcePausedError
from packager.workshop import Workshop
from sample_media.generate import generate
from streamer.core.chunks import ChunkOrder, ChunkState
from streamer.core.keys import arriving_key
from tests.integration.packager.installation import eventually

VIDEO = "testvideo1"
WHOLE = Chunk(0, 15, ("180p",))


@pytest.fixture
async def workshop(empty_workshop: Workshop) -> Workshop:
    """A workshop with half of a minute of Matroska."""
    await half_receive(empty_workshop, "minute_matroska", begun_at=datetime.now(UTC))
    return empty_workshop


async def half_receive(workshop: Workshop, clip: str, *, begun_at: datetime) -> None:
    path = await asyncio.to_thread(generate, clip)
    size_bytes = path.stat().st_size
    await workshop.catalog.create_video(VIDEO, title="x", now=begun_at)
    await workshop.store.put_file(arriving_key(VIDEO), path)
    await workshop.catalog.note_received(
        VIDEO, received_bytes=size_bytes // 2, length_bytes=size_bytes
    )


async def test_how_fast_a_source_comes_is_noted(empty_workshop: Workshop) -> None:
    await asyncio.to_thread(generate, "plain")
    begun_at = datetime.now(UTC) - timedelta(seconds=100)
    await half_receive(empty_workshop, "plain", begun_at=begun_at)
    async with empty_workshop.sources.open(VIDEO) as source:
        inspection = await inspect_source(empty_workshop, VIDEO, 1, source)
    assert inspection.arrival.seconds_left == pytest.approx(100, rel=0.5)


async def test_a_run_ends_when_its_source_pauses(workshop: Workshop, recipe: Recipe) -> None:
    async with workshop.sources.open(VIDEO, pause_seconds=0.5) as source:
        pictures = PictureSource.of(source, recipe)
        with pytest.raises(SourcePausedError):
            await encode_chunk(workshop, VIDEO, pictures, WHOLE, lambda _: None)


async def test_a_chunk_whose_source_pauses_is_given_back_until_more_is_there(
    workshop: Workshop, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed: list[int] = []

    def needed_now(*arguments: Any) -> int:
        needed.append(needed_after_pause(*arguments))
        return needed[-1]

    monkeypatch.setattr("packager.chunk_runner._PAUSE_SECONDS", 0.5)
    monkeypatch.setattr("packager.chunk_runner.needed_after_pause", needed_now)
    catalog, order = workshop.catalog, ChunkOrder(0, 0, 15, ("180p",), 0.0)
    await catalog.begin_version(VIDEO, 1, write_recipe(recipe), now=datetime.now(UTC))
    await catalog.add_chunks(VIDEO, 1, [order])

    async def state() -> ChunkState:
        (status,) = await catalog.chunk_statuses(VIDEO, 1)
        return status.state

    async def is_given_back() -> bool:
        return bool(needed) and await state() is ChunkState.WAITING

    async def is_done() -> bool:
        return await state() is ChunkState.DONE

    runner = asyncio.create_task(ChunkRunner(workshop, "here").run())
    await eventually(is_given_back)
    video = await catalog.get_video(VIDEO)
    length_bytes = video.length_bytes or 0
    await catalog.note_received(
        VIDEO, received_bytes=video.received_bytes + 10, length_bytes=length_bytes
    )
    assert await catalog.claim_chunk("there") is None
    await catalog.accept_source(VIDEO, size_bytes=length_bytes)
    await eventually(is_done)
    assert (await catalog.chunk_statuses(VIDEO, 1))[0].frames == 600
    runner.cancel()
    await asyncio.wait([runner])


async def test_a_source_that_comes_slowly_does_not_pause(
    empty_workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun_at = datetime.now(UTC) - timedelta(seconds=3)
    await half_receive(empty_workshop, "minute_matroska", begun_at=begun_at)
    catalog = empty_workshop.catalog
    video = await catalog.get_video(VIDEO)
    received, length = video.received_bytes, video.length_bytes or 0
    now = 0.0
    monkeypatch.setattr("packager.source_bytes.monotonic", lambda: now)
    async with empty_workshop.sources.open(VIDEO, pause_seconds=2.0) as source:

        async def read() -> list[bytes]:
            return [piece async for piece in source.data.read(received + 20, received + 60)]

        reading = asyncio.create_task(read())

        async def is_read_to(position: int) -> bool:
            return source.data.received_bytes == position or reading.done()

        for position in range(received, received + 60, 10):
            await eventually(partial(is_read_to, position))
            now += 1.5
            await catalog.note_received(VIDEO, received_bytes=position + 10, length_bytes=length)
        assert sum(map(len, await reading)) == 40
        arrival = await source.data.arrival()
        assert arrival == replace(arrival, received_bytes=received + 60, length_bytes=length)
        assert 0 < arrival.bytes_per_second <= arrival.received_bytes / 3
