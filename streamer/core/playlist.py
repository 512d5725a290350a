"""HLS playlists (RFC 8216bis): the values, how they are written and how they are read.

Only what this product serves or prefetches is modelled. Reading skips unknown tags and is bounded;
URIs stay as spelled, relative to the playlist's own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from streamer.core.hls_attributes import (
    PlaylistError,
    decimal_float,
    decimal_integer,
    parse_attributes,
    quoted,
    render_attributes,
    safe_uri,
)

__all__ = [
    "AudioRendition",
    "MediaPlaylist",
    "MediaSegment",
    "MultivariantPlaylist",
    "PlaylistError",
    "PlaylistType",
    "VariantStream",
    "parse_playlist",
    "render_media",
    "render_multivariant",
]

MAX_CHARS = 8 * 1024 * 1024
MAX_ENTRIES = 100_000
_VERSION = 7

PlaylistType = Literal["EVENT", "VOD"]
_PLAYLIST_TYPES: Mapping[str, PlaylistType] = {"EVENT": "EVENT", "VOD": "VOD"}


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
class MediaPlaylist:
    """A media playlist. `ended` means that no segment will be added."""

    segments: tuple[MediaSegment, ...]
    target_duration_seconds: int
    media_sequence: int = 0
    playlist_type: PlaylistType | None = None
    ended: bool = False
    start_offset_seconds: float | None = None


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
class MultivariantPlaylist:
    """A multivariant playlist, in the order that clients shall try."""

    variants: tuple[VariantStream, ...]
    audio: tuple[AudioRendition, ...] = ()


def render_media(playlist: MediaPlaylist) -> str:
    """The text of a media playlist."""
    return "".join(f"{line}\n" for line in _media_lines(playlist))


def render_multivariant(playlist: MultivariantPlaylist) -> str:
    """The text of a multivariant playlist."""
    lines = [*_head(), *map(_media_tag, playlist.audio)]
    for variant in playlist.variants:
        lines += [_stream_inf(variant), safe_uri(variant.uri)]
    return "".join(f"{line}\n" for line in lines)


def parse_playlist(text: str) -> MediaPlaylist | MultivariantPlaylist:
    """The playlist that `text` spells.

    Raises:
        PlaylistError: It is no playlist, mixes both kinds, or a tag that is modelled here is
            malformed; or it is larger than `MAX_CHARS` or `MAX_ENTRIES`.
    """
    lines = _significant_lines(text)
    tags = {line.partition(":")[0] for line in lines if line.startswith("#")}
    is_multivariant = not tags.isdisjoint({"#EXT-X-STREAM-INF", "#EXT-X-MEDIA"})
    if is_multivariant and not tags.isdisjoint(_MEDIA_TAGS):
        raise PlaylistError("media and multivariant tags in one playlist")
    return _parse_multivariant(lines) if is_multivariant else _parse_media(lines)


def _head() -> list[str]:
    return ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]


def _media_lines(playlist: MediaPlaylist) -> Iterator[str]:
    yield from _head()
    yield f"#EXT-X-TARGETDURATION:{playlist.target_duration_seconds}"
    yield f"#EXT-X-MEDIA-SEQUENCE:{playlist.media_sequence}"
    if playlist.playlist_type is not None:
        yield f"#EXT-X-PLAYLIST-TYPE:{playlist.playlist_type}"
    if playlist.start_offset_seconds is not None:
        yield f"#EXT-X-START:TIME-OFFSET={playlist.start_offset_seconds:.6f}"
    init_uri = None
    for segment in playlist.segments:
        if segment.init_uri is not None and segment.init_uri != init_uri:
            init_uri = segment.init_uri
            yield f"#EXT-X-MAP:URI={quoted(safe_uri(init_uri))}"
        yield f"#EXTINF:{segment.duration_seconds:.6f},"
        if segment.byte_range is not None:
            start, stop = segment.byte_range
            yield f"#EXT-X-BYTERANGE:{stop - start}@{start}"
        yield safe_uri(segment.uri)
    if playlist.ended:
        yield "#EXT-X-ENDLIST"


def _media_tag(audio: AudioRendition) -> str:
    attributes = (
        ("TYPE", "AUDIO"),
        ("GROUP-ID", quoted(audio.group)),
        ("NAME", quoted(audio.name)),
        ("LANGUAGE", None if audio.language is None else quoted(audio.language)),
        ("DEFAULT", "YES" if audio.is_default else "NO"),
        ("AUTOSELECT", "YES"),
        ("CHANNELS", None if audio.channels is None else quoted(str(audio.channels))),
        ("URI", None if audio.uri is None else quoted(safe_uri(audio.uri))),
    )
    return f"#EXT-X-MEDIA:{render_attributes(attributes)}"


def _stream_inf(variant: VariantStream) -> str:
    size = f"{variant.width}x{variant.height}" if variant.width and variant.height else None
    average = variant.average_bandwidth_bps
    attributes = (
        ("BANDWIDTH", str(variant.bandwidth_bps)),
        ("AVERAGE-BANDWIDTH", None if average is None else str(average)),
        ("CODECS", None if variant.codecs is None else quoted(variant.codecs)),
        ("RESOLUTION", size),
        ("FRAME-RATE", None if variant.frame_rate is None else f"{variant.frame_rate:.3f}"),
        ("AUDIO", None if variant.audio_group is None else quoted(variant.audio_group)),
        ("CLOSED-CAPTIONS", None if size is None else "NONE"),
    )
    return f"#EXT-X-STREAM-INF:{render_attributes(attributes)}"


def _significant_lines(text: str) -> list[str]:
    """Tags and URIs; lines end with LF or CRLF only (RFC 8216bis §4.1)."""
    if len(text) > MAX_CHARS:
        raise PlaylistError("the playlist is too large")
    lines = [line.rstrip("\r \t") for line in text.removeprefix("\ufeff").split("\n")]
    if lines[0] != "#EXTM3U":
        raise PlaylistError("a playlist begins with #EXTM3U")
    return [line for line in lines[1:] if line.startswith("#EXT") or line[:1] not in ("", "#")]


@dataclass(slots=True)
class _MediaReader:
    """What was read so far of a media playlist, and the tags that apply to the next segment."""

    segments: list[MediaSegment] = field(default_factory=list)
    target_duration_seconds: int | None = None
    media_sequence: int = 0
    playlist_type: PlaylistType | None = None
    ended: bool = False
    start_offset_seconds: float | None = None
    init_uri: str | None = None
    duration_seconds: float | None = None
    byte_range: str | None = None

    def add_segment(self, uri: str) -> None:
        if self.duration_seconds is None:
            raise PlaylistError("a segment without EXTINF")
        if len(self.segments) == MAX_ENTRIES:
            raise PlaylistError("too many segments")
        span = None if self.byte_range is None else self._span(uri, self.byte_range)
        self.segments.append(MediaSegment(uri, self.duration_seconds, self.init_uri, span))
        self.duration_seconds = self.byte_range = None

    def _span(self, uri: str, text: str) -> tuple[int, int]:
        """EXT-X-BYTERANGE; without an offset it follows the last range of the same resource."""
        length, _, offset = text.partition("@")
        if offset:
            start = decimal_integer(offset)
        elif self.segments and self.segments[-1].uri == uri and self.segments[-1].byte_range:
            start = self.segments[-1].byte_range[1]
        else:
            raise PlaylistError("a byte range without an offset")
        return start, start + decimal_integer(length)

    def read_type(self, value: str) -> None:
        if value not in _PLAYLIST_TYPES:
            raise PlaylistError("unknown EXT-X-PLAYLIST-TYPE")
        self.playlist_type = _PLAYLIST_TYPES[value]

    def read_start(self, value: str) -> None:
        offset = parse_attributes(value).get("TIME-OFFSET", "")
        sign = -1.0 if offset.startswith("-") else 1.0
        self.start_offset_seconds = sign * decimal_float(offset.removeprefix("-"))

    def read_map(self, value: str) -> None:
        self.init_uri = _required(parse_attributes(value), "URI")

    def read_duration(self, value: str) -> None:
        self.duration_seconds = decimal_float(value.partition(",")[0])

    def read_target(self, value: str) -> None:
        self.target_duration_seconds = decimal_integer(value)

    def read_sequence(self, value: str) -> None:
        self.media_sequence = decimal_integer(value)

    def read_byte_range(self, value: str) -> None:
        self.byte_range = value

    def read_end(self, value: str) -> None:
        self.ended = True


_MEDIA_TAGS: Mapping[str, Callable[[_MediaReader, str], None]] = {
    "#EXTINF": _MediaReader.read_duration,
    "#EXT-X-BYTERANGE": _MediaReader.read_byte_range,
    "#EXT-X-ENDLIST": _MediaReader.read_end,
    "#EXT-X-MAP": _MediaReader.read_map,
    "#EXT-X-MEDIA-SEQUENCE": _MediaReader.read_sequence,
    "#EXT-X-PLAYLIST-TYPE": _MediaReader.read_type,
    "#EXT-X-START": _MediaReader.read_start,
    "#EXT-X-TARGETDURATION": _MediaReader.read_target,
}


def _parse_media(lines: Iterable[str]) -> MediaPlaylist:
    reader = _MediaReader()
    for line in lines:
        if not line.startswith("#"):
            reader.add_segment(line)
            continue
        tag, _, value = line.partition(":")
        if read := _MEDIA_TAGS.get(tag):
            read(reader, value)
    if reader.target_duration_seconds is None:
        raise PlaylistError("a media playlist without EXT-X-TARGETDURATION")
    return MediaPlaylist(
        segments=tuple(reader.segments),
        target_duration_seconds=reader.target_duration_seconds,
        media_sequence=reader.media_sequence,
        playlist_type=reader.playlist_type,
        ended=reader.ended,
        start_offset_seconds=reader.start_offset_seconds,
    )


def _parse_multivariant(lines: Iterable[str]) -> MultivariantPlaylist:
    variants: list[VariantStream] = []
    audio: list[AudioRendition] = []
    stream: dict[str, str] | None = None
    for line in lines:
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-STREAM-INF":
            stream = parse_attributes(value)
        elif tag == "#EXT-X-MEDIA":
            audio += _audio(parse_attributes(value))
        elif not line.startswith("#"):
            if stream is None:
                raise PlaylistError("a variant stream without EXT-X-STREAM-INF")
            variants.append(_variant(line, stream))
            stream = None
        if len(variants) + len(audio) > MAX_ENTRIES:
            raise PlaylistError("too many variant streams")
    return MultivariantPlaylist(tuple(variants), tuple(audio))


def _variant(uri: str, attributes: Mapping[str, str]) -> VariantStream:
    width, _, height = attributes.get("RESOLUTION", "").partition("x")
    average, frame_rate = attributes.get("AVERAGE-BANDWIDTH"), attributes.get("FRAME-RATE")
    return VariantStream(
        uri=uri,
        bandwidth_bps=decimal_integer(_required(attributes, "BANDWIDTH")),
        average_bandwidth_bps=None if average is None else decimal_integer(average),
        codecs=attributes.get("CODECS"),
        width=decimal_integer(width) if width else None,
        height=decimal_integer(height) if width else None,
        frame_rate=None if frame_rate is None else decimal_float(frame_rate),
        audio_group=attributes.get("AUDIO"),
    )


def _audio(attributes: Mapping[str, str]) -> list[AudioRendition]:
    if _required(attributes, "TYPE") != "AUDIO":
        return []
    channels = attributes.get("CHANNELS", "").partition("/")[0]
    return [
        AudioRendition(
            uri=attributes.get("URI"),
            group=_required(attributes, "GROUP-ID"),
            name=_required(attributes, "NAME"),
            language=attributes.get("LANGUAGE"),
            is_default=attributes.get("DEFAULT") == "YES",
            channels=decimal_integer(channels) if channels else None,
        )
    ]


def _required(attributes: Mapping[str, str], name: str) -> str:
    if name not in attributes:
        raise PlaylistError(f"{name} is missing")
    return attributes[name]
