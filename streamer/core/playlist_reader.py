"""Reads HLS playlists (RFC 8216bis): unknown tags are skipped, sizes are bounded."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from streamer.core.hls_attributes import (
    PlaylistError,
    decimal_float,
    decimal_integer,
    parse_attributes,
)
from streamer.core.playlist import (
    AudioRendition,
    IFrameStream,
    MediaPlaylist,
    MediaSegment,
    MultivariantPlaylist,
    PlaylistType,
    SubtitleRendition,
    VariantStream,
)

MAX_CHARS = 8 * 1024 * 1024
MAX_ENTRIES = 100_000
_MULTIVARIANT_TAGS = frozenset({"#EXT-X-STREAM-INF", "#EXT-X-MEDIA", "#EXT-X-I-FRAME-STREAM-INF"})
_PLAYLIST_TYPES: Mapping[str, PlaylistType] = {"EVENT": "EVENT", "VOD": "VOD"}


def parse_playlist(text: str) -> MediaPlaylist | MultivariantPlaylist:
    """The playlist that `text` spells.

    Raises:
        PlaylistError: It is no playlist, mixes both kinds, or a tag that is modelled here is
            malformed; or it is larger than `MAX_CHARS` or `MAX_ENTRIES`.
    """
    lines = _significant_lines(text)
    tags = {line.partition(":")[0] for line in lines if line.startswith("#")}
    is_multivariant = not tags.isdisjoint(_MULTIVARIANT_TAGS)
    if is_multivariant and not tags.isdisjoint(_MEDIA_TAGS):
        raise PlaylistError("media and multivariant tags in one playlist")
    return _parse_multivariant(lines) if is_multivariant else _parse_media(lines)


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
    iframes_only: bool = False
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

    def read_iframes_only(self, value: str) -> None:
        self.iframes_only = True


_MEDIA_TAGS: Mapping[str, Callable[[_MediaReader, str], None]] = {
    "#EXTINF": _MediaReader.read_duration,
    "#EXT-X-BYTERANGE": _MediaReader.read_byte_range,
    "#EXT-X-ENDLIST": _MediaReader.read_end,
    "#EXT-X-I-FRAMES-ONLY": _MediaReader.read_iframes_only,
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
        iframes_only=reader.iframes_only,
    )


def _parse_multivariant(lines: Iterable[str]) -> MultivariantPlaylist:
    variants: list[VariantStream] = []
    media: list[AudioRendition | SubtitleRendition] = []
    iframes: list[IFrameStream] = []
    stream: dict[str, str] | None = None
    for line in lines:
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-STREAM-INF":
            stream = parse_attributes(value)
        elif tag == "#EXT-X-MEDIA":
            media += _rendition(parse_attributes(value))
        elif tag == "#EXT-X-I-FRAME-STREAM-INF":
            iframes.append(_iframe_stream(parse_attributes(value)))
        elif not line.startswith("#"):
            if stream is None:
                raise PlaylistError("a variant stream without EXT-X-STREAM-INF")
            variants.append(_variant(line, stream))
            stream = None
        if len(variants) + len(media) + len(iframes) > MAX_ENTRIES:
            raise PlaylistError("too many variant streams")
    return MultivariantPlaylist(
        tuple(variants),
        tuple(item for item in media if isinstance(item, AudioRendition)),
        tuple(item for item in media if isinstance(item, SubtitleRendition)),
        tuple(iframes),
    )


def _variant(uri: str, attributes: Mapping[str, str]) -> VariantStream:
    width, height = _resolution(attributes)
    average, frame_rate = attributes.get("AVERAGE-BANDWIDTH"), attributes.get("FRAME-RATE")
    return VariantStream(
        uri=uri,
        bandwidth_bps=decimal_integer(_required(attributes, "BANDWIDTH")),
        average_bandwidth_bps=None if average is None else decimal_integer(average),
        codecs=attributes.get("CODECS"),
        width=width,
        height=height,
        frame_rate=None if frame_rate is None else decimal_float(frame_rate),
        audio_group=attributes.get("AUDIO"),
        subtitles_group=attributes.get("SUBTITLES"),
    )


def _iframe_stream(attributes: Mapping[str, str]) -> IFrameStream:
    width, height = _resolution(attributes)
    average = attributes.get("AVERAGE-BANDWIDTH")
    return IFrameStream(
        uri=_required(attributes, "URI"),
        bandwidth_bps=decimal_integer(_required(attributes, "BANDWIDTH")),
        average_bandwidth_bps=None if average is None else decimal_integer(average),
        codecs=attributes.get("CODECS"),
        width=width,
        height=height,
    )


def _resolution(attributes: Mapping[str, str]) -> tuple[int | None, int | None]:
    width, _, height = attributes.get("RESOLUTION", "").partition("x")
    return (decimal_integer(width), decimal_integer(height)) if width else (None, None)


def _rendition(attributes: Mapping[str, str]) -> list[AudioRendition | SubtitleRendition]:
    match _required(attributes, "TYPE"):
        case "AUDIO":
            return [_audio(attributes)]
        case "SUBTITLES":
            return [_subtitles(attributes)]
        case _:
            return []


def _audio(attributes: Mapping[str, str]) -> AudioRendition:
    channels = attributes.get("CHANNELS", "").partition("/")[0]
    return AudioRendition(
        uri=attributes.get("URI"),
        group=_required(attributes, "GROUP-ID"),
        name=_required(attributes, "NAME"),
        language=attributes.get("LANGUAGE"),
        is_default=attributes.get("DEFAULT") == "YES",
        channels=decimal_integer(channels) if channels else None,
    )


def _subtitles(attributes: Mapping[str, str]) -> SubtitleRendition:
    return SubtitleRendition(
        uri=_required(attributes, "URI"),
        group=_required(attributes, "GROUP-ID"),
        name=_required(attributes, "NAME"),
        language=attributes.get("LANGUAGE"),
        is_default=attributes.get("DEFAULT") == "YES",
        is_forced=attributes.get("FORCED") == "YES",
    )


def _required(attributes: Mapping[str, str], name: str) -> str:
    if name not in attributes:
        raise PlaylistError(f"{name} is missing")
    return attributes[name]
