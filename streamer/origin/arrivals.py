"""Brings uploads into the store while they arrive, and has them packaged as soon as they can be.

A store that is a directory on the same file system gets the growing file itself, under another
name. Any other gets pieces (`core.arrival`), which are the source once the last one is there. Only
bytes that count as received are ever brought there.
"""

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streamer.core import keys
from streamer.core.arrival import piece_start, piece_stop
from streamer.core.errors import NotFound, StreamerError
from streamer.core.streamable import HEAD_BYTES, Streamable, judge
from streamer.origin.packaging_queue import PackagingQueue
from streamer.origin.staging import Staging, disk_failures
from streamer.shared.catalog import Catalog
from streamer.shared.object_store import ObjectStore

# An upload that is complete by then is taken in faster whole.
_PATIENCE_SECONDS = 0.5
# What is linked grows by itself: the catalog is told of it this often at most.
_PAUSE_SECONDS = 0.2
_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Arrival:
    """One upload on its way.

    `received` of its bytes count, `sent` of them are in the store, `told` of them the catalog
    knows. `is_resumed` once it is known what an earlier process sent, `is_gone` once it is that
    the video was deleted.
    """

    upload_id: str
    length_bytes: int | None = None
    received: int = 0
    sent: int = 0
    told: int = 0
    is_resumed: bool = False
    is_linked: bool = False
    is_gone: bool = False
    streamable: Streamable = Streamable.UNKNOWN
    more: asyncio.Event = field(default_factory=asyncio.Event)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Arrivals:
    """All uploads that are being received by this process."""

    def __init__(
        self, staging: Staging, store: ObjectStore, catalog: Catalog, jobs: PackagingQueue
    ) -> None:
        self._staging = staging
        self._store = store
        self._catalog = catalog
        self._jobs = jobs
        self._arrivals: dict[str, _Arrival] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def note(self, upload_id: str, received: int, length_bytes: int | None) -> None:
        """So many bytes of an upload count as received; NotFound when its video was deleted."""
        arrival = self._arrivals.setdefault(upload_id, _Arrival(upload_id))
        if arrival.is_gone:
            raise NotFound("the video was deleted")
        arrival.received, arrival.length_bytes = received, length_bytes
        arrival.more.set()
        if upload_id not in self._tasks:
            task = asyncio.create_task(self._follow(arrival), name=f"arrival {upload_id}")
            self._tasks[upload_id] = task

    async def finish(self, upload_id: str, size_bytes: int) -> None:
        """Return when the whole upload is in the store as the source of its video.

        Its file is consumed, or may be removed. May be repeated.

        Raises:
            NotFound: There is no such file, and it did not become the source before.
            StorageFull: There is no room; the file stays.
            Unavailable: The store does not answer; the file stays.
        """
        arrival = self._arrivals.setdefault(upload_id, _Arrival(upload_id))
        arrival.received = size_bytes
        async with arrival.turn:
            if await self._can_link(arrival):
                await self._move(upload_id)
            else:
                await self._resume(arrival)
                while arrival.sent < size_bytes:
                    await self._send_piece(arrival, size_bytes)
        await self.forget(upload_id)

    async def forget(self, upload_id: str) -> None:
        """Follow an upload no longer; what is in the store stays there."""
        self._arrivals.pop(upload_id, None)
        if task := self._tasks.pop(upload_id, None):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def remove_if_deleted(self, upload_id: str) -> bool:
        """Remove what is in the store of an upload if its video was deleted; returns whether."""
        try:
            await self._catalog.get_video(upload_id)
        except NotFound:
            await self.remove(upload_id)
            return True
        return False

    async def remove(self, upload_id: str) -> None:
        """Remove what is in the store of an upload that is not followed and becomes no source."""
        await self._store.delete_prefix(keys.video_prefix(upload_id))

    async def close(self) -> None:
        """Follow no upload; they are followed again when bytes come, or when they are complete."""
        for upload_id in list(self._tasks):
            await self.forget(upload_id)

    async def _follow(self, arrival: _Arrival) -> None:
        await asyncio.sleep(_PATIENCE_SECONDS)
        while not arrival.is_gone:
            await arrival.more.wait()
            arrival.more.clear()
            try:
                async with arrival.turn:
                    await self._bring_or_remove(arrival)
            except StreamerError as error:
                _log.warning("upload %s is brought later: %s", arrival.upload_id, error)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _bring_or_remove(self, arrival: _Arrival) -> None:
        try:
            await self._bring(arrival)
        except NotFound:
            arrival.is_gone = await self.remove_if_deleted(arrival.upload_id)

    async def _bring(self, arrival: _Arrival) -> None:
        """Bring what there is, and what comes meanwhile; the catalog knows of each step."""
        if await self._can_link(arrival):
            await self._link(arrival)
            arrival.sent = arrival.received
            await self._tell(arrival)
            return
        await self._resume(arrival)
        await self._tell(arrival)
        while piece_stop(arrival.sent) <= arrival.received:
            await self._send_piece(arrival, piece_stop(arrival.sent))
            await self._tell(arrival)

    async def _tell(self, arrival: _Arrival) -> None:
        """Tell the catalog how much is in the store, and have it packaged if that is enough."""
        if arrival.told == arrival.sent:
            return
        await self._catalog.note_received(
            arrival.upload_id, received_bytes=arrival.sent, length_bytes=arrival.length_bytes
        )
        await self._start(arrival)
        arrival.told = arrival.sent

    async def _resume(self, arrival: _Arrival) -> None:
        """Go on behind what was sent before; what is no longer received must be sent again."""
        if not arrival.is_resumed:
            arrival.sent = (await self._catalog.get_video(arrival.upload_id)).received_bytes
            arrival.is_resumed = True
        arrival.sent = piece_start(min(arrival.sent, arrival.received))

    async def _start(self, arrival: _Arrival) -> None:
        """Have it packaged already, if it can be read while it arrives."""
        if arrival.streamable is not Streamable.UNKNOWN or arrival.length_bytes is None:
            return
        head = await self._read(arrival.upload_id, 0, min(arrival.sent, HEAD_BYTES))
        arrival.streamable = judge(head)
        if arrival.streamable is Streamable.YES:
            await self._jobs.package(arrival.upload_id, arrives=True)

    async def _send_piece(self, arrival: _Arrival, limit: int) -> None:
        stop = min(piece_stop(arrival.sent), limit)
        data = await self._read(arrival.upload_id, arrival.sent, stop)
        key = keys.source_piece_key(arrival.upload_id, arrival.sent)
        await self._store.put(key, data)
        arrival.sent = stop

    async def _read(self, upload_id: str, start: int, stop: int) -> bytes:
        return await asyncio.to_thread(_read, self._staging.path(upload_id), start, stop)

    async def _can_link(self, arrival: _Arrival) -> bool:
        """Whether the growing file itself can be in the store."""
        if arrival.is_linked:
            return True
        target = self._store.local_path(keys.arriving_key(arrival.upload_id))
        if target is None:
            return False
        return await asyncio.to_thread(
            _same_device, self._staging.path(arrival.upload_id), target.parent
        )

    async def _link(self, arrival: _Arrival) -> None:
        if arrival.is_linked:
            return
        target = self._store.local_path(keys.arriving_key(arrival.upload_id))
        if target is not None:
            await asyncio.to_thread(_link, self._staging.path(arrival.upload_id), target)
            arrival.is_linked = True

    async def _move(self, upload_id: str) -> None:
        key, path = keys.source_key(upload_id), self._staging.path(upload_id)
        try:
            await self._store.put_file(key, path, move=True)
        except NotFound:  # it was moved there before, ahead of a crash or by another process
            await self._store.head(key)
        await self._store.delete(keys.arriving_key(upload_id))


def _read(path: Path, start: int, stop: int) -> bytes:
    with disk_failures(), path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _same_device(path: Path, directory: Path) -> bool:
    with disk_failures():
        directory.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return path.stat().st_dev == directory.stat().st_dev
    return True


def _link(path: Path, target: Path) -> None:
    with disk_failures(), suppress(FileExistsError):
        os.link(path, target)
