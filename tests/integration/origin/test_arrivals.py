"""Uploads on their way into a store: a directory, or one on another machine that is slow."""

import asyncio
from pathlib import Path

import pytest

from streamer.core import keys
from streamer.core.arrival import FIRST_PIECE_BYTES
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectInfo
from tests.integration.origin.conftest import (
    DEADLINE_SECONDS,
    MINUTE,
    TUS,
    OpenOrigin,
    Origin,
    SwitchedStore,
    eventually,
    id_of,
    now,
)
from tests.integration.origin.test_upload_failures import RawPatch

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The boxes of an MP4 that can be packaged while it arrives.
HEAD = b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x10moov" + bytes(8)
PIECE = bytes(FIRST_PIECE_BYTES)
# More than a test sends.
PIECES = 4096
LENGTH = PIECES * len(PIECE)


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


everywhere = pytest.mark.parametrize("make_store", [SwitchedStore, SlowStore])


def answer_puts(origin: Origin, count: int) -> None:
    if isinstance(origin.store, SlowStore):
        for _ in range(count):
            origin.store.answers.release()


async def objects(origin: Origin, video_id: str) -> list[int]:
    """The sizes of a video's objects."""
    return [info.size_bytes async for info in origin.store.list(keys.video_prefix(video_id))]


async def delete_elsewhere(origin: Origin, video_id: str) -> None:
    """As another origin does that shares database and store, until nothing is left to remove."""
    await origin.catalog.delete_video(video_id, now=now())
    await origin.store.delete_prefix(keys.video_prefix(video_id))
    await origin.catalog.forget(video_id)


async def refuses(origin: Origin, path: str) -> None:
    """Return once nothing more is taken of an upload, and nothing is left of it."""

    async def is_refused() -> bool:
        offset = await origin.offset(path)
        return (await origin.patch(path, offset, PIECE)).status_code == 404

    await eventually(is_refused)
    await leaves_nothing(origin, id_of(path))


async def leaves_nothing(origin: Origin, video_id: str) -> None:
    assert await objects(origin, video_id) == []
    assert not origin.has_bytes(video_id)


async def test_an_upload_is_packaged_before_the_store_has_caught_up(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin(SlowStore) as origin:
        data = HEAD + 4 * PIECE
        path = await origin.create_upload(2 * len(data))
        await origin.patch(path, 0, data)
        answer_puts(origin, 1)
        await eventually(lambda: origin.jobs.packaged == [id_of(path)])
        assert (await origin.video(id_of(path))).received_bytes == FIRST_PIECE_BYTES


async def test_an_upload_that_is_given_up_while_its_first_piece_is_sent_leaves_nothing(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin(SlowStore) as origin:
        path = await origin.create_upload(4 * FIRST_PIECE_BYTES)
        await origin.patch(path, 0, 2 * PIECE)
        await eventually(lambda: objects(origin, id_of(path)))
        assert (await origin.client.delete(path, headers=TUS)).status_code == 204
        await origin.services.deletion.sweep(now=now())
        assert await objects(origin, id_of(path)) == []
        await origin.services.deletion.sweep(now=now() + MINUTE)
        assert await origin.catalog.tombstones() == {}


@everywhere
async def test_an_upload_whose_video_is_deleted_elsewhere_is_refused(
    open_origin: OpenOrigin, make_store: type[SwitchedStore]
) -> None:
    async with open_origin(make_store) as origin:
        path = await origin.create_upload(LENGTH)
        answer_puts(origin, PIECES)
        await origin.patch(path, 0, PIECE)
        await eventually(lambda: objects(origin, id_of(path)))
        await delete_elsewhere(origin, id_of(path))
        await refuses(origin, path)


@everywhere
async def test_an_upload_whose_video_was_deleted_while_its_origin_was_away_is_refused(
    open_origin: OpenOrigin, make_store: type[SwitchedStore]
) -> None:
    async with open_origin(make_store) as origin:
        path = await origin.create_upload(LENGTH)
        await origin.patch(path, 0, PIECE)
    catalog = await Catalog.open(origin.settings.catalog_url)
    await catalog.forget(id_of(path))
    await catalog.close()
    async with open_origin(make_store) as origin:
        answer_puts(origin, PIECES)
        await refuses(origin, path)


@everywhere
async def test_a_request_whose_video_is_deleted_elsewhere_is_ended(
    open_origin: OpenOrigin, make_store: type[SwitchedStore]
) -> None:
    async with open_origin(make_store) as origin:
        path = await origin.create_upload(LENGTH)
        answer_puts(origin, PIECES)
        patch = await RawPatch.begin(origin.url, path, offset=0, length=LENGTH)
        await patch.send(PIECE)
        await eventually(lambda: objects(origin, id_of(path)))
        await delete_elsewhere(origin, id_of(path))

        async def send() -> None:
            while True:
                await patch.send(PIECE)
                await asyncio.sleep(0.02)

        sending = asyncio.create_task(send())
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await patch.status() == 404
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        patch.abort()
        await leaves_nothing(origin, id_of(path))
