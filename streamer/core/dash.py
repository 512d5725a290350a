"""The DASH manifest of a finished video (ISO/IEC 23009-1), over the same segments as HLS.

Segment names carry digests, so each one is spelled in a SegmentList; its SegmentTimeline gives the
exact times.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from uuid import UUID
from xml.etree import ElementTree

from streamer.core.hls_attributes import printable
from streamer.core.languages import language_tag
from streamer.core.manifests import Track, default_rendition, display_names
from streamer.core.video import ContentKey, MediaKind, Rendition

_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_PROFILE = "urn:mpeg:dash:profile:isoff-main:2011"
_CHANNELS_SCHEME = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
_CLEAR_KEY = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
_PROTECTION_NAMESPACES = {
    "xmlns:cenc": "urn:mpeg:cenc:2013",
    "xmlns:dashif": "https://dashif.org/CPS",
}
_STEREO_CHANNELS = 2
_ROLE_SCHEME = "urn:mpeg:dash:role:2011"


def render_static_manifest(
    tracks: Sequence[Track],
    key: ContentKey | None = None,
    license_url: str = "",
    text_query: str = "",
) -> str:
    """An MPD of type static; segment URLs are relative to the video.

    With a key, its samples are encrypted (`cbcs`), and players are told of W3C Clear Key; texts,
    which are not, are asked for with `text_query`.
    """
    timed = [track for track in tracks if track.rendition.kind is not MediaKind.SUBTITLES]
    root = ElementTree.Element(
        "MPD",
        {
            "xmlns": _NAMESPACE,
            **({} if key is None else _PROTECTION_NAMESPACES),
            "profiles": _PROFILE,
            "type": "static",
            "mediaPresentationDuration": _duration(max(map(_seconds, timed))),
            "minBufferTime": _duration(Fraction(tracks[0].target_duration_seconds)),
        },
    )
    period = ElementTree.SubElement(root, "Period", id="0", start="PT0S")
    _add_video(period, [track for track in tracks if track.rendition.kind is MediaKind.VIDEO])
    _add_audio(period, [track for track in tracks if track.rendition.kind is MediaKind.AUDIO])
    _add_subtitles(
        period,
        [track for track in tracks if track.rendition.kind is MediaKind.SUBTITLES],
        text_query,
    )
    for number, adaptation_set in enumerate(period):
        adaptation_set.set("id", str(number))
        if key is not None and adaptation_set.get("contentType") != "text":
            _add_protection(adaptation_set, key.key_id, license_url)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _add_protection(adaptation_set: ElementTree.Element, key_id: bytes, license_url: str) -> None:
    """Goes before what else is in the set, as the schema orders it (ISO/IEC 23001-7 §11.2)."""
    common = ElementTree.Element(
        "ContentProtection",
        {
            "schemeIdUri": "urn:mpeg:dash:mp4protection:2011",
            "value": "cbcs",
            "cenc:default_KID": str(UUID(bytes=key_id)),
        },
    )
    clear_key = ElementTree.Element(
        "ContentProtection", schemeIdUri=_CLEAR_KEY, value="ClearKey1.0"
    )
    place = ElementTree.SubElement(clear_key, "dashif:Laurl", licenseType="EME-1.0")
    place.text = license_url
    adaptation_set.insert(0, common)
    adaptation_set.insert(1, clear_key)


def _add_video(period: ElementTree.Element, tracks: Sequence[Track]) -> None:
    """One adaptation set for each codec: players switch inside a set only."""
    for family in dict.fromkeys(_family(track) for track in tracks):
        adaptation_set = _adaptation_set(period, "video")
        for track in tracks:
            if _family(track) == family:
                _add_representation(adaptation_set, track, _picture(track.rendition))


def _family(track: Track) -> str:
    return track.rendition.codecs.partition(".")[0]


def _picture(rendition: Rendition) -> dict[str, str]:
    attributes = {"width": str(rendition.width), "height": str(rendition.height), "sar": "1:1"}
    if rendition.frame_rate is not None:
        numerator, denominator = rendition.frame_rate.as_integer_ratio()
        attributes["frameRate"] = f"{numerator}/{denominator}"
    return attributes


def _add_audio(period: ElementTree.Element, tracks: Sequence[Track]) -> None:
    """One adaptation set for each rendition: they differ in language or in what they are."""
    renditions = [_with_channels(track.rendition) for track in tracks]
    default = default_rendition(renditions)
    for index, (track, name) in enumerate(
        zip(tracks, display_names(renditions, "Audio"), strict=True)
    ):
        adaptation_set = _adaptation_set(period, "audio")
        role = "main" if index == default else "alternate"
        _describe(adaptation_set, track.rendition, role, name)
        representation = _add_representation(adaptation_set, track, {})
        _add_channels(representation, track.rendition)


def _with_channels(rendition: Rendition) -> Rendition:
    """The rendition, labelled unlike the stereo one of the same sound."""
    if (rendition.channels or 0) <= _STEREO_CHANNELS:
        return rendition
    label = rendition.label or rendition.language or "Audio"
    return replace(rendition, label=f"{label} {(rendition.channels or 1) - 1}.1")


def _add_subtitles(period: ElementTree.Element, tracks: Sequence[Track], query: str) -> None:
    """One adaptation set for each text, which is one WebVTT file."""
    names = display_names([track.rendition for track in tracks], "Subtitles")
    for track, name in zip(tracks, names, strict=True):
        adaptation_set = ElementTree.SubElement(
            period, "AdaptationSet", contentType="text", mimeType="text/vtt"
        )
        role = "forced-subtitle" if track.rendition.is_forced else "subtitle"
        _describe(adaptation_set, track.rendition, role, name)
        representation = ElementTree.SubElement(
            adaptation_set,
            "Representation",
            id=track.rendition.name,
            bandwidth=str(max(1, track.average_bps)),
        )
        name = track.segments[0].name
        ElementTree.SubElement(representation, "BaseURL").text = name + query


def _describe(
    adaptation_set: ElementTree.Element, rendition: Rendition, role: str, name: str
) -> None:
    """In the schema's order: Label is of the type that AdaptationSet extends with Role."""
    if rendition.language is not None:
        adaptation_set.set("lang", printable(language_tag(rendition.language)))
    ElementTree.SubElement(adaptation_set, "Label").text = printable(name)
    ElementTree.SubElement(adaptation_set, "Role", schemeIdUri=_ROLE_SCHEME, value=role)


def _adaptation_set(period: ElementTree.Element, content_type: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        period,
        "AdaptationSet",
        contentType=content_type,
        mimeType=f"{content_type}/mp4",
        segmentAlignment="true",
        startWithSAP="1",
    )


def _add_representation(
    adaptation_set: ElementTree.Element, track: Track, attributes: dict[str, str]
) -> ElementTree.Element:
    """Without startNumber, which is 1 anyway: ffmpeg takes it for an index into the list."""
    rendition = track.rendition
    representation = ElementTree.SubElement(
        adaptation_set,
        "Representation",
        {
            "id": rendition.name,
            "bandwidth": str(track.peak_bps),
            "codecs": rendition.codecs,
            **attributes,
        },
    )
    segment_list = ElementTree.SubElement(
        representation, "SegmentList", timescale=str(rendition.timescale)
    )
    ElementTree.SubElement(segment_list, "Initialization", sourceURL=rendition.init_name or "")
    _add_timeline(segment_list, [segment.duration_ticks for segment in track.segments])
    for segment in track.segments:
        ElementTree.SubElement(segment_list, "SegmentURL", media=segment.name)
    return representation


def _add_timeline(segment_list: ElementTree.Element, durations: Sequence[int]) -> None:
    """One S for each segment: dash.js 5.2 stops after two SegmentURLs where S repeats (@r)."""
    timeline = ElementTree.SubElement(segment_list, "SegmentTimeline")
    start = 0
    for duration in durations:
        ElementTree.SubElement(timeline, "S", t=str(start), d=str(duration))
        start += duration


def _add_channels(representation: ElementTree.Element, rendition: Rendition) -> None:
    """Goes before the SegmentList, as the schema orders it."""
    if rendition.channels is None:
        return
    channels = ElementTree.Element(
        "AudioChannelConfiguration", schemeIdUri=_CHANNELS_SCHEME, value=str(rendition.channels)
    )
    representation.insert(0, channels)


def _seconds(track: Track) -> Fraction:
    ticks = sum(segment.duration_ticks for segment in track.segments)
    return Fraction(ticks, track.rendition.timescale)


def _duration(seconds: Fraction) -> str:
    return f"PT{float(seconds):.6f}S"
