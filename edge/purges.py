"""Follows the origin's log of purges and makes the cache forget what they name.

How far this node has read is kept in the cache directory, beside the objects that it is about: a
node that was away obeys what it missed, and one that was away for longer than the log forgets
everything.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from edge.metrics import Counters

_TIMEOUT_SECONDS = 5.0
_EVERYTHING = "/*"
# The origin may be any server: what it answers need not be a log.
_TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError, TypeError)

Obey = Callable[[dict[str, Any]], Awaitable[bool]]

_log = logging.getLogger(__name__)


class PurgeLog:
    """Reads the log and obeys it.

    Args:
        origin: The origin's URL.
        obey: Obeys one item; False if it has to be obeyed again.
        counters: Where purges are counted.
        position_file: Where the id of the last purge obeyed is kept; None: nowhere, so that the
            node begins with the end of the log.
    """

    def __init__(
        self,
        origin: str,
        obey: Obey,
        counters: Counters,
        position_file: Path | None,
    ) -> None:
        self._url = f"{origin.rstrip('/')}/api/v1/purges"
        self._obey = obey
        self._counters = counters
        self._file = position_file

    async def run(self, interval_seconds: float) -> None:
        """Follow the log until cancelled; an origin that does not answer is asked again."""
        position = await asyncio.to_thread(_read_position, self._file)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    position = await self._follow(session, position)
                except _TROUBLE as error:
                    _log.debug("the log of purges was not read: %s", type(error).__name__)
                await asyncio.sleep(interval_seconds)

    async def catch_up(self) -> None:
        """Obey what the node has not obeyed yet, once, and leave its position to another."""
        position = await asyncio.to_thread(_read_position, self._file)
        if position is None:
            return
        self._file = None
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                await self._follow(session, position)
            except _TROUBLE as error:
                _log.debug("the log of purges was not read: %s", type(error).__name__)

    async def _follow(self, session: aiohttp.ClientSession, position: int | None) -> int:
        """Obey what came after `position` (None: begin with the end); returns the new one."""
        log = await self._read(session, position or 0)
        newest = int(log["newest"])
        if position is None:
            items: list[dict[str, Any]] = []
        elif position > newest or position + 1 < log["oldest"]:
            items = [{"id": newest, "path": _EVERYTHING}]
        else:
            items = log["items"]
        reached = newest if position is None else position
        for item in items:
            if not await self._obey(item):
                break
            self._counters.purges += 1
            reached = int(item["id"])
        if reached != position:
            await asyncio.to_thread(_write_position, self._file, reached)
        return reached

    async def _read(self, session: aiohttp.ClientSession, after: int) -> dict[str, Any]:
        async with session.get(self._url, params={"after": str(after)}) as response:
            response.raise_for_status()
            log: dict[str, Any] = await response.json()
            return log


def _read_position(path: Path | None) -> int | None:
    try:
        return None if path is None else int(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _write_position(path: Path | None, position: int) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    aside.write_text(str(position), encoding="ascii")
    aside.replace(path)
