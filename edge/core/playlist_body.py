"""Playlists out of stored responses."""

import zlib

from edge.core.fields import Fields

MAX_BODY_BYTES = 2 * 1024 * 1024
_GZIP_WINDOW = 31


def playlist_text(fields: Fields, body: bytes) -> bytes | None:
    """The text of the playlist a body holds; None if it is too large or coded unreadably."""
    text = _decoded(fields.get("content-encoding"), body)
    return None if text is None or len(text) > MAX_BODY_BYTES else text


def _decoded(coding: str | None, body: bytes) -> bytes | None:
    if coding is None or coding.lower() == "identity":
        return body
    if coding.lower() != "gzip":
        return None
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        return None
