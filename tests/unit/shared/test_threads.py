import asyncio
import threading
from contextlib import suppress

import pytest

from streamer.core.errors import Unavailable
from streamer.shared.threads import Threads


async def test_a_call_returns_or_raises() -> None:
    threads = Threads(1, "test")
    assert await threads.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 7, 0)
    threads.close()


async def test_a_cancelled_caller_waits_until_the_call_ends() -> None:
    threads = Threads(1, "test")
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        may_end.wait(10)
        ended.set()
        raise ValueError("nobody hears this")

    caller = asyncio.create_task(threads.run(call))
    await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(caller), 0.05)
    assert not caller.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()
    threads.close()


async def test_what_a_cancelled_caller_acquired_is_released() -> None:
    threads = Threads(1, "test")
    begun, may_end = threading.Event(), threading.Event()
    released: list[str] = []

    def call() -> str:
        begun.set()
        may_end.wait(10)
        return "acquired"

    assert await threads.acquire(lambda: "taken", released.append) == "taken"
    assert released == []
    caller = asyncio.create_task(threads.acquire(call, released.append))
    await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert released == ["acquired"]
    threads.close()


async def test_no_more_calls_than_threads_run_at_once() -> None:
    threads = Threads(2, "test")
    meeting = threading.Barrier(3)
    calls = [asyncio.create_task(threads.run(meeting.wait, 0.2)) for _ in range(3)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, threading.BrokenBarrierError) for result in results)
    threads.close()


async def test_who_gets_no_thread_may_ask_again() -> None:
    threads = Threads(1, "test")
    threads.close()
    with pytest.raises(Unavailable):
        await threads.run(divmod, 7, 2)
