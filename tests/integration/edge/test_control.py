"""Messages between workers of one node, over a real control socket."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from edge.admin import serving_unix
from edge.control import Control
from edge.control_client import ControlClient
from edge.core.fields import Fields
from edge.core.playlist_body import MAX_BODY_BYTES


class Worker:
    """What a worker was told."""

    def __init__(self) -> None:
        self.learned: list[bytes] = []

    def control(self) -> Control:
        return Control(
            families=list,
            forget=lambda keys: None,
            purge=self._purge,
            fetch_ahead=lambda *_: None,
            learn=self._learn,
            take_in=self._take_in,
        )

    async def _purge(self, item: dict[str, Any]) -> bool:
        return False

    async def _take_in(self, files: dict[str, str]) -> None:
        pass

    def _learn(self, key: bytes, fields: Fields, body: bytes) -> None:
        self.learned.append(body)


@pytest_asyncio.fixture
async def worker() -> Worker:
    return Worker()


@pytest_asyncio.fixture
async def client(worker: Worker, tmp_path: Path) -> AsyncIterator[ControlClient]:
    app = web.Application()
    worker.control().add_to(app)
    socket = tmp_path / "control"
    async with serving_unix(app, socket), ControlClient(socket) as client:
        yield client


async def test_the_largest_playlist_reaches_the_others(
    worker: Worker, client: ControlClient
) -> None:
    body = b"\xe9" * MAX_BODY_BYTES
    message = {"key": "/a.m3u8", "fields": [], "body": body.decode("latin-1")}
    assert await client.post("/playlist", message) == {}
    assert worker.learned == [body]


async def test_a_message_that_is_not_taken_is_told(
    client: ControlClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert await client.post("/forget", {"no": "keys"}) is None
    told = [record.message for record in caplog.records if record.name == "edge.control_client"]
    assert told == ["a worker answered a message to /forget with 500"]
