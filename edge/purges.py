"""Follows the origin's log of purges and makes the cache forget what they name.

How far this node has read is kept in the cache directory, beside the objects that it is about: a
node that was away obeys what it missed. One that was away for longer than the log forgets
everything, as does one that does not know how far it was: what it has may have been purged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from edge.metrics import Counters
from edge.position import Position

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_EVERYTHING = "/*"
# The origin may be any server: what it answers need not be a log.
_TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError, TypeError)

Obey = Callable[[dict[str, Any]], Awaitable[bool]]

_log = logging.getLogger(__name__)


class PurgeLog:
    """Reads the log and obeys it; an async context manager.

    Args:
        origin: The origin's URL.
        obey: Obeys one item; False if it has to be obeyed again.
        counters: Where purges are counted.
        position: How far that is.
        position_file: Where that is kept; None: nowhere.
        interval_seconds: How often the log is read.
    """

    def __init__(
        self,
        origin: str,
        obey: Obey,
        counters: Counters,
        position: Position,
        position_file: Path | None,
        interval_seconds: float,
    ) -> None:
        self._url = f"{origin.rstrip('/')}/api/v1/purges"
        self._obey = obey
        self._counters = counters
        self._position = position
        self._file = position_file
        self._interval_seconds = interval_seconds
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        self._following: asyncio.Task[None] | None = None
        self._hopeless = 0
        self._behind_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._session.close()

    async def run(self) -> None:
        """Follow the log until cancelled; an origin that does not answer is asked again."""
        while True:
            await self.catch_up()
            await asyncio.sleep(self._interval_seconds)

    async def catch_up(self) -> None:
        """Obey what has not been obeyed yet, together with whoever wants that now."""
        if self._following is None:
            self._following = asyncio.create_task(self._follow())
        await asyncio.shield(self._following)

    async def reaches(self, purge_id: int) -> bool:
        """Whether the log is obeyed up to a purge; if it is not, it is read now.

        Where that did not help, it is not done again for an interval.
        """
        if self._is_behind(purge_id) and not self._is_hopeless(purge_id):
            is_begun = self._following is not None
            await self.catch_up()
            if is_begun and self._is_behind(purge_id):
                # What was being read may have been written before the purge was recorded.
                await self.catch_up()
            if self._is_behind(purge_id):
                now = asyncio.get_running_loop().time()
                self._hopeless, self._behind_until = purge_id, now + self._interval_seconds
        return not self._is_behind(purge_id)

    def _is_hopeless(self, purge_id: int) -> bool:
        is_recent = asyncio.get_running_loop().time() < self._behind_until
        return is_recent and purge_id >= self._hopeless

    async def obey(self, item: dict[str, Any]) -> bool:
        """Obey one item; False if it has to be obeyed again."""
        purge_id = int(item["id"])
        self._position.begun = purge_id
        if not await self._obey(item):
            return False
        self._position.obeyed = purge_id
        return True

    def _is_behind(self, purge_id: int) -> bool:
        return purge_id > (self._position.obeyed or 0)

    async def _follow(self) -> None:
        try:
            await self._obey_news()
        except _TROUBLE as error:
            _log.debug("the log of purges was not read: %s", type(error).__name__)
        finally:
            self._following = None

    async def _obey_news(self) -> None:
        before = self._position.obeyed
        log = await self._read(before or 0)
        newest = int(log["newest"])
        items: list[dict[str, Any]] = log["items"]
        if before is None and newest == 0:
            self._position.obeyed = 0
        elif before is None or before > newest or before + 1 < log["oldest"]:
            items = [{"id": newest, "path": _EVERYTHING}]
        told = items is log["items"]
        for item in items:
            if told and int(item["id"]) <= (self._position.obeyed or 0):
                continue  # another process has told it meanwhile
            if not await self.obey(item):
                break
            self._counters.purges += 1
        reached = self._position.obeyed
        if reached is not None and reached != before:
            await asyncio.to_thread(_write_position, self._file, reached)

    async def _read(self, after: int) -> dict[str, Any]:
        async with self._session.get(self._url, params={"after": str(after)}) as response:
            response.raise_for_status()
            log: dict[str, Any] = await response.json()
            return log


def read_position(path: Path | None) -> Position:
    """The position that is kept in a file."""
    try:
        return Position.after(None if path is None else int(path.read_text(encoding="ascii")))
    except (FileNotFoundError, ValueError):
        return Position()


def _write_position(path: Path | None, position: int) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    aside.write_text(str(position), encoding="ascii")
    aside.replace(path)
