import asyncio
from contextlib import AsyncExitStack

from packager.slots import Slots


async def test_the_most_urgent_goes_first() -> None:
    slots = Slots(1)
    order: list[float] = []

    async def work(urgency: float) -> None:
        async with slots.turn(urgency):
            order.append(urgency)

    async with asyncio.TaskGroup() as group, slots.turn(0):
        for urgency in (30, 10, 20, 10):
            group.create_task(work(urgency))
        await asyncio.sleep(0)
    assert order == [10, 10, 20, 30]


async def test_no_more_than_the_number_work_at_once() -> None:
    slots = Slots(2)
    working = most = 0

    async def work() -> None:
        nonlocal working, most
        async with slots.turn(0):
            working += 1
            most = max(most, working)
            await asyncio.sleep(0)
            working -= 1

    await asyncio.gather(*(work() for _ in range(6)))
    assert most == 2


async def test_who_gives_up_waiting_keeps_no_turn() -> None:
    slots = Slots(1)

    async def wait() -> None:
        async with slots.turn(1):
            raise AssertionError("it was cancelled")

    async with slots.turn(0):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
    # It has been given the turn, and is cancelled before it takes it.
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5), slots.turn(0):
        pass


async def test_one_behind_comes_forward_when_its_turn_comes() -> None:
    slots = Slots(1, behind=1)
    async with asyncio.timeout(5), AsyncExitStack() as first, AsyncExitStack() as second:
        leading = await first.enter_async_context(slots.turn(1))
        behind = await second.enter_async_context(slots.turn(2))
        assert leading.leads.is_set()
        assert not behind.leads.is_set()
        third = asyncio.create_task(second.enter_async_context(slots.turn(3)))
        await asyncio.sleep(0)
        assert not third.done()
        await first.aclose()
        assert behind.leads.is_set()
        assert not (await third).leads.is_set()


async def test_who_comes_later_and_is_more_urgent_passes_the_one_behind() -> None:
    slots = Slots(1, behind=1)
    order: list[float] = []

    async def work(urgency: float) -> None:
        async with slots.turn(urgency) as turn:
            await turn.leads.wait()
            order.append(urgency)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group, slots.turn(0):
        for urgency in (5.0, 1.0):
            group.create_task(work(urgency))
            await asyncio.sleep(0)
    assert order == [1.0, 5.0]
