"""How long somebody waited for others, and deadlines that do not count it."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from time import monotonic

# What is waited for at a deadline is looked at so often.
_LOOK_SECONDS = 0.1


class Waits:
    """The time in which at least one of several waited."""

    def __init__(self) -> None:
        self._waiting = 0
        self._since = 0.0
        self._past_seconds = 0.0

    @property
    def seconds(self) -> float:
        """How long that was until now."""
        return self._past_seconds + (monotonic() - self._since if self._waiting else 0.0)

    @contextmanager
    def one_more(self) -> Generator[None]:
        """Somebody waits meanwhile."""
        if not self._waiting:
            self._since = monotonic()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._past_seconds += monotonic() - self._since


class Deadline:
    """How long something may take, or stand still, without what it waits for.

    Args:
        seconds: How long.
        waits: Where it waits.
        late: Raised when it took longer.
    """

    def __init__(self, seconds: float, waits: Waits, late: Exception) -> None:
        self._seconds = seconds
        self._waits = waits
        self._late = late
        self._met = asyncio.Event()
        self._begin = self._own_seconds()

    def renew(self) -> None:
        """It moves: from now on it has the whole time again."""
        self._begin = self._own_seconds()

    def meet(self) -> None:
        """It is done."""
        self._met.set()

    async def watch(self) -> None:
        """Return when it is done; raise `late` when it takes too long."""
        while not self._met.is_set():
            left_seconds = self._seconds - (self._own_seconds() - self._begin)
            if left_seconds <= 0:
                raise self._late
            # Not wait_for: before Python 3.12 it may swallow a cancellation.
            with suppress(TimeoutError):
                async with asyncio.timeout(max(left_seconds, _LOOK_SECONDS)):
                    await self._met.wait()

    def _own_seconds(self) -> float:
        return monotonic() - self._waits.seconds
