"""Trying again what a store or a database could not do for a moment."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streamer.core.errors import StreamerError

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_TRIES = 10
_T = TypeVar("_T")
_log = logging.getLogger("packager")


class Patience:
    """How often, and after which pauses, what failed is tried again.

    Args:
        tries: How often; by default for about half a minute.
    """

    def __init__(self, tries: float | None = None) -> None:
        self._most_tries = _TRIES if tries is None else tries
        self.renew()

    def renew(self) -> None:
        """Begin again: something succeeded."""
        self._pause = _FIRST_PAUSE_SECONDS
        self._tries = 1

    async def bear(self, error: StreamerError) -> None:
        """Return when it is time to try again; raise `error` when that is not worth it."""
        if not error.retryable or self._tries >= self._most_tries:
            raise error
        _log.warning("something is tried again: %s", error)
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        self._tries += 1


async def insist(operation: Callable[[], Awaitable[_T]]) -> _T:
    """What `operation` returns, tried again for about half a minute while it is worth it.

    Raises:
        StreamerError: The last failure, or one that trying again cannot help.
    """
    return await _bearing(Patience(), operation)


async def outlast(operation: Callable[[], Awaitable[_T]]) -> _T:
    """What `operation` returns, tried again for as long as it is worth it: an outage has an end.

    Raises:
        StreamerError: A failure that trying again cannot help.
    """
    return await _bearing(Patience(math.inf), operation)


async def _bearing(patience: Patience, operation: Callable[[], Awaitable[_T]]) -> _T:
    while True:
        try:
            return await operation()
        except StreamerError as error:
            await patience.bear(error)
