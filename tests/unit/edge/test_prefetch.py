"""What is fetched ahead, from playlists and positions."""

import pytest

from edge.core.behaviours import Behaviours
from edge.core.fields import Fields
from edge.core.playlist_body import read_playlist
from edge.core.prefetch import NOTHING, PlaylistIndex
from edge.core.tracks import is_playlist, track_of
from streamer.core.playlist import (
    AudioRendition,
    MediaPlaylist,
    MediaSegment,
    MultivariantPlaylist,
    VariantStream,
)


def _media(
    count: int, seconds: float = 4.0, *, ended: bool = True, first: int = 0
) -> MediaPlaylist:
    segments = tuple(
        MediaSegment(f"{n}.m4s", seconds, "init.mp4") for n in range(first, first + count)
    )
    return MediaPlaylist(segments, 4, playlist_type="VOD" if ended else "EVENT", ended=ended)


MASTER = MultivariantPlaylist(
    (
        VariantStream("low/i.m3u8", 1, audio_group="a"),
        VariantStream("high/i.m3u8", 2, audio_group="a"),
    ),
    (AudioRendition("audio/i.m3u8", "a", "English"),),
)


def _index(ahead: int = 2) -> PlaylistIndex:
    index = PlaylistIndex(ahead, Behaviours().beside)
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
    index = PlaylistIndex(2, Behaviours().beside)
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
    index.learn(b"/live.m3u8", live)
    assert index.on_playlist(b"/live.m3u8", 0.0) is NOTHING


def test_position_in_a_sliding_window_follows_the_segment() -> None:
    index = PlaylistIndex(1, Behaviours().beside)
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
    playlist = MediaPlaylist((MediaSegment(uri, 4.0),), 4)
    track = track_of(b"/v/low/i.m3u8", playlist, Behaviours().beside)
    assert track.keys == (() if key is None else (key,))


def test_parts_of_a_larger_resource_are_left_alone() -> None:
    segment = MediaSegment("all.mp4", 4.0, byte_range=(0, 100))
    assert track_of(b"/i.m3u8", MediaPlaylist((segment,), 4), Behaviours().beside).keys == ()


def test_index_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.prefetch.MAX_SEGMENTS", 25)
    index = PlaylistIndex(2, Behaviours().beside)
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
    [(None, b"no playlist"), (None, b"\xff"), ("br", b"x"), ("gzip", b"not gzip")],
)
def test_unreadable_playlists_are_none(coding: str | None, body: bytes) -> None:
    fields = Fields(()) if coding is None else Fields((("content-encoding", coding),))
    assert read_playlist(fields, body) is None
