"""Large objects in parts: a few at a time, all of them or nothing."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.core.errors import StreamerError
from streamer.shared.s3_errors import translated
from streamer.shared.threads import Threads

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 8 * 1024 * 1024
_PARALLEL_PARTS = 2
_MOST_PARTS = 10_000


def part_bytes(size_bytes: int) -> int:
    """The size of an object's parts: 8 MiB, and more where that made over 10000 parts."""
    return max(PART_BYTES, -(-size_bytes // _MOST_PARTS))


async def read_pieces(threads: Threads, path: Path, piece_bytes: int) -> AsyncGenerator[bytes]:
    """Yield a file in pieces, read in threads."""
    with translated():
        file = await threads.run(path.open, "rb", 0)
    with file:
        while piece := await threads.run(file.read, piece_bytes):
            yield piece


class MultipartUpload:
    """One object on its way to a bucket, holding at most a few parts in memory."""

    def __init__(self, client: "S3Client", threads: Threads, bucket: str, name: str) -> None:
        self._client = client
        self._threads = threads
        self._bucket = bucket
        self._name = name

    async def send(self, pieces: AsyncIterator[bytes]) -> None:
        """Store the pieces as one object; on any failure the bucket keeps none of them."""
        with translated():
            upload_id = await self._threads.acquire(self._create, self._abort)
        try:
            parts = await self._send_parts(upload_id, pieces)
            await self._complete(upload_id, parts)
        except BaseException:
            await asyncio.shield(self._threads.run(self._abort, upload_id))
            raise

    async def _send_parts(
        self, upload_id: str, pieces: AsyncIterator[bytes]
    ) -> list["CompletedPartTypeDef"]:
        sending: deque[asyncio.Task[CompletedPartTypeDef]] = deque()
        parts: list[CompletedPartTypeDef] = []
        try:
            async for piece in pieces:
                if len(sending) == _PARALLEL_PARTS:
                    parts.append(await sending.popleft())
                number = len(parts) + len(sending) + 1
                sending.append(asyncio.create_task(self._send_part(upload_id, number, piece)))
            while sending:
                parts.append(await sending.popleft())
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
        return parts

    async def _send_part(self, upload_id: str, number: int, piece: bytes) -> "CompletedPartTypeDef":
        # closing the file frees the bytes, which reference cycles of the client hold for longer
        with translated(), BytesIO(piece) as body:
            sent = await self._threads.run(
                self._client.upload_part,
                Bucket=self._bucket,
                Key=self._name,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
            )
        return {"PartNumber": number, "ETag": sent["ETag"]}

    async def _complete(self, upload_id: str, parts: list["CompletedPartTypeDef"]) -> None:
        with translated():
            await self._threads.run(
                self._client.complete_multipart_upload,
                Bucket=self._bucket,
                Key=self._name,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
            )

    def _create(self) -> str:
        made = self._client.create_multipart_upload(Bucket=self._bucket, Key=self._name)
        return made["UploadId"]

    def _abort(self, upload_id: str) -> None:
        with suppress(StreamerError), translated():
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=self._name, UploadId=upload_id
            )
