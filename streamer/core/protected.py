"""Manifests of encrypted videos: where the key is had, and the token that opens it.

Manifests that are asked for with a playback token carry it on to the key and to the texts, which
are not encrypted, so that players that know nothing of tokens get there; those without stay the
same for all viewers.
"""

from dataclasses import replace

from streamer.core import keys
from streamer.core.options import Encryption
from streamer.core.playlist import MediaKey, MediaPlaylist, MultivariantPlaylist
from streamer.core.video import ContentKey


def carry_token(playlist: MultivariantPlaylist, token: str) -> MultivariantPlaylist:
    """The playlist with the token on every media playlist that leads to a key or a text."""
    if not token:
        return playlist
    query = token_query(token)
    return replace(
        playlist,
        variants=tuple(replace(item, uri=item.uri + query) for item in playlist.variants),
        audio=tuple(
            item if item.uri is None else replace(item, uri=item.uri + query)
            for item in playlist.audio
        ),
        subtitles=tuple(replace(item, uri=item.uri + query) for item in playlist.subtitles),
        iframes=tuple(replace(item, uri=item.uri + query) for item in playlist.iframes),
    )


def text_with_token(playlist: MediaPlaylist, token: str) -> MediaPlaylist:
    """The playlist of a text with the token on its one segment."""
    query = token_query(token)
    segments = tuple(replace(item, uri=item.uri + query) for item in playlist.segments)
    return replace(playlist, segments=segments)


def with_key(playlist: MediaPlaylist, key: ContentKey | None, token: str) -> MediaPlaylist:
    """A rendition's playlist that says how its segments are encrypted, if they are."""
    if key is None:
        return playlist
    # Viewers in the middle of an old version want its key, not the new one's.
    query = f"kid={key.key_id.hex()}" + (f"&token={token}" if token else "")
    uri = f"../{keys.KEY}?{query}"
    if key.method is Encryption.AES_128:
        return replace(playlist, key=MediaKey("AES-128", uri))
    return replace(playlist, key=MediaKey("SAMPLE-AES", uri, key.vector, "identity"))


def license_url(base_url: str, video_id: str, token: str) -> str:
    """Where Clear Key licenses of a video are had.

    Absolute: players resolve what a DASH manifest says of licenses against their own page.
    """
    path = keys.media_path(video_id, keys.LICENSE)
    return base_url.rstrip("/") + path + token_query(token)


def token_query(token: str) -> str:
    """What a URL ends with that carries the token, if there is one."""
    return f"?token={token}" if token else ""
