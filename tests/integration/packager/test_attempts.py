"""Tasks of versions at which workers died, within one worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from packager.attempts import Attempts, EndsWorkersError
from packager.settings import PackagerSettings
from packager.workshop import Workshop
from streamer.core.errors import NotFound
from streamer.shared.settings import SharedSettings

FIRST, SECOND, FRESH = "testvideo1", "testvideo2", "testvideo3"
TASK = "first pictures"
HERE, THERE = "here", "there"


@pytest.fixture
async def workshop(settings: SharedSettings) -> AsyncIterator[Workshop]:
    settings.data_dir.mkdir()
    async with AsyncExitStack() as stack:
        yield await Workshop.open(PackagerSettings(shared=settings, tries=2), stack)


async def attempts_at(workshop: Workshop, video_id: str, *, deaths: int = 0) -> Attempts:
    """A video whose source is there, at which workers died."""
    catalog = workshop.catalog
    await catalog.create_video(video_id, title="x", now=datetime.now(UTC))
    await catalog.accept_source(video_id, size_bytes=1)
    for _ in range(deaths):
        await catalog.begin_attempt(video_id, 1, TASK, THERE)
        await catalog.count_death(THERE)
    async with workshop.sources.open(video_id) as source:
        return Attempts(workshop, HERE, video_id, 1, source.data)


async def test_a_task_at_which_too_many_died_is_not_begun(workshop: Workshop) -> None:
    attempts = await attempts_at(workshop, FIRST, deaths=2)

    async def work() -> None:
        raise AssertionError("it was begun")

    with pytest.raises(EndsWorkersError, match="died 2 times at this task: first pictures"):
        await attempts.at(TASK, work)()


async def test_suspects_are_kept_apart_and_nothing_else_waits(workshop: Workshop) -> None:
    log: list[str] = []
    both_asked, fresh_is_done = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        log.append("first begins")
        both_asked.set()
        await fresh_is_done.wait()
        log.append("first ends")

    async def second() -> None:
        log.append("second begins")

    async def fresh() -> None:
        log.append("fresh begins")

    suspect = await attempts_at(workshop, FIRST, deaths=1)
    other = await attempts_at(workshop, SECOND, deaths=1)
    unsuspected = await attempts_at(workshop, FRESH)
    async with asyncio.TaskGroup() as group:
        group.create_task(suspect.at(TASK, first)())
        await both_asked.wait()
        # Another task of a suspect is suspected too.
        group.create_task(other.at("sound audio", second)())
        await unsuspected.at(TASK, fresh)()
        fresh_is_done.set()
    assert log == ["first begins", "fresh begins", "first ends", "second begins"]


async def test_what_ends_in_any_way_is_no_death(workshop: Workshop) -> None:
    attempts = await attempts_at(workshop, FIRST)
    begun = asyncio.Event()

    async def fail() -> None:
        raise NotFound("the video is gone")

    async def stay() -> None:
        begun.set()
        await asyncio.Event().wait()

    with pytest.raises(NotFound):
        await attempts.at(TASK, fail)()
    staying = asyncio.create_task(attempts.at(TASK, stay)())
    await begun.wait()
    staying.cancel()
    await asyncio.wait([staying])
    await workshop.catalog.count_death(HERE)
    assert await workshop.catalog.deaths(FIRST, 1) == {}
