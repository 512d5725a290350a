"""The access log: a ring that serving only appends to, drained by a task."""

import asyncio
import json
from collections import deque
from pathlib import Path
from typing import NamedTuple

_RING_ENTRIES = 65536
_DRAIN_SECONDS = 0.5


class Access(NamedTuple):
    """One answered request. `seconds` is from its head to the last byte handed to the kernel."""

    at: float
    viewer: str
    method: str
    target: bytes
    status: int
    sent_bytes: int
    result: str
    seconds: float


class AccessLog:
    """Writes JSON lines to a file. When the disk is slower than the viewers, old entries are lost.

    Args:
        path: The file, appended to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ring: deque[Access] = deque(maxlen=_RING_ENTRIES)
        self.add = self._ring.append

    async def run(self) -> None:
        """Drain until cancelled, and then once more."""
        try:
            while True:
                await asyncio.sleep(_DRAIN_SECONDS)
                await asyncio.to_thread(self._drain)
        finally:
            self._drain()

    def _drain(self) -> None:
        if not self._ring:
            return
        lines = []
        while self._ring:
            access = self._ring.popleft()
            # JSON escapes everything that could break a line or a terminal.
            lines.append(json.dumps(access._asdict() | {"target": access.target.decode("latin-1")}))
        with self._path.open("a", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
