"""Trying again what a store or a database could not do for a moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streamer.core.errors import StreamerError

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_TRIES = 10
_T = TypeVar("_T")


async def insist(operation: Callable[[], Awaitable[_T]]) -> _T:
    """What `operation` returns, tried again for about half a minute while it is worth it.

    Raises:
        StreamerError: The last failure, or one that trying again cannot help.
    """
    pause = _FIRST_PAUSE_SECONDS
    for _ in range(_TRIES - 1):
        try:
            return await operation()
        except StreamerError as error:
            if not error.retryable:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    return await operation()
