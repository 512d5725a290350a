"""What the catalog promises of the leases of fetches, on SQLite and on a real PostgreSQL server."""

import asyncio
from datetime import UTC, datetime

import pytest

from streamer.core.errors import NotFound
from streamer.shared.catalog import Catalog

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "video000"
HERE, THERE = "here", "there"
LONG = 1e6


@pytest.fixture(autouse=True)
async def video(catalog: Catalog) -> None:
    await catalog.create_video(ID, title="A film", now=NOW, source_url="https://example.org/film")


async def test_one_of_many_has_a_fetch(catalog: Catalog, other: Catalog) -> None:
    owners = [str(number) for number in range(6)]
    had = await asyncio.gather(
        *(
            each.lease_fetch(ID, owner, seconds=LONG)
            for each in (catalog, other)
            for owner in owners
        )
    )
    assert sum(had) == 2
    assert had[:6] == had[6:]


async def test_a_lease_lasts_until_its_end_and_is_renewed(catalog: Catalog) -> None:
    assert await catalog.lease_fetch(ID, HERE, seconds=LONG)
    assert not await catalog.lease_fetch(ID, THERE, seconds=LONG)
    assert await catalog.lease_fetch(ID, HERE, seconds=0)
    assert await catalog.lease_fetch(ID, HERE, seconds=0)
    assert await catalog.lease_fetch(ID, THERE, seconds=LONG)
    assert not await catalog.lease_fetch(ID, HERE, seconds=LONG)


async def test_only_the_owner_releases_a_fetch(catalog: Catalog) -> None:
    assert await catalog.lease_fetch(ID, HERE, seconds=LONG)
    await catalog.release_fetch(ID, THERE)
    assert not await catalog.lease_fetch(ID, THERE, seconds=LONG)
    for _ in range(2):
        await catalog.release_fetch(ID, HERE)
    assert await catalog.lease_fetch(ID, THERE, seconds=LONG)


async def test_a_deleted_video_is_not_fetched(catalog: Catalog) -> None:
    assert await catalog.lease_fetch(ID, HERE, seconds=LONG)
    await catalog.delete_video(ID, now=NOW)
    with pytest.raises(NotFound):
        await catalog.lease_fetch(ID, HERE, seconds=LONG)
    await catalog.forget(ID)
