"""The time of the hot path: read from the system four times a second, not with every request.

It is late, by as much as the event loop is: good for deadlines, dates and figures. Whether
something may still be used is asked of the system's clock.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from streamer.core.conditional import render_http_date

TICK_SECONDS = 0.25


class Clock:
    """The present as of the last tick.

    Attributes:
        now: Seconds since the epoch.
        second: `now` in whole seconds; what was rendered in it is still true in it.
    """

    __slots__ = ("now", "second")

    def __init__(self) -> None:
        self.now = 0.0
        self.second = 0
        self.tick()

    def tick(self) -> None:
        """Read the system's clock."""
        self.now = time.time()
        self.second = int(self.now)

    def http_date(self) -> str:
        """The present as an HTTP date."""
        return render_http_date(datetime.fromtimestamp(self.second, UTC))

    async def run(self, observe_lag: Callable[[float], None]) -> None:
        """Tick until cancelled; tell how many seconds late each tick was."""
        loop = asyncio.get_running_loop()
        while True:
            self.tick()
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            observe_lag(max(0.0, loop.time() - due))
