import asyncio

from packager.news import News, wait_for

LONG_SECONDS = 60.0


async def test_a_change_between_looking_and_waiting_is_not_missed() -> None:
    news = News()
    change = news.next_change
    news.spread()
    async with asyncio.timeout(LONG_SECONDS / 2):
        await wait_for(change, seconds=LONG_SECONDS)


async def test_all_who_wait_wake() -> None:
    news = News()
    waiting = [
        asyncio.create_task(wait_for(news.next_change, seconds=LONG_SECONDS)) for _ in range(2)
    ]
    await asyncio.sleep(0)
    news.spread()
    async with asyncio.timeout(LONG_SECONDS / 2):
        await asyncio.gather(*waiting)


async def test_without_news_the_wait_ends_by_itself() -> None:
    change = News().next_change
    await wait_for(change, seconds=0.01)
    assert not change.is_set()


async def test_news_that_came_before_is_old() -> None:
    news = News()
    news.spread()
    assert not news.next_change.is_set()
