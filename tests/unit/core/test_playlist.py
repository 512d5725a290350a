import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.core.hls_attributes import PlaylistError
from streamer.core.playlist import (
    AudioRendition,
    MediaPlaylist,
    MediaSegment,
    MultivariantPlaylist,
    VariantStream,
)
from streamer.core.playlist_reader import MAX_CHARS, parse_playlist
from streamer.core.playlist_text import render_media, render_multivariant

VOD = """\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="init-1.mp4"
#EXTINF:4.004000,
000000-a.m4s
#EXTINF:1.500000,
000001-b.m4s
#EXT-X-ENDLIST
"""

MULTIVARIANT = """\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,\
CHANNELS="2",URI="audio-eng/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=500000,AVERAGE-BANDWIDTH=400000,CODECS="avc1.64000d,mp4a.40.2",\
RESOLUTION=426x240,FRAME-RATE=29.970,AUDIO="audio",CLOSED-CAPTIONS=NONE
240p/index.m3u8
"""

uris = st.from_regex(r"[A-Za-z0-9._~/?=&%+-]{1,30}", fullmatch=True)
texts = st.text(max_size=30)
micros = st.integers(1, 60_000_000).map(lambda n: n / 1_000_000)


@st.composite
def segments(draw: st.DrawFn) -> tuple[MediaSegment, ...]:
    """Segments with one init segment, or none: an EXT-X-MAP cannot be taken back."""
    init = draw(st.none() | uris)
    spans = st.none() | st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)).map(
        lambda pair: (pair[0], pair[0] + pair[1])
    )
    one = st.builds(
        MediaSegment, uri=uris, duration_seconds=micros, init_uri=st.just(init), byte_range=spans
    )
    return tuple(draw(st.lists(one, max_size=5)))


media_playlists = st.builds(
    MediaPlaylist,
    segments=segments(),
    target_duration_seconds=st.integers(1, 60),
    media_sequence=st.integers(0, 10**6),
    playlist_type=st.sampled_from([None, "EVENT", "VOD"]),
    ended=st.booleans(),
    start_offset_seconds=st.none() | st.sampled_from([0.0, 1.5, -10.25]),
)
variants = st.builds(
    VariantStream,
    uri=uris,
    bandwidth_bps=st.integers(1, 10**9),
    average_bandwidth_bps=st.none() | st.integers(1, 10**9),
    codecs=st.none() | st.just("avc1.640028,mp4a.40.2"),
    width=st.integers(2, 8192),
    height=st.integers(2, 8192),
    frame_rate=st.none() | st.integers(1, 120_000).map(lambda n: n / 1000),
    audio_group=st.none() | st.just("audio"),
)


def test_rendered_media_playlist() -> None:
    playlist = MediaPlaylist(
        segments=(
            MediaSegment("000000-a.m4s", 4.004, "init-1.mp4"),
            MediaSegment("000001-b.m4s", 1.5, "init-1.mp4"),
        ),
        target_duration_seconds=4,
        playlist_type="VOD",
        ended=True,
    )
    assert render_media(playlist) == VOD
    assert parse_playlist(VOD) == playlist


def test_rendered_multivariant_playlist() -> None:
    playlist = MultivariantPlaylist(
        variants=(
            VariantStream(
                "240p/index.m3u8",
                bandwidth_bps=500_000,
                average_bandwidth_bps=400_000,
                codecs="avc1.64000d,mp4a.40.2",
                width=426,
                height=240,
                frame_rate=29.97,
                audio_group="audio",
            ),
        ),
        audio=(
            AudioRendition(
                "audio-eng/index.m3u8", "audio", "English", "en", is_default=True, channels=2
            ),
        ),
    )
    assert render_multivariant(playlist) == MULTIVARIANT
    assert parse_playlist(MULTIVARIANT) == playlist


@given(media_playlists)
def test_media_round_trip(playlist: MediaPlaylist) -> None:
    assert parse_playlist(render_media(playlist)) == playlist


@given(st.lists(variants, min_size=1, max_size=4).map(tuple))
def test_multivariant_round_trip(found: tuple[VariantStream, ...]) -> None:
    playlist = MultivariantPlaylist(found)
    assert parse_playlist(render_multivariant(playlist)) == playlist


@given(name=texts, language=texts, group=texts, uri=texts.filter(bool))
def test_outside_text_cannot_break_the_syntax(
    name: str, language: str, group: str, uri: str
) -> None:
    playlist = MultivariantPlaylist(
        (VariantStream(uri, 1, codecs=name, audio_group=group),),
        (AudioRendition(uri, group, name, language),),
    )
    text = render_multivariant(playlist)
    parsed = parse_playlist(text)
    assert isinstance(parsed, MultivariantPlaylist)
    assert len(parsed.variants) == len(parsed.audio) == 1
    assert len(text.split("\n")) == 7
    assert re.sub(r"[\W_]", "", parsed.audio[0].name) == re.sub(r"[\W_]", "", name)


def test_crlf_blank_lines_comments_and_unknown_tags_are_read_over() -> None:
    text = "#EXTM3U\r\n\r\n# note\r\n#EXT-X-KEY:METHOD=NONE\r\n#EXT-X-TARGETDURATION:6\r\n"
    text += "#EXTINF:6,title, with comma\r\n../a b.ts?x=1\r\n"
    assert parse_playlist(text) == MediaPlaylist((MediaSegment("../a b.ts?x=1", 6.0),), 6)


def test_a_byte_range_without_offset_follows_the_last_one() -> None:
    text = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n#EXT-X-BYTERANGE:10@5\na.mp4\n"
        "#EXTINF:6,\n#EXT-X-BYTERANGE:20\na.mp4\n"
    )
    playlist = parse_playlist(text)
    assert isinstance(playlist, MediaPlaylist)
    assert [segment.byte_range for segment in playlist.segments] == [(5, 15), (15, 35)]


def test_other_renditions_are_skipped() -> None:
    text = MULTIVARIANT + '#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="s",NAME="Angle",URI="s.m3u8"\n'
    assert parse_playlist(text) == parse_playlist(MULTIVARIANT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        " #EXTM3U\n",
        "#EXTM3U8\n",
        "#EXTM3U\n",
        "#EXTM3U\na.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\na.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4.5\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:-4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:" + "9" * 5000,
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:nan,\na.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:1e9,\na.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n#EXT-X-BYTERANGE:9\na.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:LIVE\n",
        '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:BYTERANGE="1@2"\n',
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXT-X-TARGETDURATION:4\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:CODECS=x\na\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,BANDWIDTH=2\na\n",
        '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="a\na\n',
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x\na\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\nb\n",
        "#EXTM3U\n" + "#" * MAX_CHARS,
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(PlaylistError):
        parse_playlist(text)


@given(st.text(max_size=200))
def test_any_text_is_judged(text: str) -> None:
    for head in ("", "#EXTM3U\n", "#EXTM3U\n#EXT-X-STREAM-INF:"):
        try:
            parse_playlist(head + text)
        except PlaylistError:
            continue
