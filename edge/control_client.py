"""The client to a worker's control socket."""

import json
import logging
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)
_LONG_TIMEOUT = aiohttp.ClientTimeout(total=60.0)  # of large tiers, perhaps
_TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ValueError)

_log = logging.getLogger(__name__)


class ControlClient:
    """Talks to one worker; an async context manager.

    Args:
        socket: The worker's control socket.
    """

    def __init__(self, socket: Path) -> None:
        self._session = aiohttp.ClientSession(
            base_url="http://worker",
            connector=aiohttp.UnixConnector(str(socket)),
            timeout=_TIMEOUT,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any | None:
        """What the worker says; None if it does not answer, or not as it should."""
        try:
            async with self._session.get(path, params=query) as response:
                return await response.json() if response.status == 200 else None
        except _TROUBLE:
            return None

    async def post(self, path: str, message: Mapping[str, Any]) -> Any | None:
        """What the worker says to a message; None if it does not answer, or not as it should."""
        return await self._say(path, message, _TIMEOUT)

    async def purge(self, item: Mapping[str, Any]) -> bool:
        """Make the worker obey one item of the log of purges; whether it has."""
        said = await self._say("/purge", item, _LONG_TIMEOUT)
        return said is not None and bool(said["obeyed"])

    async def take_in(self, files: Mapping[str, str]) -> bool:
        """Make the worker go by what files say now; whether it does."""
        return await self._say("/files", files, _LONG_TIMEOUT) is not None

    async def _say(
        self, path: str, message: Mapping[str, Any], timeout: aiohttp.ClientTimeout
    ) -> Any | None:
        body = BytesIO(json.dumps(message).encode("ascii"))  # sent in pieces
        try:
            async with self._session.post(path, data=body, timeout=timeout) as response:
                if response.status == 200:
                    return await response.json()
                _log.warning("a worker answered a message to %s with %d", path, response.status)
        except _TROUBLE:
            pass
        return None
