"""HLS playlists (RFC 8216bis) as values: what this product serves or prefetches of them.

URIs stay as spelled, relative to the playlist's own. `core.playlist_reader` reads playlists,
`core.playlist_text` writes them.
"""

from dataclasses import dataclass
from typing import Literal

PlaylistType = Literal["EVENT", "VOD"]


@dataclass(frozen=True, slots=True)
class MediaSegment:
    """One segment: what to fetch and how long it plays.

    `byte_range` is (start, stop), stop exclusive; None is the whole resource. `init_uri` is the
    EXT-X-MAP that applies.
    """

    uri: str
    duration_seconds: float
    init_uri: str | None = None
    byte_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class MediaKey:
    """One EXT-X-KEY (§4.4.4.4). Without a `vector` the media sequence number takes its place."""

    method: str
    uri: str
    vector: bytes | None = None
    key_format: str | None = None


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A media playlist. `ended` means that no segment will be added.

    Of `iframes_only` each segment is one key frame, shown for its duration (§4.4.3.6).
    """

    segments: tuple[MediaSegment, ...]
    target_duration_seconds: int
    media_sequence: int = 0
    playlist_type: PlaylistType | None = None
    ended: bool = False
    start_offset_seconds: float | None = None
    iframes_only: bool = False
    key: MediaKey | None = None


@dataclass(frozen=True, slots=True)
class VariantStream:
    """One EXT-X-STREAM-INF. Bandwidths include the audio group's."""

    uri: str
    bandwidth_bps: int
    average_bandwidth_bps: int | None = None
    codecs: str | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    audio_group: str | None = None
    subtitles_group: str | None = None


@dataclass(frozen=True, slots=True)
class IFrameStream:
    """One EXT-X-I-FRAME-STREAM-INF: the key frames of a variant stream."""

    uri: str
    bandwidth_bps: int
    average_bandwidth_bps: int | None = None
    codecs: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class AudioRendition:
    """One EXT-X-MEDIA of type AUDIO. Without a URI the sound is inside the variant streams."""

    uri: str | None
    group: str
    name: str
    language: str | None = None
    is_default: bool = False
    channels: int | None = None


@dataclass(frozen=True, slots=True)
class SubtitleRendition:
    """One EXT-X-MEDIA of type SUBTITLES. Forced ones are shown when no others are."""

    uri: str
    group: str
    name: str
    language: str | None = None
    is_default: bool = False
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class MultivariantPlaylist:
    """A multivariant playlist, in the order that clients shall try."""

    variants: tuple[VariantStream, ...]
    audio: tuple[AudioRendition, ...] = ()
    subtitles: tuple[SubtitleRendition, ...] = ()
    iframes: tuple[IFrameStream, ...] = ()
