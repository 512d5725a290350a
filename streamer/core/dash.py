"""The DASH manifest of a finished video (ISO/IEC 23009-1), over the same segments as HLS.

Segment names carry digests, so each one is spelled in a SegmentList; its SegmentTimeline gives the
exact times.
"""

from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree

from streamer.core.hls_attributes import printable
from streamer.core.manifests import Track, audio_names, default_audio
from streamer.core.video import MediaKind, Rendition

_NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
_PROFILE = "urn:mpeg:dash:profile:isoff-main:2011"
_CHANNELS_SCHEME = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
_ROLE_SCHEME = "urn:mpeg:dash:role:2011"


def render_static_manifest(tracks: Sequence[Track]) -> str:
    """An MPD of type static; segment URLs are relative to the video."""
    root = ElementTree.Element(
        "MPD",
        {
            "xmlns": _NAMESPACE,
            "profiles": _PROFILE,
            "type": "static",
            "mediaPresentationDuration": _duration(max(map(_seconds, tracks))),
            "minBufferTime": _duration(Fraction(tracks[0].target_duration_seconds)),
        },
    )
    period = ElementTree.SubElement(root, "Period", id="0", start="PT0S")
    _add_video(period, [track for track in tracks if track.rendition.kind is MediaKind.VIDEO])
    _add_audio(period, [track for track in tracks if track.rendition.kind is MediaKind.AUDIO])
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _add_video(period: ElementTree.Element, tracks: Sequence[Track]) -> None:
    if not tracks:
        return
    adaptation_set = _adaptation_set(period, "video", number=0)
    for track in tracks:
        rendition = track.rendition
        attributes = {
            "width": str(rendition.width),
            "height": str(rendition.height),
            "sar": "1:1",
        }
        if rendition.frame_rate is not None:
            numerator, denominator = rendition.frame_rate.as_integer_ratio()
            attributes["frameRate"] = f"{numerator}/{denominator}"
        _add_representation(adaptation_set, track, attributes)


def _add_audio(period: ElementTree.Element, tracks: Sequence[Track]) -> None:
    """One adaptation set for each rendition: they differ in language or in what they are."""
    renditions = [track.rendition for track in tracks]
    default = default_audio(renditions)
    for index, (track, name) in enumerate(zip(tracks, audio_names(renditions), strict=True)):
        adaptation_set = _adaptation_set(period, "audio", number=index + 1)
        if track.rendition.language is not None:
            adaptation_set.set("lang", printable(track.rendition.language))
        role = "main" if index == default else "alternate"
        ElementTree.SubElement(adaptation_set, "Role", schemeIdUri=_ROLE_SCHEME, value=role)
        ElementTree.SubElement(adaptation_set, "Label").text = printable(name)
        representation = _add_representation(adaptation_set, track, {})
        _add_channels(representation, track.rendition)


def _adaptation_set(
    period: ElementTree.Element, content_type: str, *, number: int
) -> ElementTree.Element:
    return ElementTree.SubElement(
        period,
        "AdaptationSet",
        id=str(number),
        contentType=content_type,
        mimeType=f"{content_type}/mp4",
        segmentAlignment="true",
        startWithSAP="1",
    )


def _add_representation(
    adaptation_set: ElementTree.Element, track: Track, attributes: dict[str, str]
) -> ElementTree.Element:
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
        representation, "SegmentList", timescale=str(rendition.timescale), startNumber="1"
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
