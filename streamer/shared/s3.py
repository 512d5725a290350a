"""The object store in a bucket of S3, or of any server that speaks its API.

Credentials, region and endpoint come from the standard places (`AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, instance roles).
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody

from streamer.core.errors import InvalidInput, NotFound, Unavailable
from streamer.shared.multipart import PART_BYTES, MultipartUpload, part_bytes, read_pieces
from streamer.shared.object_store import (
    CHUNK_BYTES,
    ObjectBody,
    ObjectInfo,
    check_key,
    check_prefix,
)
from streamer.shared.pieces import regroup
from streamer.shared.s3_errors import is_out_of_range, translated
from streamer.shared.threads import Threads

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Style = Literal["auto", "path", "virtual"]

_THREADS = 16
_CONNECTIONS = 64
_CONNECT_SECONDS = 4
_READ_SECONDS = 15
_ATTEMPTS = 3
_CHECK_SECONDS = 3
_SINGLE_PUT_BYTES = 16 * 1024 * 1024
_DELETE_BATCH = 1000


class S3Store:
    """Objects below `prefix` in a bucket that exists.

    Args:
        bucket: The bucket's name.
        prefix: What precedes every key, without slashes at its ends; may be empty.
        addressing_style: auto, path or virtual; many S3-compatible servers need path.

    Raises:
        InvalidInput: The addressing style is none of these, or the endpoint is no URL.
    """

    def __init__(self, bucket: str, prefix: str = "", *, addressing_style: str = "auto") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client, self._probe = _clients(addressing_style)
        self._threads = Threads(_THREADS, "s3-store")

    async def put(self, key: str, data: bytes, *, only_if_absent: bool = False) -> ObjectInfo:
        """Store `data`; see `ObjectStore.put`."""
        return await self._call(self._put, check_key(key), data, only_if_absent=only_if_absent)

    async def put_file(self, key: str, path: Path, *, move: bool = False) -> ObjectInfo:
        """Store a file, in parts when it is large; with `move` it is removed after."""
        check_key(key)
        size_bytes = (await self._call(path.stat)).st_size
        if size_bytes > _SINGLE_PUT_BYTES:
            async with aclosing(read_pieces(self._threads, path, part_bytes(size_bytes))) as pieces:
                info = await self._put_parts(key, pieces)
        else:
            info = await self._call(lambda: self._put(key, path.read_bytes()))
        if move:
            await self._call(path.unlink, missing_ok=True)
        return info

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> ObjectInfo:
        """Store what `chunks` yields, in parts unless it is short."""
        check_key(key)
        pieces = regroup(chunks, PART_BYTES)
        first = await anext(pieces, b"")
        if len(first) < PART_BYTES:
            return await self._call(self._put, key, first)
        return await self._put_parts(key, _with_first(first, pieces))

    @asynccontextmanager
    async def get(
        self, key: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncGenerator[ObjectBody]:
        """Read an object or a part of it; see `ObjectStore.get`."""
        if start < 0 or (stop is not None and stop < 0):
            raise InvalidInput("a range has no negative ends")
        with translated():
            info, body = await self._threads.acquire(
                partial(self._open, check_key(key), start, stop), lambda opened: _close(opened[1])
            )
        chunks = self._read(body)
        try:
            yield ObjectBody(info, chunks)
        finally:
            await chunks.aclose()
            await self._threads.run(_close, body)

    async def head(self, key: str) -> ObjectInfo:
        """What is known of an object; NotFound when there is none."""
        return await self._call(self._head, check_key(key))

    async def list(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """All objects whose key starts with `prefix`; see `ObjectStore.list`."""
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
        )
        while (page := await self._call(next, pages, None)) is not None:
            for found in page.get("Contents", []):
                key = found["Key"].removeprefix(self._prefix)
                yield _info(key, found["Size"], found["ETag"], found["LastModified"])

    async def delete(self, key: str) -> None:
        """Remove an object; removing what is not there is no error."""
        name = self._name(check_key(key))
        await self._call(self._client.delete_object, Bucket=self._bucket, Key=name)

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every object below `prefix` (which ends with `/`); returns how many."""
        keys = [info.key async for info in self.list(check_prefix(prefix))]
        for first in range(0, len(keys), _DELETE_BATCH):
            await self._call(self._delete, keys[first : first + _DELETE_BATCH])
        return len(keys)

    def local_path(self, key: str) -> Path | None:
        """None: no object of a bucket is a file of this machine."""
        check_key(key)
        return None

    async def check(self) -> None:
        """Return when the bucket answers, within seconds; raise Unavailable when it does not."""
        try:
            await self._call(self._probe.head_bucket, Bucket=self._bucket)
        except NotFound as error:
            raise Unavailable("the bucket does not exist") from error

    async def close(self) -> None:
        """Release connections and threads."""
        self._threads.close()
        self._client.close()
        self._probe.close()

    async def _call(self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with translated():
            return await self._threads.run(call, *args, **kwargs)

    def _name(self, key: str) -> str:
        return self._prefix + key

    def _put(self, key: str, data: bytes, *, only_if_absent: bool = False) -> ObjectInfo:
        bucket, name, client = self._bucket, self._name(key), self._client
        if only_if_absent:
            stored = client.put_object(Bucket=bucket, Key=name, Body=data, IfNoneMatch="*")
        else:
            stored = client.put_object(Bucket=bucket, Key=name, Body=data)
        date = stored["ResponseMetadata"]["HTTPHeaders"]["date"]
        return _info(key, len(data), stored["ETag"], parsedate_to_datetime(date))

    async def _put_parts(self, key: str, pieces: AsyncIterator[bytes]) -> ObjectInfo:
        upload = MultipartUpload(self._client, self._threads, self._bucket, self._name(key))
        await upload.send(pieces)
        return await self.head(key)

    def _head(self, key: str) -> ObjectInfo:
        found = self._client.head_object(Bucket=self._bucket, Key=self._name(key))
        return _info(key, found["ContentLength"], found["ETag"], found["LastModified"])

    def _open(
        self, key: str, start: int, stop: int | None
    ) -> tuple[ObjectInfo, StreamingBody | None]:
        """The object and, unless the range is empty, its bytes, not read yet."""
        if stop is not None and stop <= start:
            return self._head(key), None
        span = f"bytes={start}-{'' if stop is None else stop - 1}"
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._name(key), Range=span)
        except ClientError as error:
            if is_out_of_range(error):
                return self._head(key), None
            raise
        size_bytes = _whole_size(found)
        if size_bytes is None:
            found["Body"].close()
            raise Unavailable("the object store ignored the range")
        return _info(key, size_bytes, found["ETag"], found["LastModified"]), found["Body"]

    async def _read(self, body: StreamingBody | None) -> AsyncGenerator[bytes]:
        while body is not None and (chunk := await self._call(body.read, CHUNK_BYTES)):
            yield chunk

    def _delete(self, keys: Sequence[str]) -> None:
        removed = self._client.delete_objects(
            Bucket=self._bucket,
            Delete={"Objects": [{"Key": self._name(key)} for key in keys], "Quiet": True},
        )
        if removed.get("Errors"):
            raise Unavailable("the object store did not remove every object")


def _clients(addressing_style: str) -> tuple["S3Client", "S3Client"]:
    """A client for the work, and one that gives up early, for the question whether it answers."""
    if addressing_style not in ("auto", "path", "virtual"):
        raise InvalidInput("the S3 addressing style must be auto, path or virtual")
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=_CONNECTIONS,
        tcp_keepalive=True,
        s3={"addressing_style": cast(_Style, addressing_style)},
        # S3-compatible servers know few of the newer checksums
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    hasty = Config(
        connect_timeout=_CHECK_SECONDS,
        read_timeout=_CHECK_SECONDS,
        retries={"total_max_attempts": 1},
    )
    try:
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        return (
            session.client("s3", config=config),
            session.client("s3", config=config.merge(hasty)),
        )
    except (ValueError, BotoCoreError) as error:
        raise InvalidInput(f"the S3 settings cannot be used: {type(error).__name__}") from error


def _close(body: StreamingBody | None) -> None:
    if body is not None:
        body.close()


def _info(key: str, size_bytes: int, etag: str, modified_at: datetime) -> ObjectInfo:
    return ObjectInfo(key, size_bytes, etag, modified_at.astimezone(UTC))


def _whole_size(found: "GetObjectOutputTypeDef") -> int | None:
    """The object's size, from the Content-Range of a part of it; None where that says none."""
    _, _, size = found.get("ContentRange", "").rpartition("/")
    return int(size) if size.isdecimal() else None


async def _with_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
