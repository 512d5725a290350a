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
        assert leading.leads
        assert not behind.leads
        third = asyncio.create_task(second.enter_async_context(slots.turn(3)))
        await asyncio.sleep(0)
        assert not third.done()
        await first.aclose()
        assert behind.leads
        assert not (await third).leads


async def test_who_comes_later_and_is_more_urgent_passes_the_others() -> None:
    slots = Slots(1, behind=1)
    async with asyncio.timeout(5), AsyncExitStack() as stack:
        late = await stack.enter_async_context(slots.turn(3))
        change = late.next_change
        assert late.leads
        async with slots.turn(1) as urgent:
            assert (urgent.leads, late.leads) == (True, False)
            await change.wait()
            waiting = asyncio.create_task(stack.enter_async_context(slots.turn(2)))
            await asyncio.sleep(0)
            assert not waiting.done()
        assert (await waiting).leads
        assert not late.leads


async def test_who_waits_passes_the_one_behind_when_the_turn_comes() -> None:
    slots = Slots(1, behind=1)
    async with asyncio.timeout(5), AsyncExitStack() as stack:
        async with slots.turn(0):
            behind = await stack.enter_async_context(slots.turn(5))
            waiting = asyncio.create_task(stack.enter_async_context(slots.turn(1)))
            await asyncio.sleep(0)
        assert (await waiting).leads
        assert not behind.leads


async def test_the_most_urgent_passes_when_all_turns_are_taken() -> None:
    slots = Slots(1, behind=1)
    async with asyncio.timeout(5), AsyncExitStack() as stack:
        assert slots.urgency_to_pass is None
        leading = await stack.enter_async_context(slots.turn(4))
        behind = await stack.enter_async_context(slots.turn(5))
        assert slots.urgency_to_pass == 4
        async with slots.turn(1) as urgent:
            assert [turn.leads for turn in (urgent, leading, behind)] == [True, False, False]
            waiting = asyncio.create_task(stack.enter_async_context(slots.turn(4.5)))
            await asyncio.sleep(0)
            assert not waiting.done()
        assert leading.leads
        assert not waiting.done()
        waiting.cancel()


async def test_nobody_is_passed_where_nobody_works_behind() -> None:
    slots = Slots(1)
    async with asyncio.timeout(5), AsyncExitStack() as stack:
        async with slots.turn(4):
            assert slots.urgency_to_pass is None
            waiting = asyncio.create_task(stack.enter_async_context(slots.turn(1)))
            await asyncio.sleep(0)
            assert not waiting.done()
        assert (await waiting).leads
