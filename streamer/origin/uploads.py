"""Uploads from their creation to the intake, whatever protocol brings their bytes.

An upload's id is its video's. What fails leaves the upload as it was after the last byte that was
received; an upload that is complete but could not be taken in stays, and is taken in later.
"""

import hashlib
import hmac
import secrets
import string
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from streamer.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    StreamerError,
    TooLarge,
    Unavailable,
)
from streamer.core.video import Video, VideoState
from streamer.origin.arrivals import Arrivals
from streamer.origin.choices import NO_CHOICE, Choices
from streamer.origin.errors import ChecksumMismatch, Gone, Locked
from streamer.origin.intake import Intake
from streamer.origin.staging import PartFile, Staging, UploadRecord, UploadStatus
from streamer.origin.tus import Checksum
from streamer.origin.writers import Writer, Writers
from streamer.shared.catalog import Catalog

_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 20


def new_video_id() -> str:
    """An id that nobody can guess."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))


class Uploads:
    """All uploads of this machine.

    Args:
        staging: Their bytes.
        catalog: Their videos.
        arrivals: Brings them into the store meanwhile.
        intake: Takes complete ones over.
        writers: Keeps two requests from writing to one upload.
        max_bytes: The largest upload.
        expiry_seconds: How long an unfinished one is kept after its last byte.
    """

    def __init__(
        self,
        staging: Staging,
        catalog: Catalog,
        arrivals: Arrivals,
        intake: Intake,
        writers: Writers,
        *,
        max_bytes: int,
        expiry_seconds: float,
    ) -> None:
        self._staging = staging
        self._catalog = catalog
        self._arrivals = arrivals
        self._intake = intake
        self._writers = writers
        self.max_bytes = max_bytes
        self.expiry_seconds = expiry_seconds

    async def create(
        self,
        title: str,
        *,
        now: datetime,
        length_bytes: int | None = None,
        metadata: str = "",
        resumable: bool = True,
        choices: Choices = NO_CHOICE,
    ) -> Video:
        """Begin an upload and its video."""
        record = UploadRecord(new_video_id(), length_bytes, metadata, resumable)
        await self._staging.create(record)
        try:
            return await self._catalog.create_video(
                record.id,
                title=title,
                now=now,
                priority=choices.priority,
                options=choices.options,
            )
        except StreamerError:
            await self._staging.remove(record.id)
            raise

    async def status(self, upload_id: str, *, now: datetime) -> UploadStatus:
        """How far a resumable upload has come; one that was taken in is complete.

        Raises:
            NotFound: There is no such upload.
            Gone: It expired.
            Unavailable: Another origin has it.
        """
        try:
            status = await self._staging.status(upload_id)
        except NotFound:
            return await self._taken_in(upload_id, now)
        if self._has_expired(status, now):
            raise Gone("this upload has expired")
        return status

    async def append(
        self,
        upload_id: str,
        pieces: AsyncIterable[bytes],
        *,
        offset: int,
        now: datetime,
        length_bytes: int | None = None,
        checksum: Checksum | None = None,
    ) -> UploadStatus:
        """Receive bytes from `offset` on; take the upload in when it is complete.

        Args:
            upload_id: The upload.
            pieces: The bytes; when this raises, what came before stays, unless a checksum covers
                it.
            offset: Must be what the upload's status says.
            now: The time.
            length_bytes: The whole length, where it was deferred.
            checksum: Of these bytes; they are dropped when they differ.

        Raises:
            NotFound: There is no such upload.
            Gone: It expired.
            Locked: Another request is writing to it.
            Conflict: The offset is another, or the length was announced before.
            TooLarge: More bytes came than were announced; these are all dropped.
            ChecksumMismatch: The bytes differ; these are all dropped.
            StorageFull: There is no more room; what was written stays.
            Unavailable: Another origin has it, or it is complete but could not be taken in yet.
        """
        async with self._writers.hold(upload_id) as writer:
            status = await self.status(upload_id, now=now)
            if status.offset != offset:
                raise Conflict(f"the upload is at byte {status.offset}", code="offset_mismatch")
            status = await self._announce(status, length_bytes)
            if status.is_complete:
                await _expect_none(writer, pieces, status.offset)
            else:
                async with self._dropped_if_deleted(upload_id):
                    await self._receive(status, writer, pieces, checksum)
                status = await self._staging.status(upload_id)
            if status.is_complete and not status.is_taken_in:
                await self._take_in(upload_id, status.offset)
            return status

    async def receive_whole(self, upload_id: str, pieces: AsyncIterable[bytes]) -> None:
        """Receive an upload of unknown length from its first byte to its last, and take it in.

        What came of it before is dropped. It is locked until it is taken in.

        Raises:
            NotFound: Its video was deleted.
            Locked: Another request or process is writing to it.
            TooLarge: More bytes came than an upload may have.
            StorageFull: There is no more room.
            Unavailable: A part does not answer; what is complete is taken in later.
        """
        record = UploadRecord(upload_id, None, resumable=False)
        async with self._writers.hold(upload_id) as writer:
            with closing(await self._staging.begin_again(record)) as part:
                async with self._dropped_if_deleted(upload_id), self._followed_whole(upload_id):
                    await self._catalog.note_received(
                        upload_id, received_bytes=0, length_bytes=None
                    )
                    async for offset in _write(part, writer, pieces, self.max_bytes):
                        self._arrivals.note(upload_id, offset, None)
                await part.sync()
                await self._staging.change(replace(record, length_bytes=part.offset))
                await self._take_in(upload_id, part.offset)

    async def resume_intake(self, status: UploadStatus) -> None:
        """Take in a complete upload that a failure or a crash left behind.

        Raises:
            Locked: Another request or process is writing to it.
        """
        upload_id = status.record.id
        async with self._writers.hold(upload_id), self._locked(upload_id):
            await self._take_in(upload_id, status.offset)

    async def terminate(self, upload_id: str, *, now: datetime) -> None:
        """Forget an unfinished upload and its video (tus, termination extension).

        Raises:
            NotFound: There is no such upload.
            Conflict: It is complete.
            Unavailable: Another origin has it.
        """
        status = await self.status(upload_id, now=now)
        if status.is_complete:
            raise Conflict("the upload is complete; delete the video instead")
        await self.abandon(upload_id, now=now)

    async def abandon(self, upload_id: str, *, now: datetime) -> None:
        """End what writes to an upload, and forget it and its video.

        The video goes first: without bytes here nobody would find it again. What is in the store
        already goes with the next sweep of deleted videos.
        """
        await self._writers.interrupt(upload_id)
        with suppress(NotFound):
            await self._catalog.delete_video(upload_id, now=now)
        await self.discard(upload_id)

    async def discard(self, upload_id: str) -> None:
        """End what writes to an upload, and remove its bytes."""
        await self._writers.interrupt(upload_id)
        await self._arrivals.forget(upload_id)
        await self._staging.remove(upload_id)

    async def give_up(self, upload_id: str) -> None:
        """Discard an upload whose video fails for want of it, with what is in the store already."""
        await self.discard(upload_id)
        await self._arrivals.remove(upload_id)

    async def remove_expired(self, *, now: datetime) -> None:
        """Abandon every unfinished upload that got no bytes for too long."""
        await self._staging.remove_strays(before=now - timedelta(seconds=self.expiry_seconds))
        for status in await self._staging.statuses():
            if self._has_expired(status, now):
                await self._abandon_unlocked(status.record.id, now)

    async def abandon_interrupted(self, *, now: datetime) -> None:
        """Abandon the forms that were cut off and that no process is receiving."""
        for status in await self._staging.statuses():
            if not (status.record.resumable or status.is_complete):
                await self._abandon_unlocked(status.record.id, now)

    async def take_in_complete(self) -> None:
        """Take in every complete upload that was left behind."""
        for status in await self._staging.statuses():
            if status.is_complete:
                try:
                    await self.resume_intake(status)
                except Locked:
                    continue

    async def is_complete(self, upload_id: str) -> bool:
        """Whether every byte of an upload is here, be it taken in or not."""
        try:
            return (await self._staging.status(upload_id)).is_complete
        except NotFound:
            return False

    def _has_expired(self, status: UploadStatus, now: datetime) -> bool:
        return not status.is_complete and status.expires_at(self.expiry_seconds) <= now

    async def _taken_in(self, upload_id: str, now: datetime) -> UploadStatus:
        video = await self._catalog.get_video(upload_id)
        if video.source_bytes is None:
            if self._may_be_elsewhere(video, now):
                raise Unavailable("another origin has this upload")
            raise NotFound("there is no such upload")
        record = UploadRecord(upload_id, video.source_bytes)
        return UploadStatus(record, video.source_bytes, video.created_at, is_taken_in=True)

    def _may_be_elsewhere(self, video: Video, now: datetime) -> bool:
        """Whether another origin may be receiving a video of which nothing is here.

        The catalog does not know when bytes came last. One that began so long ago that it would
        have expired without any is taken for lost with its directory.
        """
        is_uploaded = video.state is VideoState.UPLOADING and video.source_url is None
        return is_uploaded and now - video.created_at < timedelta(seconds=self.expiry_seconds)

    async def _announce(self, status: UploadStatus, length_bytes: int | None) -> UploadStatus:
        known = status.record.length_bytes
        if length_bytes is None or length_bytes == known:
            return status
        if known is not None:
            raise Conflict("the length of this upload was announced before")
        if length_bytes < status.offset:
            raise InvalidInput("Upload-Length is less than what was received")
        record = replace(status.record, length_bytes=length_bytes)
        await self._staging.change(record)
        return replace(status, record=record)

    async def _receive(
        self,
        status: UploadStatus,
        writer: Writer,
        pieces: AsyncIterable[bytes],
        checksum: Checksum | None,
    ) -> None:
        record = replace(status.record, unverified_from=None)
        part = await self._staging.open(record.id)
        try:
            limit = self.max_bytes if record.length_bytes is None else record.length_bytes
            if checksum is None:
                async for offset in _write(part, writer, pieces, limit):
                    self._arrivals.note(record.id, offset, record.length_bytes)
                return
            await self._staging.change(replace(record, unverified_from=part.offset))
            await _write_verified(part, writer, pieces, limit, checksum)
            await part.sync()
            await self._staging.change(record)
            self._arrivals.note(record.id, part.offset, record.length_bytes)
        finally:
            await _sync_and_close(part)

    async def _take_in(self, upload_id: str, size_bytes: int) -> None:
        async with self._dropped_if_deleted(upload_id):
            await self._intake.take(upload_id, size_bytes=size_bytes)
        await self._staging.remove(upload_id)

    @asynccontextmanager
    async def _locked(self, upload_id: str) -> AsyncIterator[None]:
        """Keep other processes from an upload's bytes, unless they are in the store already."""
        with ExitStack() as stack:
            with suppress(NotFound):
                stack.enter_context(closing(await self._staging.open(upload_id)))
            yield

    @asynccontextmanager
    async def _followed_whole(self, upload_id: str) -> AsyncIterator[None]:
        """Follow an upload from its beginning, and no longer if it does not come to its end."""
        await self._arrivals.forget(upload_id)
        try:
            yield
        except BaseException:
            await self._arrivals.forget(upload_id)
            raise

    @asynccontextmanager
    async def _dropped_if_deleted(self, upload_id: str) -> AsyncIterator[None]:
        """Leave nothing of an upload where NotFound says that its video was deleted."""
        try:
            yield
        except NotFound:
            await self._arrivals.forget(upload_id)
            if await self._arrivals.remove_if_deleted(upload_id):
                await self._staging.remove(upload_id)
            raise

    async def _abandon_unlocked(self, upload_id: str, now: datetime) -> None:
        """Abandon an upload unless this or another process writes to it.

        Of a video that is fetched only the bytes go: it is fetched anew, or was by another origin.
        """
        try:
            async with self._writers.hold(upload_id):
                part = await self._staging.open(upload_id)
        except (Locked, NotFound):
            return
        with closing(part):
            if await self._is_fetched(upload_id):
                await self.discard(upload_id)
            else:
                await self.abandon(upload_id, now=now)

    async def _is_fetched(self, upload_id: str) -> bool:
        try:
            return (await self._catalog.get_video(upload_id)).source_url is not None
        except NotFound:
            return False


async def _write(
    part: PartFile, writer: Writer, pieces: AsyncIterable[bytes], limit: int
) -> AsyncIterator[int]:
    """Write every piece as it comes, and tell where the part ends then.

    TooLarge, and back to where it was, beyond `limit`.
    """
    start = part.offset
    async for piece in _awaited(writer, pieces):
        if part.offset + len(piece) > limit:
            await part.truncate(start)
            yield start
            raise _too_large(limit)
        await part.write(piece)
        yield part.offset


async def _expect_none(writer: Writer, pieces: AsyncIterable[bytes], limit: int) -> None:
    """Wait for the end of the pieces; TooLarge if any holds a byte."""
    async for piece in _awaited(writer, pieces):
        if piece:
            raise _too_large(limit)


async def _awaited(writer: Writer, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each waited for as long as `writer` may wait."""
    iterator = aiter(pieces)
    while True:
        async with writer.waiting():
            piece = await anext(iterator, None)
        if piece is None:
            return
        yield piece


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the upload has at most {limit} bytes")


async def _write_verified(
    part: PartFile,
    writer: Writer,
    pieces: AsyncIterable[bytes],
    limit: int,
    checksum: Checksum,
) -> None:
    """Write every piece; back to where it was unless all of them match the checksum."""
    start = part.offset
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False)

    async def hashed() -> AsyncIterable[bytes]:
        async for piece in pieces:
            digest.update(piece)
            yield piece

    try:
        async for _ in _write(part, writer, hashed(), limit):
            pass
        if not hmac.compare_digest(digest.digest(), checksum.digest):
            raise ChecksumMismatch("the bytes do not match Upload-Checksum")
    except BaseException:
        await part.truncate(start)
        raise


async def _sync_and_close(part: PartFile) -> None:
    try:
        await part.sync()
    finally:
        part.close()
