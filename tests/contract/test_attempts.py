"""What the catalog promises of attempts, on SQLite and on a real PostgreSQL server."""

from datetime import UTC, datetime

import pytest

from streamer.core.errors import NotFound
from streamer.shared.catalog import Catalog

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "video000"
HERE, THERE = "here", "there"
PROBE, SOUND = "probe", "sound"


@pytest.fixture(autouse=True)
async def video(catalog: Catalog) -> None:
    await catalog.create_video(ID, title="A film", now=NOW)


async def test_a_worker_dies_at_all_that_it_is_at(catalog: Catalog) -> None:
    await catalog.begin_attempt(ID, 1, PROBE, HERE)
    await catalog.end_attempt(ID, 1, PROBE, HERE)
    await catalog.begin_attempt(ID, 1, SOUND, HERE)
    await catalog.begin_attempt(ID, 2, SOUND, THERE)
    for _ in range(2):
        await catalog.count_death(HERE)
    assert await catalog.deaths(ID, 1) == {SOUND: 1}
    assert await catalog.deaths(ID, 2) == {}
    await catalog.begin_attempt(ID, 1, SOUND, THERE)
    await catalog.count_death(THERE)
    assert await catalog.deaths(ID, 1) == {SOUND: 2}
    assert await catalog.deaths(ID, 2) == {SOUND: 1}


async def test_who_was_replaced_ends_nothing(catalog: Catalog) -> None:
    await catalog.begin_attempt(ID, 1, SOUND, HERE)
    await catalog.begin_attempt(ID, 1, SOUND, THERE)
    await catalog.end_attempt(ID, 1, SOUND, HERE)
    await catalog.count_death(HERE)
    assert await catalog.deaths(ID, 1) == {}
    await catalog.count_death(THERE)
    assert await catalog.deaths(ID, 1) == {SOUND: 1}


async def test_attempts_are_forgotten_with_their_version(catalog: Catalog) -> None:
    for version in (1, 2):
        await catalog.begin_attempt(ID, version, SOUND, HERE)
    await catalog.count_death(HERE)
    await catalog.end_version(ID, 1)
    assert await catalog.deaths(ID, 1) == {}
    assert await catalog.deaths(ID, 2) == {SOUND: 1}


async def test_nothing_is_attempted_for_a_deleted_video(catalog: Catalog) -> None:
    await catalog.begin_attempt(ID, 1, PROBE, HERE)
    await catalog.delete_video(ID, now=NOW)
    with pytest.raises(NotFound):
        await catalog.begin_attempt(ID, 1, SOUND, HERE)
    await catalog.forget(ID)
    assert await catalog.deaths(ID, 1) == {}
