"""News of the queue of chunks within this process; what other workers did is found by looking."""

import asyncio
from contextlib import suppress


class News:
    """Wakes those who wait for a change."""

    def __init__(self) -> None:
        self._change = asyncio.Event()

    @property
    def next_change(self) -> asyncio.Event:
        """Set with the next change. Taken before looking, it lets none slip through."""
        return self._change

    def spread(self) -> None:
        """Wake all who wait."""
        self._change.set()
        self._change = asyncio.Event()


async def wait_for(change: asyncio.Event, *, seconds: float) -> None:
    """Wait for a change, so long at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await change.wait()
