"""The log of purges: who has read one entry never misses an earlier one."""

import asyncio
from datetime import UTC, datetime

from streamer.core.purge import Kind, Order
from streamer.shared.catalog import Catalog
from streamer.shared.purges import append_purges

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SLOW, QUICK = Order(Kind.PATH, "/slow"), Order(Kind.PATH, "/quick")


async def test_purges_can_be_read_in_the_order_of_their_ids(
    catalog: Catalog, other: Catalog
) -> None:
    async with catalog._database.writing() as connection:
        slow = await append_purges(connection, [SLOW], now=NOW)
        recording = asyncio.create_task(other.record_purges([QUICK], now=NOW))
        await asyncio.wait({recording}, timeout=0.5)  # long enough not to wait for its turn
        early = await other.purges_after(0)
    quick = await recording
    late = await other.purges_after(max([0, *(purge.id for purge in early)]))
    assert [purge.order for purge in early + late] == [SLOW, QUICK]
    assert slow < quick


async def test_transactions_that_record_purges_do_not_hold_each_other_up(
    catalog: Catalog, other: Catalog
) -> None:
    orders = [Order(Kind.PATH, f"/{number}") for number in range(3)]
    catalogs = [catalog, other] * 10
    ids = await asyncio.gather(*(one.record_purges(orders, now=NOW) for one in catalogs))
    assert len(set(ids)) == 20
    assert len(await catalog.purges_after(0)) == 60
