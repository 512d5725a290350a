"""The object store that a URL names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from streamer.core.errors import InvalidInput
from streamer.shared.directory_store import DirectoryStore
from streamer.shared.object_store import ObjectStore


def open_store(url: str, *, s3_addressing_style: str = "auto") -> ObjectStore:
    """The store at `file:///dir` or `s3://bucket/prefix`.

    Args:
        url: Where the objects are.
        s3_addressing_style: auto, path or virtual; only for S3.

    Raises:
        InvalidInput: The URL names no store.
        Unavailable: The directory cannot be made or written.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if parts.netloc in ("", "localhost") and parts.path.startswith("/"):
            return DirectoryStore(Path(unquote(parts.path)))
        case "s3" if parts.netloc:
            from streamer.shared.s3 import S3Store

            return S3Store(
                parts.netloc, parts.path.strip("/"), addressing_style=s3_addressing_style
            )
    raise InvalidInput(f"not a store: {url!a} (file:///dir or s3://bucket/prefix)")
