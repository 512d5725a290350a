"""Manifests of encrypted videos: where the key is had, and the token that opens it.

Playlists that are asked for with a playback token carry it on to the key, so that players that
know nothing of tokens get there; those without stay the same for all viewers.
"""

from dataclasses import replace

from streamer.core import keys
from streamer.core.options import Encryption
from streamer.core.playlist import MediaKey, MediaPlaylist, MultivariantPlaylist
from streamer.core.video import ContentKey


def carry_token(playlist: MultivariantPlaylist, token: str) -> MultivariantPlaylist:
    """The playlist with the token on every media playlist that leads to a key."""
    if not token:
        return playlist
    query = f"?token={token}"
    return replace(
        playlist,
        variants=tuple(replace(item, uri=item.uri + query) for item in playlist.variants),
        audio=tuple(
            item if item.uri is None else replace(item, uri=item.uri + query)
            for item in playlist.audio
        ),
        iframes=tuple(replace(item, uri=item.uri + query) for item in playlist.iframes),
    )


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
    url = base_url.rstrip("/") + keys.media_path(video_id, keys.LICENSE)
    return f"{url}?token={token}" if token else url
