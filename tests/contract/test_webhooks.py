"""What the catalog promises of events and their deliveries, in both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from streamer.core.errors import Conflict
from streamer.shared.catalog import Catalog
from tests.catalogs import FAST, ID, NOW, URL, begin_anew, events, make_failed, upload


async def claim(catalog: Catalog, *urls: str, now: datetime = NOW, limit: int = 100) -> list[str]:
    """The types of the events that are due, which are this caller's for a minute."""
    await catalog.spread_events(urls or [URL])
    found = await catalog.claim_deliveries(urls or [URL], now=now, lease_seconds=60, limit=limit)
    return [delivery.event.type.value for delivery in found]


async def test_every_change_of_state_is_an_event(catalog: Catalog) -> None:
    await begin_anew(catalog)
    await catalog.fail(ID, code="internal", message="It broke.", version=2)
    await catalog.repackage(ID, FAST)
    await catalog.finish(ID, duration_seconds=4.0, now=NOW, version=3)
    await catalog.delete_video(ID, now=NOW)
    assert await events(catalog) == [
        "video.uploading",
        "video.probing",
        "video.packaging",
        "video.playable",
        "video.ready",
        "video.version_failed",
        "video.version_ready",
        "video.deleted",
    ]


async def test_what_is_undone_is_no_event(catalog: Catalog) -> None:
    await make_failed(catalog)
    with pytest.raises(Conflict):
        await catalog.accept_source(ID, size_bytes=1)
    with pytest.raises(Conflict):
        await upload(catalog)
    await catalog.fail(ID, code="truncated", message="Again.")
    assert (await events(catalog))[-1] == "video.failed"


async def test_events_of_a_video_keep_their_order(catalog: Catalog) -> None:
    await upload(catalog)
    await upload(catalog, "video001")
    await catalog.accept_source(ID, size_bytes=1)
    await catalog.spread_events([URL])
    one, two = await catalog.claim_deliveries([URL], now=NOW, lease_seconds=60, limit=9)
    assert {one.event.video_id, two.event.video_id} == {ID, "video001"}
    soon = NOW + timedelta(seconds=10)
    await catalog.note_failed(one, reason="the server answered 500", now=NOW, next_at=soon)
    assert await claim(catalog) == []
    [again] = await catalog.claim_deliveries([URL], now=soon, lease_seconds=60, limit=9)
    assert (again.event, again.attempts) == (one.event, 2)
    await catalog.note_delivered(again, now=soon)
    assert await claim(catalog, now=soon) == ["video.probing"]


async def test_each_url_is_told_by_itself(catalog: Catalog) -> None:
    await upload(catalog)
    other = "https://hooks.example/b"
    assert await claim(catalog, URL, other) == ["video.uploading"] * 2


async def test_what_nobody_is_told_may_be_forgotten_by_itself(catalog: Catalog) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await upload(catalog)
    await catalog.spread_events([URL])
    await upload(catalog, "video001")
    await catalog.forget_unspread_events(before=soon - timedelta(hours=1))
    await catalog.spread_events([URL])
    await upload(catalog, "video002")
    await catalog.forget_unspread_events(before=soon)
    assert await claim(catalog) == ["video.uploading"] * 2


async def test_a_delivery_belongs_to_one_until_its_lease_ends(
    catalog: Catalog, other: Catalog
) -> None:
    for number in range(6):
        await upload(catalog, f"video00{number}")
    claimed = await asyncio.gather(*(claim(each, limit=3) for each in (catalog, other)))
    assert sum(map(len, claimed)) + len(await claim(catalog)) == 6
    assert await claim(other, now=NOW + timedelta(seconds=59)) == []
    assert len(await claim(other, now=NOW + timedelta(seconds=60))) == 6


async def test_a_delivery_may_be_given_up(catalog: Catalog) -> None:
    await upload(catalog)
    await catalog.accept_source(ID, size_bytes=1)
    await catalog.spread_events([URL])
    [first] = await catalog.claim_deliveries([URL], now=NOW, lease_seconds=60, limit=9)
    await catalog.note_failed(first, reason="no answer", now=NOW, next_at=None)
    next_one, given_up = await catalog.unfinished_deliveries(limit=9)
    assert (given_up.delivery, given_up.given_up_at, given_up.reason) == (first, NOW, "no answer")
    assert next_one.given_up_at is None
    assert await claim(catalog) == ["video.probing"]
    await catalog.forget_events(before=datetime.now(UTC) + timedelta(seconds=1))
    assert await catalog.unfinished_deliveries(limit=9) == []
