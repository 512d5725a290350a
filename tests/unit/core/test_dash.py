from dataclasses import replace
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from streamer.core.dash import render_static_manifest
from streamer.core.manifests import published_tracks
from tests.unit.core.published import (
    DIGEST,
    HIGH,
    LOW,
    SOUND,
    audio,
    subtitles,
    text,
    tracks,
)

NAMESPACE = {"": "urn:mpeg:dash:schema:mpd:2011"}


def test_manifest_of_a_ladder_with_sound() -> None:
    root = ElementTree.fromstring(render_static_manifest(tracks(LOW, HIGH, SOUND)))
    assert root.get("type") == "static"
    assert root.get("mediaPresentationDuration") == "PT8.021333S"
    sets = root.findall("Period/AdaptationSet", NAMESPACE)
    assert [item.get("contentType") for item in sets] == ["video", "audio"]
    low, high = sets[0].findall("Representation", NAMESPACE)
    assert (low.get("id"), low.get("width"), low.get("frameRate")) == ("240p", "426", "30000/1001")
    assert (high.get("id"), high.get("bandwidth")) == ("720p", "199801")
    listing = low.find("SegmentList", NAMESPACE)
    assert listing is not None
    assert [child.tag.partition("}")[2] for child in listing] == [
        "Initialization",
        "SegmentTimeline",
        "SegmentURL",
        "SegmentURL",
    ]
    assert listing.attrib == {"timescale": "30000"}, "ffmpeg counts from a startNumber on"
    assert listing[0].get("sourceURL") == f"240p/init-{DIGEST}.mp4"
    # dash.js needs an S for each segment, not one that repeats.
    assert [entry.attrib for entry in listing[1]] == [
        {"t": "0", "d": "120120"},
        {"t": "120120", "d": "120120"},
    ]
    assert listing[3].get("media") == f"240p/000001-{DIGEST}.m4s"
    sound = sets[1].find("Representation", NAMESPACE)
    assert sound is not None
    assert sound[0].get("value") == "2"


def test_codecs_languages_and_subtitles_are_sets_of_their_own() -> None:
    hevc = replace(HIGH, name="720p-hevc", codecs="hvc1.1.6.L93.B0", init_name="720p-hevc/i.mp4")
    surround = audio("audio-eng-51", label="English", channels=6, is_default=False)
    words = subtitles("sub-eng")
    found = tracks(LOW, hevc, audio("audio-eng", label="English"), surround)
    found += published_tracks([words], {"sub-eng": text(words, 900)})
    root = ElementTree.fromstring(render_static_manifest(found))
    sets = root.findall("Period/AdaptationSet", NAMESPACE)
    assert [item.get("contentType") for item in sets] == [
        "video",
        "video",
        "audio",
        "audio",
        "text",
    ]
    assert [item.get("id") for item in sets] == ["0", "1", "2", "3", "4"]
    for item in sets[2:]:
        assert [child.tag.partition("}")[2] for child in item] == [
            "Label",
            "Role",
            "Representation",
        ], "the order of DASH-MPD.xsd"
    assert [item.findtext("Label", None, NAMESPACE) for item in sets[2:]] == [
        "English",
        "English 5.1",
        "English",
    ]
    base_url = sets[4].find("Representation/BaseURL", NAMESPACE)
    assert base_url is not None
    assert base_url.text == f"sub-eng/000000-{DIGEST}.vtt"
    assert root.get("mediaPresentationDuration") == "PT8.021333S", "a text lasts no longer"


@given(st.text(max_size=20), st.text(max_size=20))
def test_outside_text_cannot_break_the_document(label: str, language: str) -> None:
    text = render_static_manifest(tracks(LOW, audio("audio-1", label=label, language=language)))
    root = ElementTree.fromstring(text.encode())
    assert len(root.findall("Period/AdaptationSet", NAMESPACE)) == 2
