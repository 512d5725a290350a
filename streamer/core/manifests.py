"""From what the catalog knows of a video to its HLS playlists.

Only renditions with published segments are listed, so every listed variant stream can be played
as far as the others.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from streamer.core import bit_rate, keys
from streamer.core.languages import language_tag
from streamer.core.playlist import (
    AudioRendition,
    IFrameStream,
    MediaPlaylist,
    MediaSegment,
    MultivariantPlaylist,
    SubtitleRendition,
    VariantStream,
)
from streamer.core.video import Extent, MediaKind, Rendition, Segment

SEGMENT_SECONDS = 4
_SUBTITLES_GROUP = "subtitles"
_STEREO_CHANNELS = 2
# Simple players take the first variant that they know: the codec that all of them decode.
_CODEC_ORDER = ("avc1", "hvc1", "av01")


@dataclass(frozen=True, slots=True)
class Track:
    """A rendition with its published segments and their measured bit rates."""

    rendition: Rendition
    segments: tuple[Segment, ...]
    target_duration_seconds: int

    @property
    def peak_bps(self) -> int:
        """The peak segment bit rate."""
        return bit_rate.peak_bps(
            self.rendition,
            self.segments,
            target_duration_seconds=self.target_duration_seconds,
        )

    @property
    def average_bps(self) -> int:
        """The average segment bit rate."""
        return bit_rate.average_bps(self.rendition, self.segments)

    @property
    def iframe_bps(self) -> int:
        """The peak bit rate of its key frames alone; 0 where they are not known."""
        return bit_rate.peak_iframe_bps(self.rendition, self.segments)


def published_tracks(
    renditions: Sequence[Rendition], segments: Mapping[str, Sequence[Segment]]
) -> list[Track]:
    """The renditions that viewers can play, in the catalog's order."""
    extents = {name: Extent.of(published) for name, published in segments.items() if published}
    target = target_duration_seconds(renditions, extents)
    return [
        track
        for rendition in renditions
        if (track := published_track(rendition, segments.get(rendition.name, ()), target))
    ]


def published_track(
    rendition: Rendition, segments: Sequence[Segment], target_seconds: int
) -> Track | None:
    """A rendition, if viewers can play it.

    Subtitles have no init segment.
    """
    is_described = rendition.init_name is not None or rendition.kind is MediaKind.SUBTITLES
    return Track(rendition, tuple(segments), target_seconds) if segments and is_described else None


def target_duration_seconds(renditions: Sequence[Rendition], extents: Mapping[str, Extent]) -> int:
    """One EXT-X-TARGETDURATION for all playlists of a video, which may not change as they grow.

    No segment, rounded to the nearest second, is longer (RFC 8216bis §4.4.3.1).

    Args:
        renditions: Those of the video.
        extents: How much is published of each that has any segments.
    """
    longest = max(
        (
            Fraction(extents[rendition.name].longest_ticks, rendition.timescale)
            for rendition in renditions
            if rendition.kind is not MediaKind.SUBTITLES and rendition.name in extents
        ),
        default=Fraction(0),
    )
    return max(SEGMENT_SECONDS, int(longest + Fraction(1, 2)))


def growing(tracks: Sequence[Track]) -> list[Track]:
    """What is listed while a video is being packaged: no renditions that lag behind the lowest.

    A player that chose one would stall. Those in further codecs come last.
    """
    video = _of_kind(tracks, MediaKind.VIDEO)
    least = len(video[0].segments) if video else 0
    return [
        track
        for track in tracks
        if track.rendition.kind is not MediaKind.VIDEO
        or (_codec_place(track) == 0 and len(track.segments) >= least)
    ]


def multivariant_playlist(tracks: Sequence[Track]) -> MultivariantPlaylist:
    """The multivariant playlist over `tracks`.

    Each video rendition is a variant stream for each audio group: first all of those that every
    player can play, lowest first; then those with more channels, then those of further codecs.
    """
    audio = _of_kind(tracks, MediaKind.AUDIO)
    video = sorted(_of_kind(tracks, MediaKind.VIDEO), key=_codec_place)
    subtitles = _subtitle_renditions(_of_kind(tracks, MediaKind.SUBTITLES))
    groups = _audio_groups(audio)
    if not video:
        return _audio_only(groups, subtitles)
    variants = [
        _variant(track, name, group, has_subtitles=bool(subtitles))
        for name, group in groups.items() or [(None, ())]
        for track in video
    ]
    return MultivariantPlaylist(
        tuple(variants),
        _audio_renditions(groups),
        subtitles,
        tuple(_iframe_stream(track) for track in video if track.iframe_bps),
    )


def iframe_playlist(track: Track) -> MediaPlaylist:
    """The key frames of a finished rendition: the beginning of each of its segments.

    Each is shown until the next one (RFC 8216bis §4.4.3.6).
    """
    playlist = media_playlist(track, ended=True)
    return replace(
        playlist,
        segments=tuple(
            replace(entry, byte_range=(0, segment.key_frame_bytes))
            for entry, segment in zip(playlist.segments, track.segments, strict=True)
            if segment.key_frame_bytes is not None
        ),
        iframes_only=True,
    )


def media_playlist(track: Track, *, ended: bool) -> MediaPlaylist:
    """A rendition's playlist: EVENT while it grows, VOD once it `ended`.

    A growing one tells players to begin at its beginning rather than near its end.
    """
    rendition = track.rendition
    init_uri = None
    if rendition.init_name is not None:
        init_uri = _relative(rendition.init_name, rendition.name)
    return MediaPlaylist(
        segments=tuple(
            MediaSegment(
                uri=_relative(segment.name, rendition.name),
                duration_seconds=segment.duration_ticks / rendition.timescale,
                init_uri=init_uri,
            )
            for segment in track.segments
        ),
        target_duration_seconds=track.target_duration_seconds,
        playlist_type="VOD" if ended else "EVENT",
        ended=ended,
        start_offset_seconds=None if ended else 0.0,
    )


def subtitles_playlist(track: Track, end_seconds: float = math.inf) -> MediaPlaylist:
    """The playlist of subtitles: one whole text, also while the video grows.

    It lasts to the end of the last cue, or of the video, where that is known: `end_seconds`.
    """
    playlist = media_playlist(track, ended=True)
    (text,) = playlist.segments
    seconds = min(text.duration_seconds, end_seconds)
    return replace(
        playlist,
        segments=(replace(text, duration_seconds=seconds),),
        target_duration_seconds=max(1, math.ceil(seconds)),
    )


def display_names(renditions: Sequence[Rendition], fallback: str) -> list[str]:
    """A name for each rendition that differs from all others, as players show them."""
    names: list[str] = []
    for rendition in renditions:
        base = rendition.label or rendition.language or fallback
        name, count = base, 1
        while name in names:
            count += 1
            name = f"{base} {count}"
        names.append(name)
    return names


def default_rendition(renditions: Sequence[Rendition]) -> int:
    """The index of the one rendition that plays unless the viewer chooses another."""
    marked = (index for index, rendition in enumerate(renditions) if rendition.is_default)
    return next(marked, 0)


def _of_kind(tracks: Sequence[Track], kind: MediaKind) -> list[Track]:
    return [track for track in tracks if track.rendition.kind is kind]


def _codec_place(track: Track) -> int:
    family = track.rendition.codecs.partition(".")[0]
    return _CODEC_ORDER.index(family) if family in _CODEC_ORDER else len(_CODEC_ORDER)


def _audio_groups(audio: Sequence[Track]) -> dict[str, list[Track]]:
    """The audio renditions by their group: stereo, and one for each larger number of channels.

    Each group has every sound, by the same names: what is not there in more channels is in stereo,
    and what is takes the place of its stereo rendition.
    """
    stereo = [track for track in audio if _channels(track) <= _STEREO_CHANNELS]
    if not stereo:
        return {}
    groups = {"audio": stereo}
    for channels in sorted({_channels(track) for track in audio} - {_STEREO_CHANNELS, 1}):
        more = {
            keys.stereo_name(track.rendition.name): track
            for track in audio
            if _channels(track) == channels
        }
        groups[f"audio-{channels}"] = [more.get(track.rendition.name, track) for track in stereo]
    return groups


def _channels(track: Track) -> int:
    return track.rendition.channels or _STEREO_CHANNELS


def _variant(
    track: Track, group_name: str | None, group: Sequence[Track], *, has_subtitles: bool
) -> VariantStream:
    rendition = track.rendition
    codecs = [rendition.codecs, *dict.fromkeys(sound.rendition.codecs for sound in group)]
    return VariantStream(
        uri=keys.playlist_name(rendition.name),
        bandwidth_bps=track.peak_bps + max((sound.peak_bps for sound in group), default=0),
        average_bandwidth_bps=track.average_bps
        + max((sound.average_bps for sound in group), default=0),
        codecs=",".join(codecs),
        width=rendition.width,
        height=rendition.height,
        frame_rate=None if rendition.frame_rate is None else float(rendition.frame_rate),
        audio_group=group_name,
        subtitles_group=_SUBTITLES_GROUP if has_subtitles else None,
    )


def _iframe_stream(track: Track) -> IFrameStream:
    rendition = track.rendition
    return IFrameStream(
        uri=keys.iframe_playlist_name(rendition.name),
        bandwidth_bps=track.iframe_bps,
        average_bandwidth_bps=bit_rate.average_iframe_bps(rendition, track.segments),
        codecs=rendition.codecs,
        width=rendition.width,
        height=rendition.height,
    )


def _audio_only(
    groups: Mapping[str, Sequence[Track]], subtitles: tuple[SubtitleRendition, ...]
) -> MultivariantPlaylist:
    variants = []
    several = any(len(group) > 1 for group in groups.values())
    for name, group in groups.items():
        main = group[default_rendition([track.rendition for track in group])]
        variants.append(
            VariantStream(
                uri=keys.playlist_name(main.rendition.name),
                bandwidth_bps=max(track.peak_bps for track in group),
                average_bandwidth_bps=max(track.average_bps for track in group),
                codecs=",".join(dict.fromkeys(track.rendition.codecs for track in group)),
                audio_group=name if several else None,
                subtitles_group=_SUBTITLES_GROUP if subtitles else None,
            )
        )
    return MultivariantPlaylist(
        tuple(variants), _audio_renditions(groups) if several else (), subtitles
    )


def _audio_renditions(groups: Mapping[str, Sequence[Track]]) -> tuple[AudioRendition, ...]:
    return tuple(
        rendition for name, group in groups.items() for rendition in _audio_group(name, group)
    )


def _audio_group(group_name: str, group: Sequence[Track]) -> Iterator[AudioRendition]:
    renditions = [track.rendition for track in group]
    default = default_rendition(renditions)
    names = display_names(renditions, "Audio")
    for index, (rendition, name) in enumerate(zip(renditions, names, strict=True)):
        yield AudioRendition(
            uri=keys.playlist_name(rendition.name),
            group=group_name,
            name=name,
            language=_language(rendition),
            is_default=index == default,
            channels=rendition.channels,
        )


def _subtitle_renditions(tracks: Sequence[Track]) -> tuple[SubtitleRendition, ...]:
    renditions = [track.rendition for track in tracks]
    return tuple(
        SubtitleRendition(
            uri=keys.playlist_name(rendition.name),
            group=_SUBTITLES_GROUP,
            name=name,
            language=_language(rendition),
            is_default=rendition.is_default,
            is_forced=rendition.is_forced,
        )
        for rendition, name in zip(renditions, display_names(renditions, "Subtitles"), strict=True)
    )


def _language(rendition: Rendition) -> str | None:
    return None if rendition.language is None else language_tag(rendition.language)


def _relative(name: str, rendition: str) -> str:
    """`name`, relative to its video, as a URI relative to the rendition's playlist."""
    inside = name.removeprefix(f"{rendition}/")
    return inside if inside != name else f"../{name}"
