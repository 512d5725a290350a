"""The least pace of who sends us something: slower ones are given up, as silent ones are."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """So many bytes in so many seconds. Only the time in which we wait for them counts."""

    size_bytes: int
    seconds: float


async def at_pace(pieces: AsyncIterator[bytes], pace: Pace) -> AsyncIterator[bytes]:
    """The pieces as they come; TimeoutError when they come at less than `pace`."""
    now = asyncio.get_running_loop().time
    received_bytes, left_seconds = 0, pace.seconds
    while True:
        began = now()
        async with asyncio.timeout(left_seconds):
            piece = await anext(pieces, None)
        if piece is None:
            return
        received_bytes += len(piece)
        left_seconds -= now() - began
        if received_bytes >= pace.size_bytes:
            received_bytes, left_seconds = 0, pace.seconds
        yield piece
