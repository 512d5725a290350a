"""Tells the origin that this edge lives, and where viewers reach it."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

import aiohttp

from edge.metrics import VERSION, Counters
from edge.settings import EdgeSettings

_TIMEOUT_SECONDS = 5.0
_ID_BYTES = 8

_log = logging.getLogger(__name__)


def edge_id(cache_dir: Path | None) -> str:
    """This node's id: kept in the cache directory, or new with every start."""
    fresh = secrets.token_hex(_ID_BYTES)
    if cache_dir is None:
        return fresh
    path = cache_dir / "id"
    try:
        kept = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        kept = ""
    if len(kept) == 2 * _ID_BYTES and kept.isalnum():
        return kept
    cache_dir.mkdir(parents=True, exist_ok=True)
    path.write_text(fresh, encoding="ascii")
    return fresh


def describe(settings: EdgeSettings, identity: str, port: int) -> dict[str, str]:
    """What the origin's registry shall know of a node that listens on `port`."""
    return {
        "id": identity,
        "region": settings.region,
        "url": settings.own_url_at(port),
        "version": VERSION,
    }


class Heartbeat:
    """Posts to the origin's edge registry.

    Args:
        origin: The origin's URL.
        token: The API token; empty: none.
        counters: Where failures are counted.
        describe: What the registry shall know: id, region, url, version.
    """

    def __init__(
        self,
        origin: str,
        token: str,
        counters: Counters,
        describe: Callable[[], dict[str, str]],
    ) -> None:
        self._url = f"{origin.rstrip('/')}/api/v1/edges"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._counters = counters
        self._describe = describe
        self._trouble: str | None = None

    async def run(self, interval_seconds: float) -> None:
        """Beat until cancelled."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            while True:
                self._note(await self._beat(session))
                await asyncio.sleep(interval_seconds)

    async def _beat(self, session: aiohttp.ClientSession) -> str | None:
        """Post once; returns what went wrong."""
        try:
            async with session.post(self._url, json=self._describe()) as response:
                return None if response.status < 300 else f"status {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    def _note(self, trouble: str | None) -> None:
        """Count a failure; say so once for each change."""
        self._counters.heartbeats_failed += trouble is not None
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble is None:
                _log.info("the origin knows this edge again")
            else:
                _log.warning("the heartbeat failed: %s", trouble)
