"""What the commands of ffmpeg read."""

import asyncio
from collections.abc import Sequence

from packager.waits import Waits


class Inputs:
    """Files of this machine, which are there; `packager.sources` knows of others."""

    def waits(self, command: Sequence[str]) -> Waits:
        """Where a command waits for what it reads."""
        return Waits()

    async def failure(self, command: Sequence[str]) -> None:
        """Never return; raise what keeps a command from reading on."""
        await asyncio.Event().wait()
