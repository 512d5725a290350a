"""The object store: one port, any number of backends.

Every backend passes `tests/contract/test_object_store.py`. Keys are `/`-separated and relative;
no component is empty or begins with a dot, and there are no backslashes, which some servers take
for slashes. Objects are immutable once visible: a reader sees the whole object or none of it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from streamer.core.errors import InvalidInput

CHUNK_BYTES = 256 * 1024
_COMPONENT = r"(?!\.)[^/\\\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+"
_KEY = re.compile(f"{_COMPONENT}(?:/{_COMPONENT})*")
_KEY_BYTES = 1024
_COMPONENT_BYTES = 255


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows of an object. `etag` is a quoted strong validator (RFC 9110 §8.8.3)."""

    key: str
    size_bytes: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectBody:
    """An object, or a part of it, being read. `chunks` must be exhausted or closed."""

    info: ObjectInfo
    chunks: AsyncIterator[bytes]


class ObjectStore(Protocol):
    """Bytes by key."""

    async def put(self, key: str, data: bytes, *, only_if_absent: bool = False) -> ObjectInfo:
        """Store `data` under `key`.

        Raises:
            Conflict: `only_if_absent` and the key exists.
            StorageFull: No room is left.
            Unavailable: The store does not answer.
        """
        ...

    async def put_file(self, key: str, path: Path, *, move: bool = False) -> ObjectInfo:
        """Store the file at `path`; with `move` the file may be consumed (it is gone after)."""
        ...

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> ObjectInfo:
        """Store what `chunks` yields, in bounded memory; nothing is visible if it raises."""
        ...

    def get(
        self, key: str, *, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[ObjectBody]:
        """Read bytes `start` to `stop` (exclusive; None: to the end) in bounded pieces.

        Both ends are cut to the object's size, as in a slice, so that a range outside of it is
        empty.

        Raises:
            NotFound: There is no such object.
        """
        ...

    async def head(self, key: str) -> ObjectInfo:
        """What is known of an object.

        Raises:
            NotFound: There is no such object.
        """
        ...

    def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """All objects whose key starts with `prefix`.

        Keys that are equal up to their last `/` come in the order of their UTF-8 bytes; servers
        differ in where they put what lies deeper.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; removing what is not there is no error."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every object whose key starts with `prefix`; returns how many.

        Raises:
            InvalidInput: `prefix` does not end with `/`, so that it could touch siblings.
        """
        ...

    def local_path(self, key: str) -> Path | None:
        """The file that holds the object, where the store is a directory on this machine."""
        ...

    async def check(self) -> None:
        """Return when the store answers; raise Unavailable when it does not."""
        ...

    async def close(self) -> None:
        """Release connections and threads."""
        ...


def check_key(key: str) -> str:
    """Return `key` when every backend can store it.

    Raises:
        InvalidInput: It is absolute, has an empty component or one that begins with a dot, holds
            a backslash, control characters or what XML cannot carry, or is longer than 1024
            bytes, 255 in one component.
    """
    if _KEY.fullmatch(key) is None:
        raise InvalidInput(f"not an object key: {key[:100]!a}")
    if len(key.encode()) > _KEY_BYTES:
        raise InvalidInput("the object key is too long")
    if any(len(component.encode()) > _COMPONENT_BYTES for component in key.split("/")):
        raise InvalidInput("a component of the object key is too long")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix` when it names a whole subtree.

    Raises:
        InvalidInput: It does not end with `/`, or what precedes that is no key.
    """
    if not prefix.endswith("/"):
        raise InvalidInput(f"not a prefix that ends with a slash: {prefix[:100]!a}")
    check_key(prefix[:-1])
    return prefix
