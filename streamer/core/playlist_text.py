"""HLS playlists as text (RFC 8216bis)."""

from collections.abc import Iterator

from streamer.core.hls_attributes import quoted, render_attributes, safe_uri
from streamer.core.playlist import (
    AudioRendition,
    IFrameStream,
    MediaKey,
    MediaPlaylist,
    MultivariantPlaylist,
    SubtitleRendition,
    VariantStream,
)

_VERSION = 7


def render_media(playlist: MediaPlaylist) -> str:
    """The text of a media playlist."""
    return "".join(f"{line}\n" for line in _media_lines(playlist))


def render_multivariant(playlist: MultivariantPlaylist) -> str:
    """The text of a multivariant playlist."""
    lines = [*_head(), *map(_audio_tag, playlist.audio), *map(_subtitles_tag, playlist.subtitles)]
    for variant in playlist.variants:
        lines += [_stream_inf(variant), safe_uri(variant.uri)]
    lines += map(_iframe_stream_inf, playlist.iframes)
    return "".join(f"{line}\n" for line in lines)


def _head() -> list[str]:
    return ["#EXTM3U", f"#EXT-X-VERSION:{_VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]


def _media_lines(playlist: MediaPlaylist) -> Iterator[str]:
    yield from _head()
    yield f"#EXT-X-TARGETDURATION:{playlist.target_duration_seconds}"
    yield f"#EXT-X-MEDIA-SEQUENCE:{playlist.media_sequence}"
    if playlist.playlist_type is not None:
        yield f"#EXT-X-PLAYLIST-TYPE:{playlist.playlist_type}"
    if playlist.iframes_only:
        yield "#EXT-X-I-FRAMES-ONLY"
    if playlist.start_offset_seconds is not None:
        yield f"#EXT-X-START:TIME-OFFSET={playlist.start_offset_seconds:.6f}"
    yield from _segment_lines(playlist)
    if playlist.ended:
        yield "#EXT-X-ENDLIST"


def _segment_lines(playlist: MediaPlaylist) -> Iterator[str]:
    init_uri = None
    is_keyed = playlist.key is None
    for segment in playlist.segments:
        if segment.init_uri is not None and segment.init_uri != init_uri:
            init_uri = segment.init_uri
            yield f"#EXT-X-MAP:URI={quoted(safe_uri(init_uri))}"
        if not is_keyed and playlist.key is not None:
            # What stands before it is not encrypted: init segments are not.
            is_keyed = True
            yield _key_tag(playlist.key)
        yield f"#EXTINF:{segment.duration_seconds:.6f},"
        if segment.byte_range is not None:
            start, stop = segment.byte_range
            yield f"#EXT-X-BYTERANGE:{stop - start}@{start}"
        yield safe_uri(segment.uri)


def _key_tag(key: MediaKey) -> str:
    attributes = (
        ("METHOD", key.method),
        ("URI", quoted(safe_uri(key.uri))),
        ("IV", None if key.vector is None else f"0x{key.vector.hex()}"),
        ("KEYFORMAT", None if key.key_format is None else quoted(key.key_format)),
    )
    return f"#EXT-X-KEY:{render_attributes(attributes)}"


def _audio_tag(audio: AudioRendition) -> str:
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


def _subtitles_tag(subtitles: SubtitleRendition) -> str:
    attributes = (
        ("TYPE", "SUBTITLES"),
        ("GROUP-ID", quoted(subtitles.group)),
        ("NAME", quoted(subtitles.name)),
        ("LANGUAGE", None if subtitles.language is None else quoted(subtitles.language)),
        ("DEFAULT", "YES" if subtitles.is_default else "NO"),
        ("AUTOSELECT", "YES"),
        ("FORCED", "YES" if subtitles.is_forced else "NO"),
        ("URI", quoted(safe_uri(subtitles.uri))),
    )
    return f"#EXT-X-MEDIA:{render_attributes(attributes)}"


def _iframe_stream_inf(stream: IFrameStream) -> str:
    average = stream.average_bandwidth_bps
    attributes = (
        ("BANDWIDTH", str(stream.bandwidth_bps)),
        ("AVERAGE-BANDWIDTH", None if average is None else str(average)),
        ("CODECS", None if stream.codecs is None else quoted(stream.codecs)),
        ("RESOLUTION", _size(stream)),
        ("URI", quoted(safe_uri(stream.uri))),
    )
    return f"#EXT-X-I-FRAME-STREAM-INF:{render_attributes(attributes)}"


def _size(stream: VariantStream | IFrameStream) -> str | None:
    return f"{stream.width}x{stream.height}" if stream.width and stream.height else None


def _stream_inf(variant: VariantStream) -> str:
    size = _size(variant)
    average = variant.average_bandwidth_bps
    attributes = (
        ("BANDWIDTH", str(variant.bandwidth_bps)),
        ("AVERAGE-BANDWIDTH", None if average is None else str(average)),
        ("CODECS", None if variant.codecs is None else quoted(variant.codecs)),
        ("RESOLUTION", size),
        ("FRAME-RATE", None if variant.frame_rate is None else f"{variant.frame_rate:.3f}"),
        ("AUDIO", None if variant.audio_group is None else quoted(variant.audio_group)),
        ("SUBTITLES", None if variant.subtitles_group is None else quoted(variant.subtitles_group)),
        ("CLOSED-CAPTIONS", None if size is None else "NONE"),
    )
    return f"#EXT-X-STREAM-INF:{render_attributes(attributes)}"
