"""What the commands of ffmpeg read."""

import asyncio
from collections.abc import Sequence


class Inputs:
    """Files of this machine, which are there; `packager.sources` knows of others."""

    def is_awaited(self, command: Sequence[str]) -> bool:
        """Whether a command stands still because what it reads is not there yet."""
        return False

    async def failure(self, command: Sequence[str]) -> None:
        """Never return; raise what keeps a command from reading on."""
        await asyncio.Event().wait()
