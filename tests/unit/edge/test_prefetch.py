"""What is fetched ahead, from playlists and positions."""

from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.behaviours import Behaviour, Behaviours, QueryRule
from edge.core.fields import Fields
from edge.core.playlist_body import playlist_text
from edge.core.prefetch import NOTHING, PlaylistIndex
from edge.core.tracks import Timeline, is_playlist, timeline_of
from streamer.core.hls_attributes import PlaylistError
from streamer.core.playlist import (
    AudioRendition,
    MediaPlaylist,
    MediaSegment,
    MultivariantPlaylist,
    PlaylistType,
    VariantStream,
)
from streamer.core.playlist_text import render_media, render_multivariant

BEHAVIOURS = Behaviours()


def _media(count: int, seconds: float = 4.0, *, ended: bool = True, first: int = 0) -> bytes:
    segments = tuple(
        MediaSegment(f"{n}.m4s", seconds, "init.mp4") for n in range(first, first + count)
    )
    playlist_type: PlaylistType = "VOD" if ended else "EVENT"
    playlist = MediaPlaylist(segments, 4, playlist_type=playlist_type, ended=ended)
    return render_media(playlist).encode()


MASTER = render_multivariant(
    MultivariantPlaylist(
        (
            VariantStream("low/i.m3u8", 1, audio_group="a"),
            VariantStream("high/i.m3u8", 2, audio_group="a"),
        ),
        (AudioRendition("audio/i.m3u8", "a", "English"),),
    )
).encode()


def _index(ahead: int = 2) -> PlaylistIndex:
    index = PlaylistIndex(ahead, lambda: BEHAVIOURS.beside)
    index.learn(b"/v/i.m3u8", MASTER)
    index.learn(b"/v/low/i.m3u8", _media(10))
    return index


def test_next_segments_in_order_with_their_init() -> None:
    plan = _index().on_segment(b"/v/low/3.m4s", 0.0)
    assert plan.fetches == (b"/v/low/init.mp4", b"/v/low/4.m4s", b"/v/low/5.m4s")
    assert plan.patience_seconds == 2.0
    assert plan.refreshes == ()


@pytest.mark.parametrize(("segment", "expected"), [(8, {9}), (9, set())])
def test_never_past_the_end(segment: int, expected: set[int]) -> None:
    plan = _index().on_segment(b"/v/low/%d.m4s" % segment, 0.0)
    names = {b"/v/low/%d.m4s" % number for number in expected}
    assert set(plan.fetches) - {b"/v/low/init.mp4"} == names
    assert plan.refreshes == ()


def test_end_of_a_growing_track_wants_a_look_at_the_playlist() -> None:
    index = _index()
    index.learn(b"/v/low/i.m3u8", _media(10, ended=False))
    assert index.on_segment(b"/v/low/7.m4s", 0.0).refreshes == ()
    assert index.on_segment(b"/v/low/8.m4s", 0.0).refreshes == (b"/v/low/i.m3u8",)
    index.learn(b"/v/low/i.m3u8", _media(12, ended=False))
    plan = index.on_growth(b"/v/low/i.m3u8", 1.0)
    assert plan.fetches[-1] == b"/v/low/10.m4s"
    assert index.on_growth(b"/v/low/i.m3u8", 100.0) is NOTHING


def test_place_at_the_end_is_kept_while_its_playlist_is_asked_for() -> None:
    index = _index()
    index.learn(b"/v/low/i.m3u8", _media(3, ended=False))
    index.on_segment(b"/v/low/2.m4s", 0.0)
    for second in range(1, 30):
        assert index.on_playlist(b"/v/low/i.m3u8", second).refreshes == (b"/v/low/i.m3u8",)
    index.learn(b"/v/low/i.m3u8", _media(4, ended=False))
    assert index.on_growth(b"/v/low/i.m3u8", 31.0).fetches[-1] == b"/v/low/3.m4s"


def test_audio_of_the_same_time_comes_along_when_it_is_watched() -> None:
    index = _index()
    index.learn(b"/v/audio/i.m3u8", _media(20, 2.0))
    assert not any(b"audio" in key for key in index.on_segment(b"/v/low/3.m4s", 0.0).fetches)
    index.on_playlist(b"/v/audio/i.m3u8", 1.0)
    fetches = index.on_segment(b"/v/low/0.m4s", 2.0).fetches
    audio = [key for key in fetches if key.startswith(b"/v/audio/") and b"init" not in key]
    assert audio == [b"/v/audio/%d.m4s" % n for n in range(6)]
    later = index.on_segment(b"/v/low/1.m4s", 60.0).fetches
    assert not any(b"audio" in key for key in later)


def test_other_quality_is_not_fetched() -> None:
    index = _index()
    index.learn(b"/v/high/i.m3u8", _media(10))
    index.on_segment(b"/v/high/3.m4s", 0.0)
    assert not any(b"high" in key for key in index.on_segment(b"/v/low/3.m4s", 0.0).fetches)


def test_audio_at_another_time_belongs_to_another_viewer() -> None:
    index = PlaylistIndex(2, lambda: BEHAVIOURS.beside)
    index.learn(b"/v/i.m3u8", MASTER)
    index.learn(b"/v/low/i.m3u8", _media(50))
    index.learn(b"/v/audio/i.m3u8", _media(50))
    index.on_segment(b"/v/audio/40.m4s", 0.0)
    assert not any(b"audio" in key for key in index.on_segment(b"/v/low/1.m4s", 0.0).fetches)


def test_opened_track_wants_its_beginning_and_a_live_window_does_not() -> None:
    index = _index()
    assert index.on_playlist(b"/v/low/i.m3u8", 0.0).fetches == (
        b"/v/low/init.mp4",
        b"/v/low/0.m4s",
    )
    live = MediaPlaylist((MediaSegment("7.m4s", 4.0),), 4, media_sequence=7)
    index.learn(b"/live.m3u8", render_media(live).encode())
    assert index.on_playlist(b"/live.m3u8", 0.0) is NOTHING


def test_position_in_a_sliding_window_follows_the_segment() -> None:
    index = PlaylistIndex(1, lambda: BEHAVIOURS.beside)
    index.learn(b"/l.m3u8", _media(5, ended=False))
    index.on_segment(b"/3.m4s", 0.0)
    index.learn(b"/l.m3u8", _media(5, ended=False, first=2))
    assert b"/4.m4s" in index.on_growth(b"/l.m3u8", 1.0).fetches


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("s.m4s", b"/v/low/s.m4s"),
        ("../s.m4s?t=1", b"/v/s.m4s?t=1"),
        ("/abs/s.m4s", b"/abs/s.m4s"),
        ("../../../../s.m4s", b"/s.m4s"),
        ("s.m4s#part", b"/v/low/s.m4s"),
        ("http://other/s.m4s", None),
        ("//other/s.m4s", None),
        ("data:text/plain,x", None),
        ("http://[bad/s", None),
        ("s\x7f.m4s", None),
    ],
)
def test_only_this_origins_segments_are_fetched(uri: str, key: bytes | None) -> None:
    timeline = timeline_of(b"/v/low/i.m3u8", [MediaSegment(uri, 4.0)], BEHAVIOURS.beside)
    assert timeline.keys == ([] if key is None else [key])


def test_parts_of_a_larger_resource_are_left_alone() -> None:
    segment = MediaSegment("all.mp4", 4.0, byte_range=(0, 100))
    assert timeline_of(b"/i.m3u8", [segment], BEHAVIOURS.beside).keys == []


class _Resolving:
    """Resolves, and counts how often."""

    def __init__(self, behaviours: Behaviours = BEHAVIOURS) -> None:
        self.behaviours = behaviours
        self.count = 0

    def beside(self, key: bytes, target: str) -> bytes | None:
        self.count += 1
        return self.behaviours.beside(key, target)


def test_only_what_a_version_adds_is_read() -> None:
    resolving = _Resolving()
    index = PlaylistIndex(2, lambda: resolving.beside)
    index.learn(b"/v/i.m3u8", _media(1000, ended=False))
    resolving.count = 0
    assert index.learn(b"/v/i.m3u8", _media(1001, ended=False)) == [b"/v/1000.m4s"]
    assert resolving.count <= 2
    for key in (b"/v/i.m3u8", b"/v/i.m3u8?token=1", b"/v/i.m3u8?token=2"):
        assert index.learn(key, _media(1001)) == []
    assert resolving.count <= 2


@pytest.mark.parametrize(
    "text",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.m4s\n#EXTINF:4,\n1.m4s",
        b"#EXTM3U\n#EXTINF:4,\n0.m4s\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.m4s\n",
    ],
    ids=["no final newline", "a tag for all in between"],
)
def test_a_version_that_cannot_be_read_on_from_is_read_whole(text: bytes) -> None:
    index = PlaylistIndex(2, lambda: BEHAVIOURS.beside)
    for _ in range(3):
        index.learn(b"/i.m3u8", text)
    grown = text.rstrip(b"\n") + b"\n#EXTINF:4,\n2.m4s\n#EXT-X-ENDLIST\n"
    assert index.learn(b"/i.m3u8", grown) == [b"/2.m4s"]
    track = index.track(b"/i.m3u8")
    assert track is not None
    assert (track.count, track.timeline.keys) == (3, [b"/0.m4s", b"/1.m4s", b"/2.m4s"])
    assert track.has_ended


def test_what_other_behaviours_resolved_is_resolved_anew() -> None:
    behaviours = [BEHAVIOURS, Behaviours([Behaviour("*.m4s", query=QueryRule(keeps_others=False))])]
    index = PlaylistIndex(2, lambda: behaviours[0].beside)
    text = b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.m4s?x=1\n"
    index.learn(b"/v/i.m3u8", text)
    del behaviours[0]
    assert index.learn(b"/v/i.m3u8", text) == [b"/v/0.m4s"]
    assert not index.knows(b"/v/0.m4s?x=1")


def test_viewers_at_different_versions_share_segments_and_keep_their_ends() -> None:
    index = PlaylistIndex(1, lambda: BEHAVIOURS.beside)
    index.learn(b"/i.m3u8?a", _media(3, ended=False))
    index.learn(b"/i.m3u8?b", _media(5, ended=False))
    index.learn(b"/i.m3u8?a", _media(4, ended=False))
    tracks = [index.track(b"/i.m3u8?%b" % name) for name in (b"a", b"b")]
    assert [track.count for track in tracks if track] == [4, 5]
    assert len({id(track.timeline) for track in tracks if track}) == 1
    assert index.on_segment(b"/3.m4s", 0.0).fetches == ()


def test_segment_that_was_replaced_is_forgotten_when_nobody_lists_it() -> None:
    index = PlaylistIndex(1, lambda: BEHAVIOURS.beside)
    new = _media(3).replace(b"2.m4s", b"2b.m4s")
    for name in (b"a", b"b"):
        index.learn(b"/i.m3u8?" + name, _media(3, ended=False))
    index.learn(b"/i.m3u8?a", new)
    assert index.knows(b"/2.m4s")
    assert index.on_segment(b"/1.m4s", 0.0).fetches == (b"/init.mp4", b"/2b.m4s")
    index.learn(b"/i.m3u8?b", new)
    assert not index.knows(b"/2.m4s")


VERSIONS = st.lists(
    st.tuples(
        st.sampled_from([b"/i.m3u8", b"/i.m3u8?a", b"/j.m3u8"]),
        st.booleans(),
        st.integers(0, 3),
        st.lists(
            st.builds(
                MediaSegment,
                st.sampled_from(["0", "1", "2", "http://elsewhere/3"]),
                st.sampled_from([2.0, 4.0]),
                st.just("init") | st.sampled_from(["init", "other"]),
                st.none() | st.sampled_from([None, None, None, (0, 5)]),
            ),
            max_size=6,
        ),
    ),
    max_size=6,
)


@given(VERSIONS)
def test_versions_come_to_what_the_last_of_them_says(
    versions: list[tuple[bytes, bool, int, list[MediaSegment]]],
) -> None:
    index = PlaylistIndex(1, lambda: BEHAVIOURS.beside)
    listed: list[MediaSegment] = []
    last: dict[bytes, bytes] = {}
    for key, ended, cut, added in versions:
        listed = listed[: max(0, len(listed) - cut)] + added
        last[key] = render_media(MediaPlaylist(tuple(listed), 4, ended=ended)).encode()
        index.learn(key, last[key])
    for key, text in last.items():
        fresh = PlaylistIndex(1, lambda: BEHAVIOURS.beside)
        fresh.learn(key, text)
        assert _told(index, key) == _told(fresh, key)
    keys = {key for timeline in _timelines(index, last) for key in timeline.keys}
    assert index._segments == sum(len(one.keys) for one in _timelines(index, last))
    assert set(index._places) <= keys


def _timelines(index: PlaylistIndex, playlists: Iterable[bytes]) -> list[Timeline]:
    found = (index.track(key) for key in playlists)
    return list({id(track.timeline): track.timeline for track in found if track}.values())


def _told(index: PlaylistIndex, key: bytes) -> tuple[object, ...]:
    track = index.track(key)
    assert track is not None
    timeline, count = track.timeline, track.count
    times = timeline.starts_seconds[: count + 1]
    return timeline.keys[:count], times, timeline.init_keys[:count], track.has_ended


@given(st.text("a0._~-/?=&%;+:", min_size=1, max_size=12), st.sampled_from(["/d/e/", "/", "/d//"]))
def test_names_are_resolved_as_references_are(uri: str, directory: str) -> None:
    base = f"http://edge{directory}i.m3u8"
    resolved = urlsplit(urljoin(base, uri))
    segments = [MediaSegment(uri, 4.0)]
    found = timeline_of(f"{directory}i.m3u8?t=1".encode(), segments, BEHAVIOURS.beside).keys
    if (resolved.scheme, resolved.netloc) == ("http", "edge"):
        query = f"?{resolved.query}" if resolved.query else ""
        assert found == [((resolved.path or "/") + query).encode()]
    else:
        assert found == []


def test_viewers_whose_playlists_differ_in_a_token_cost_no_memory() -> None:
    index = PlaylistIndex(2, lambda: BEHAVIOURS.beside)
    for number in range(50):
        index.learn(b"/i.m3u8?token=%d" % number, _media(100))
        token = b"#EXT-X-KEY:METHOD=NONE,URI=%d\n0.m4s" % number
        index.learn(b"/j.m3u8?token=%d" % number, _media(100).replace(b"\n0.m4s", b"\n" + token))
    assert index._segments == 200
    assert len(index._tracks) == 100


def test_index_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.prefetch.MAX_SEGMENTS", 25)
    index = PlaylistIndex(2, lambda: BEHAVIOURS.beside)
    for number in range(5):
        index.learn(b"/%d/i.m3u8" % number, _media(10))
    assert not index.knows(b"/0/1.m4s")
    assert index.knows(b"/4/1.m4s")


def test_playlists_are_known_by_type_or_path() -> None:
    assert is_playlist(b"/x", "application/vnd.apple.mpegurl; charset=utf-8")
    assert is_playlist(b"/x.m3u8?q", None)
    assert not is_playlist(b"/x.mp4?a.m3u8", "video/mp4")


@pytest.mark.parametrize(
    ("coding", "body"),
    [("br", b"x"), ("gzip", b"not gzip")],
)
def test_unreadable_playlists_are_none(coding: str, body: bytes) -> None:
    assert playlist_text(Fields((("content-encoding", coding),)), body) is None


@pytest.mark.parametrize("text", [b"no playlist", b"#EXTM3U\n\xff", b"#EXTM3U\n#EXTINF:x,\ns\n"])
def test_malformed_playlists_are_refused(text: bytes) -> None:
    index = PlaylistIndex(2, lambda: BEHAVIOURS.beside)
    with pytest.raises(PlaylistError):
        index.learn(b"/i.m3u8", text)
    assert index.track(b"/i.m3u8") is None
