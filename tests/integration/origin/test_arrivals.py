"""Uploads on their way into a store that is on another machine."""

import asyncio
from pathlib import Path

import pytest

from streamer.core import keys
from streamer.core.arrival import FIRST_PIECE_BYTES
from streamer.shared.object_store import ObjectInfo
from tests.integration.origin.conftest import (
    MINUTE,
    TUS,
    OpenOrigin,
    Origin,
    SwitchedStore,
    eventually,
    id_of,
    now,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The boxes of an MP4 that can be packaged while it arrives.
HEAD = b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x10moov" + bytes(8)


class SlowStore(SwitchedStore):
    """It is on another machine, and answers as many puts as the test says; the rest wait."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.answers = asyncio.Semaphore(0)

    def local_path(self, key: str) -> Path | None:
        return None

    async def put(self, key: str, data: bytes, *, only_if_absent: bool = False) -> ObjectInfo:
        info = await super().put(key, data, only_if_absent=only_if_absent)
        await self.answers.acquire()
        return info

    async def pieces(self, upload_id: str) -> list[int]:
        """How long the pieces of an upload are that are here."""
        return [info.size_bytes async for info in self.list(keys.video_prefix(upload_id))]


def store_of(origin: Origin) -> SlowStore:
    assert isinstance(origin.store, SlowStore)
    return origin.store


async def test_an_upload_is_packaged_before_the_store_has_caught_up(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin(SlowStore) as origin:
        store = store_of(origin)
        data = HEAD + bytes(4 * FIRST_PIECE_BYTES)
        path = await origin.create_upload(2 * len(data))
        await origin.patch(path, 0, data)
        store.answers.release()
        await eventually(lambda: origin.jobs.packaged == [id_of(path)])
        assert (await origin.video(id_of(path))).received_bytes == FIRST_PIECE_BYTES


async def test_an_upload_that_is_given_up_while_its_first_piece_is_sent_leaves_nothing(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin(SlowStore) as origin:
        store = store_of(origin)
        path = await origin.create_upload(4 * FIRST_PIECE_BYTES)
        await origin.patch(path, 0, bytes(2 * FIRST_PIECE_BYTES))
        await eventually(lambda: store.pieces(id_of(path)))
        assert (await origin.client.delete(path, headers=TUS)).status_code == 204
        await origin.services.deletion.sweep(now=now())
        assert await store.pieces(id_of(path)) == []
        await origin.services.deletion.sweep(now=now() + MINUTE)
        assert await origin.catalog.tombstones() == {}
