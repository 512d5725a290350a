"""The time of the hot path: read from the system four times a second, not with every request."""

import asyncio
import time
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

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_SECONDS)
