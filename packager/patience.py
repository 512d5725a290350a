"""Trying again what a store or a database could not do for a moment."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from streamer.core.errors import StreamerError

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_SECONDS = 30.0
_T = TypeVar("_T")
_log = logging.getLogger("packager")


class Patience:
    """How long, and after which pauses, what failed is tried again: once at least.

    Args:
        seconds: How long after the first failure; by default half a minute.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._most_seconds = _SECONDS if seconds is None else seconds
        self.renew()

    def renew(self) -> None:
        """Begin again: something succeeded."""
        self._pause = _FIRST_PAUSE_SECONDS
        self._failed_at: float | None = None

    async def bear(self, error: StreamerError) -> None:
        """Return when it is time to try again; raise `error` when that is not worth it."""
        now = monotonic()
        is_over = self._failed_at is not None and now - self._failed_at >= self._most_seconds
        if is_over or not error.retryable:
            raise error
        if self._failed_at is None:
            self._failed_at = now
        _log.warning("something is tried again: %s", error)
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)


async def insist(operation: Callable[[], Awaitable[_T]]) -> _T:
    """What `operation` returns, tried again for half a minute while it is worth it.

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
