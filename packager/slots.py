"""Who may encode next when there are more chunks than processors."""

import asyncio
import heapq
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count


class Slots:
    """A bounded number of turns, given to the most urgent first.

    Args:
        number: How many may have a turn at once.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._order = count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, urgency: float) -> AsyncGenerator[None]:
        """Wait for a turn and keep it; the lowest `urgency` goes first, then the earliest."""
        await self._take(urgency)
        try:
            yield
        finally:
            self._release()

    async def _take(self, urgency: float) -> None:
        if self._free > 0:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
