"""From what the catalog knows of a video to its HLS playlists.

Only renditions with published segments are listed, so every listed variant stream can be played
as far as the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from streamer.core import bit_rate, keys
from streamer.core.playlist import (
    AudioRendition,
    MediaPlaylist,
    MediaSegment,
    MultivariantPlaylist,
    VariantStream,
)
from streamer.core.video import MediaKind, Rendition, Segment

SEGMENT_SECONDS = 4
_AUDIO_GROUP = "audio"


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


def published_tracks(
    renditions: Sequence[Rendition], segments: Mapping[str, Sequence[Segment]]
) -> list[Track]:
    """The renditions that viewers can play: lowest video first, then audio, as in the catalog."""
    target = target_duration_seconds(renditions, segments)
    return [
        Track(rendition, tuple(segments[rendition.name]), target)
        for rendition in renditions
        if rendition.init_name is not None and segments.get(rendition.name)
    ]


def target_duration_seconds(
    renditions: Sequence[Rendition], segments: Mapping[str, Sequence[Segment]]
) -> int:
    """One EXT-X-TARGETDURATION for all playlists of a video, which may not change as they grow.

    No segment, rounded to the nearest second, is longer (RFC 8216bis §4.4.3.1).
    """
    longest = max(
        (
            Fraction(segment.duration_ticks, rendition.timescale)
            for rendition in renditions
            for segment in segments.get(rendition.name, ())
        ),
        default=Fraction(0),
    )
    return max(SEGMENT_SECONDS, int(longest + Fraction(1, 2)))


def multivariant_playlist(tracks: Sequence[Track]) -> MultivariantPlaylist:
    """The multivariant playlist over `tracks`, the lowest variant stream first."""
    audio = [track for track in tracks if track.rendition.kind is MediaKind.AUDIO]
    video = [track for track in tracks if track.rendition.kind is MediaKind.VIDEO]
    if not video:
        return _audio_only(audio)
    variants = tuple(_variant(track, audio) for track in video)
    return MultivariantPlaylist(variants, _audio_renditions(audio))


def media_playlist(track: Track, *, ended: bool) -> MediaPlaylist:
    """A rendition's playlist: EVENT while it grows, VOD once it `ended`.

    A growing one tells players to begin at its beginning rather than near its end.
    """
    rendition = track.rendition
    init_uri = _relative(rendition.init_name or "", rendition.name)
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


def audio_names(renditions: Sequence[Rendition]) -> list[str]:
    """A name for each audio rendition that differs from all others, as players show them."""
    names: list[str] = []
    for rendition in renditions:
        base = rendition.label or rendition.language or "Audio"
        name, count = base, 1
        while name in names:
            count += 1
            name = f"{base} {count}"
        names.append(name)
    return names


def default_audio(renditions: Sequence[Rendition]) -> int:
    """The index of the one rendition that plays unless the viewer chooses another."""
    marked = (index for index, rendition in enumerate(renditions) if rendition.is_default)
    return next(marked, 0)


def _variant(track: Track, audio: Sequence[Track]) -> VariantStream:
    rendition = track.rendition
    codecs = [rendition.codecs, *dict.fromkeys(sound.rendition.codecs for sound in audio)]
    return VariantStream(
        uri=keys.playlist_name(rendition.name),
        bandwidth_bps=track.peak_bps + max((sound.peak_bps for sound in audio), default=0),
        average_bandwidth_bps=track.average_bps
        + max((sound.average_bps for sound in audio), default=0),
        codecs=",".join(codecs),
        width=rendition.width,
        height=rendition.height,
        frame_rate=None if rendition.frame_rate is None else float(rendition.frame_rate),
        audio_group=_AUDIO_GROUP if audio else None,
    )


def _audio_only(audio: Sequence[Track]) -> MultivariantPlaylist:
    if not audio:
        return MultivariantPlaylist(())
    main = audio[default_audio([track.rendition for track in audio])]
    several = len(audio) > 1
    variant = VariantStream(
        uri=keys.playlist_name(main.rendition.name),
        bandwidth_bps=max(track.peak_bps for track in audio),
        average_bandwidth_bps=max(track.average_bps for track in audio),
        codecs=",".join(dict.fromkeys(track.rendition.codecs for track in audio)),
        audio_group=_AUDIO_GROUP if several else None,
    )
    return MultivariantPlaylist((variant,), _audio_renditions(audio) if several else ())


def _audio_renditions(audio: Sequence[Track]) -> tuple[AudioRendition, ...]:
    renditions = [track.rendition for track in audio]
    default = default_audio(renditions)
    return tuple(
        AudioRendition(
            uri=keys.playlist_name(rendition.name),
            group=_AUDIO_GROUP,
            name=name,
            language=rendition.language,
            is_default=index == default,
            channels=rendition.channels,
        )
        for index, (rendition, name) in enumerate(
            zip(renditions, audio_names(renditions), strict=True)
        )
    )


def _relative(name: str, rendition: str) -> str:
    """`name`, relative to its video, as a URI relative to the rendition's playlist."""
    inside = name.removeprefix(f"{rendition}/")
    return inside if inside != name else f"../{name}"
