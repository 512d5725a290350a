"""Playlists out of stored responses."""

import zlib

from edge.core.fields import Fields
from streamer.core.hls_attributes import PlaylistError
from streamer.core.playlist import MediaPlaylist, MultivariantPlaylist
from streamer.core.playlist_reader import parse_playlist

MAX_BODY_BYTES = 2 * 1024 * 1024
_GZIP_WINDOW = 31


def read_playlist(fields: Fields, body: bytes) -> MediaPlaylist | MultivariantPlaylist | None:
    """The playlist a body holds; None if it is too large, coded unreadably or malformed."""
    plain = _decoded(fields.get("content-encoding"), body)
    if plain is None or len(plain) > MAX_BODY_BYTES:
        return None
    try:
        return parse_playlist(plain.decode())
    except (PlaylistError, UnicodeDecodeError):
        return None


def _decoded(coding: str | None, body: bytes) -> bytes | None:
    if coding is None or coding.lower() == "identity":
        return body
    if coding.lower() != "gzip":
        return None
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error:
        return None
