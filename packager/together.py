"""Several things at once."""

import asyncio
from collections.abc import Awaitable, Iterable


async def together(awaitables: Iterable[Awaitable[None]]) -> None:
    """Wait for all; the first failure cancels the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for awaitable in awaitables:
                group.create_task(_wait(awaitable))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def unless(awaitable: Awaitable[None], obstacle: Awaitable[None]) -> None:
    """Wait for `awaitable`, unless `obstacle`, which never returns, raises before."""
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_wait(obstacle))
            await awaitable
            watching.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _wait(awaitable: Awaitable[None]) -> None:
    await awaitable
