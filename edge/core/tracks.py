"""Media playlists as tracks: what plays when, and under which cache key it is fetched."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from urllib.parse import urljoin, urlsplit

from edge.core.key import path_of
from edge.core.version import Mark
from streamer.core.media_type import media_type_of
from streamer.core.playlist import MediaSegment, MultivariantPlaylist

_BASE = "http://edge"
# What a playlist's directory and a URI like this name needs no resolving.
_PLAIN = re.compile(r"[\w-][\w.~-]*(?:/[\w-][\w.~-]*)*(?:\?[\w.~=&%+/-]+)?", re.ASCII)
Beside = Callable[[bytes, str], bytes | None]
"""The key of a target that the object of a key refers to; None if it is not to be fetched ahead."""

_PLAYLIST_TYPES = frozenset(
    {"application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"}
)


class Timeline:
    """Segments in the order in which they play. It only grows; playlists share it.

    Attributes:
        keys: The segments.
        starts_seconds: When each of them begins; there is one more: the end of the last.
        init_keys: Their init segments.
        playlist_keys: The playlists that list them, the one that was learned last at the end.
    """

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.starts_seconds = array("d", [0.0])
        self.init_keys: list[bytes | None] = []
        self.playlist_keys: dict[bytes, None] = {}

    @property
    def learned_last(self) -> bytes:
        """The playlist that listed it last."""
        return next(reversed(self.playlist_keys))

    def continued(self, count: int, rest: "Timeline") -> "Timeline":
        """The first `count` segments of this timeline, then those of another.

        Returns:
            This timeline, if it holds nothing else there, with what it lacks added; or a new one.
        """
        common = min(len(self.keys) - count, len(rest.keys))
        if self.part(count, common) != rest.part(0, common):
            begun = Timeline()
            begun._add(self, 0, count)
            return begun.continued(count, rest)
        self._add(rest, common, len(rest.keys))
        return self

    def part(self, start: int, count: int) -> tuple[Sequence[object], ...]:
        """All that is known of `count` segments: keys, times, init segments."""
        stop = start + count
        times = self.starts_seconds[start : stop + 1]
        return self.keys[start:stop], times, self.init_keys[start:stop]

    def _add(self, other: "Timeline", start: int, stop: int) -> None:
        known = {key: key for key in self.init_keys[-1:]}
        self.keys += other.keys[start:stop]
        self.starts_seconds += other.starts_seconds[start + 1 : stop + 1]
        self.init_keys += [known.setdefault(key, key) for key in other.init_keys[start:stop]]


@dataclass(frozen=True, slots=True)
class Track:
    """One media playlist: the first `count` segments of its timeline.

    `begins_at_zero` is False for a live window, whose first segment no viewer asks for first.
    `mark` is how far its text lists them, if it can be read on from there; `beside` resolved it.
    """

    playlist_key: bytes
    timeline: Timeline
    count: int
    target_seconds: float
    has_ended: bool
    begins_at_zero: bool
    mark: Mark | None
    beside: Beside

    def overlapping(self, start_seconds: float, stop_seconds: float) -> range:
        """The indices of the segments that play between two times."""
        starts_seconds = self.timeline.starts_seconds
        first = max(0, bisect_right(starts_seconds, start_seconds + 1e-3) - 1)
        last = bisect_left(starts_seconds, stop_seconds - 1e-3)
        return range(first, min(last, self.count))


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
    return media_type_of(content_type) in _PLAYLIST_TYPES or path_of(key).endswith(".m3u8")


def timeline_of(
    playlist_key: bytes,
    segments: Iterable[MediaSegment],
    beside: Beside,
    start_seconds: float = 0.0,
) -> Timeline:
    """What a media playlist lists.

    Segments that are parts of a larger resource or lie on another origin are left out.
    """
    key_of = _resolver(playlist_key, beside)
    init_key_of = cache(key_of)
    resolved = [(key_of(segment.uri), segment) for segment in segments if not segment.byte_range]
    found = [(key, segment) for key, segment in resolved if key is not None]
    durations = (segment.duration_seconds for _, segment in found)
    timeline = Timeline()
    timeline.keys = [key for key, _ in found]
    timeline.starts_seconds = array("d", accumulate(durations, initial=start_seconds))
    timeline.init_keys = [init_key_of(segment.init_uri) for _, segment in found]
    return timeline


def presentation_of(key: bytes, playlist: MultivariantPlaylist, beside: Beside) -> Presentation:
    """Which media playlists of a multivariant playlist belong together."""
    key_of = _resolver(key, beside)
    groups: dict[str, set[bytes]] = {}
    for rendition in playlist.audio:
        audio = key_of(rendition.uri)
        if audio is not None:
            groups.setdefault(rendition.group, set()).add(audio)
    audio_by_video: dict[bytes, frozenset[bytes]] = {}
    for variant in playlist.variants:
        video = key_of(variant.uri)
        if video is not None:
            # A video comes with every group of sounds that it may be combined with.
            known = audio_by_video.get(video, frozenset())
            audio_by_video[video] = known | groups.get(variant.audio_group or "", set())
    return Presentation(key, audio_by_video)


def _resolver(playlist_key: bytes, beside: Beside) -> Callable[[str | None], bytes | None]:
    """What finds the keys of what a playlist refers to; None for what is on another origin."""
    base = _BASE + path_of(playlist_key)
    directory = (_resolved(base, "x") or "/x").removesuffix("x")

    def key_of(uri: str | None) -> bytes | None:
        if uri is None:
            return None
        target = directory + uri if _PLAIN.fullmatch(uri) else _resolved(base, uri)
        return None if target is None else beside(playlist_key, target)

    return key_of


def _resolved(base: str, uri: str) -> str | None:
    """The target that a reference means; None when it is on another origin (RFC 3986 §5)."""
    try:
        parts = urlsplit(urljoin(base, uri))
    except ValueError:
        return None
    if f"{parts.scheme}://{parts.netloc}" != _BASE:
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (target.isascii() and target.isprintable()) or " " in target:
        return None
    return target
