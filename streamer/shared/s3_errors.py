"""What an S3 client reports, as failures of this program's own tree."""

import errno
import re
from collections.abc import Generator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from streamer.core.errors import Conflict, NotFound, StorageFull, StreamerError, Unavailable

_KINDS: dict[str | int, type[StreamerError]] = {
    "NoSuchKey": NotFound,
    "NotFound": NotFound,
    "404": NotFound,
    "PreconditionFailed": Conflict,
    "ConditionalRequestConflict": Conflict,
    412: Conflict,
    "QuotaExceeded": StorageFull,
    "InsufficientStorage": StorageFull,
    "InsufficientStorageSpace": StorageFull,
    "XMinioStorageFull": StorageFull,
    "XMinioAdminBucketQuotaExceeded": StorageFull,
    507: StorageFull,
}
_DETAILS: dict[type[StreamerError], str] = {
    NotFound: "there is no such object",
    Conflict: "the key is taken by another object",
    StorageFull: "the object store is full",
}


@contextmanager
def translated() -> Generator[None]:
    """Raise NotFound, Conflict, StorageFull, and for anything else Unavailable."""
    try:
        yield
    except ClientError as error:
        raise _failure(error) from error
    except FileNotFoundError as error:
        raise NotFound("the file to store does not exist") from error
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise Unavailable(f"the object store failed: {reason}") from error
    except BotoCoreError as error:
        raise Unavailable(f"the object store does not answer: {type(error).__name__}") from error


def is_out_of_range(error: ClientError) -> bool:
    """Whether the object has no byte in the range that was asked for."""
    return _status(error) == 416


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _failure(error: ClientError) -> StreamerError:
    code = error.response.get("Error", {}).get("Code", "")
    status = _status(error)
    kind = _KINDS.get(code) or _KINDS.get(status)
    if kind is not None:
        return kind(_DETAILS[kind])
    name = code if re.fullmatch(r"[A-Za-z0-9.]{1,64}", code) else str(status)
    return Unavailable(f"the object store refused the request: {name}")
