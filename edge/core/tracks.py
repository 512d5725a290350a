"""Media playlists as tracks: what plays when, and under which cache key it is fetched."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import urljoin, urlsplit

from edge.core.key import path_of, target_of
from streamer.core.playlist import MediaPlaylist, MultivariantPlaylist

_BASE = "http://edge"
Beside = Callable[[bytes, str], bytes | None]
"""The key of a target that the object of a key refers to; None if it is not to be fetched ahead."""

_PLAYLIST_TYPES = frozenset(
    {"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"}
)


@dataclass(frozen=True, slots=True)
class Track:
    """One media playlist.

    `starts_seconds[i]` is when segment `keys[i]` begins; there is one more: the end of the last.
    `begins_at_zero` is False for a live window, whose first segment no viewer asks for first.
    """

    playlist_key: bytes
    keys: tuple[bytes, ...]
    starts_seconds: tuple[float, ...]
    init_keys: tuple[bytes | None, ...]
    target_seconds: float
    has_ended: bool
    begins_at_zero: bool

    def overlapping(self, start_seconds: float, stop_seconds: float) -> range:
        """The indices of the segments that play between two times."""
        first = max(0, bisect_right(self.starts_seconds, start_seconds + 1e-3) - 1)
        last = bisect_left(self.starts_seconds, stop_seconds - 1e-3)
        return range(first, min(last, len(self.keys)))


@dataclass(frozen=True, slots=True)
class Presentation:
    """A multivariant playlist: which media playlists play together.

    `audio_by_video` maps the playlist of each variant stream to those of its audio group.
    """

    key: bytes
    audio_by_video: dict[bytes, frozenset[bytes]]

    def companions(self, playlist_key: bytes) -> frozenset[bytes]:
        """The media playlists that may play together with one of them."""
        if playlist_key in self.audio_by_video:
            return self.audio_by_video[playlist_key]
        return frozenset(
            video for video, audio in self.audio_by_video.items() if playlist_key in audio
        )


def is_playlist(key: bytes, content_type: str | None) -> bool:
    """Whether a response is an HLS playlist, by its media type or its path (RFC 8216bis §4)."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return media_type in _PLAYLIST_TYPES or path_of(key).endswith(".m3u8")


def track_of(playlist_key: bytes, playlist: MediaPlaylist, beside: Beside) -> Track:
    """The track that a media playlist describes.

    Segments that are parts of a larger resource or lie on another origin are left out.
    """
    resolved = [
        (_resolve(playlist_key, segment.uri, beside), segment)
        for segment in playlist.segments
        if segment.byte_range is None
    ]
    found = [(key, segment) for key, segment in resolved if key is not None]
    return Track(
        playlist_key=playlist_key,
        keys=tuple(key for key, _ in found),
        starts_seconds=tuple(
            accumulate((segment.duration_seconds for _, segment in found), initial=0.0)
        ),
        init_keys=tuple(
            None if segment.init_uri is None else _resolve(playlist_key, segment.init_uri, beside)
            for _, segment in found
        ),
        target_seconds=float(max(1, playlist.target_duration_seconds)),
        has_ended=playlist.ended,
        begins_at_zero=playlist.ended or playlist.playlist_type is not None,
    )


def presentation_of(key: bytes, playlist: MultivariantPlaylist, beside: Beside) -> Presentation:
    """Which media playlists of a multivariant playlist belong together."""
    groups: dict[str, set[bytes]] = {}
    for rendition in playlist.audio:
        if rendition.uri is not None:
            found = _known([_resolve(key, rendition.uri, beside)])
            groups.setdefault(rendition.group, set()).update(found)
    audio_by_video: dict[bytes, frozenset[bytes]] = {}
    for variant in playlist.variants:
        for video in _known([_resolve(key, variant.uri, beside)]):
            # A video comes with every group of sounds that it may be combined with.
            known = audio_by_video.get(video, frozenset())
            audio_by_video[video] = known | groups.get(variant.audio_group or "", set())
    return Presentation(key, audio_by_video)


def _known(keys: Iterable[bytes | None]) -> list[bytes]:
    return [key for key in keys if key is not None]


def _resolve(playlist_key: bytes, uri: str, beside: Beside) -> bytes | None:
    """The key of what a playlist refers to; None when it is on another origin (RFC 3986 §5)."""
    try:
        parts = urlsplit(urljoin(_BASE + target_of(playlist_key).decode("ascii"), uri))
    except ValueError:
        return None
    if f"{parts.scheme}://{parts.netloc}" != _BASE:
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (target.isascii() and target.isprintable()) or " " in target:
        return None
    return beside(playlist_key, target)
