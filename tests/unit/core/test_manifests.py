from dataclasses import replace
from fractions import Fraction

from streamer.core import keys
from streamer.core.manifests import (
    growing,
    iframe_playlist,
    media_playlist,
    multivariant_playlist,
    published_tracks,
    subtitles_playlist,
    target_duration_seconds,
)
from streamer.core.playlist_reader import parse_playlist
from streamer.core.playlist_text import render_media, render_multivariant
from streamer.core.video import Extent
from tests.unit.core.published import (
    DIGEST,
    HIGH,
    LOW,
    SOUND,
    audio,
    segments,
    subtitles,
    text,
    tracks,
    video,
)


def test_every_variant_names_what_a_player_needs_to_choose() -> None:
    playlist = multivariant_playlist(tracks(LOW, HIGH, SOUND))
    assert [variant.uri for variant in playlist.variants] == ["240p/index.m3u8", "720p/index.m3u8"]
    low = playlist.variants[0]
    assert (low.codecs, low.width, low.height) == ("avc1.64001f,mp4a.40.2", 426, 240)
    assert low.frame_rate == 30000 / 1001
    assert low.audio_group == playlist.audio[0].group
    video_peak, audio_peak = 100_000 * 8 / 4.004, 100_000 * 8 / (192512 / 48000)
    assert 0 <= low.bandwidth_bps - (video_peak + audio_peak) < 2
    assert low.average_bandwidth_bps is not None
    assert 0 <= low.average_bandwidth_bps - 0.75 * (video_peak + audio_peak) < 2
    assert parse_playlist(render_multivariant(playlist)) == replace(
        playlist,
        variants=tuple(replace(item, frame_rate=29.97) for item in playlist.variants),
    )


def test_only_renditions_with_segments_are_listed() -> None:
    found = published_tracks([LOW, HIGH, SOUND], {"240p": segments(LOW, 10), "720p": []})
    assert [track.rendition.name for track in found] == ["240p"]
    assert multivariant_playlist(found).audio == ()
    assert multivariant_playlist(found).variants[0].audio_group is None


def test_a_rendition_without_init_segment_is_not_listed() -> None:
    unfinished = replace(HIGH, init_name=None)
    assert published_tracks([unfinished], {"720p": segments(HIGH, 10)}) == []


def test_audio_names_differ_and_one_is_the_default() -> None:
    sounds = [
        audio("audio-1", label="Commentary"),
        audio("audio-2", label="Commentary"),
        audio("audio-3", language=None, is_default=False),
    ]
    playlist = multivariant_playlist(tracks(LOW, *sounds))
    assert [item.name for item in playlist.audio] == ["Commentary", "Commentary 2", "Audio"]
    assert [item.is_default for item in playlist.audio] == [True, False, False]


def test_sound_alone_is_a_variant_stream() -> None:
    playlist = multivariant_playlist(tracks(SOUND))
    assert [variant.uri for variant in playlist.variants] == ["audio-eng/index.m3u8"]
    assert playlist.variants[0].codecs == "mp4a.40.2"
    assert playlist.audio == ()


def test_several_languages_without_picture() -> None:
    other = audio("audio-fra", language="fr", is_default=False)
    playlist = multivariant_playlist(tracks(other, SOUND))
    assert [variant.uri for variant in playlist.variants] == ["audio-eng/index.m3u8"]
    assert [item.language for item in playlist.audio] == ["fr", "en"]


def test_a_growing_playlist_is_an_event_that_begins_at_its_beginning() -> None:
    text = render_media(media_playlist(tracks(LOW)[0], ended=False))
    assert "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0.000000\n" in text
    assert "#EXT-X-ENDLIST" not in text


def test_a_finished_playlist_is_vod() -> None:
    text = render_media(media_playlist(tracks(LOW)[0], ended=True))
    assert "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP" in text
    assert text.endswith(f"#EXTINF:4.004000,\n000001-{DIGEST}.m4s\n#EXT-X-ENDLIST\n")
    assert f'#EXT-X-MAP:URI="init-{DIGEST}.mp4"' in text


def test_target_duration_never_changes_as_segments_are_added() -> None:
    one = {"240p": Extent.of(segments(LOW, 10))}
    all_of_them = {
        "240p": Extent.of(segments(LOW, 10, 10)),
        "audio-eng": Extent.of(segments(SOUND, 10)),
    }
    assert target_duration_seconds([LOW, SOUND], {}) == 4
    assert target_duration_seconds([LOW, SOUND], one) == 4
    assert target_duration_seconds([LOW, SOUND], all_of_them) == 4


def test_target_duration_covers_the_longest_segment_rounded() -> None:
    slow = replace(video("240p", 426, 240), timescale=2, frame_rate=Fraction(1, 5))
    nine_halves = [replace(segments(slow, 10)[0], duration_ticks=9)]
    assert target_duration_seconds([slow], {"240p": Extent.of(nine_halves)}) == 5
    (track,) = published_tracks(
        [slow], {"240p": [replace(segments(slow, 10)[0], duration_ticks=ticks) for ticks in (9, 2)]}
    )
    assert track.target_duration_seconds == 5


def test_each_group_of_sounds_has_every_language_and_stereo_comes_first() -> None:
    english = audio("audio-eng", label="English")
    surround = audio("audio-eng-51", label="English", channels=6, is_default=False)
    german = audio("audio-deu", language="de", label="Deutsch", is_default=False)
    playlist = multivariant_playlist(tracks(LOW, HIGH, english, german, surround))
    assert [(item.group, item.name, item.channels) for item in playlist.audio] == [
        ("audio", "English", 2),
        ("audio", "Deutsch", 2),
        ("audio-6", "English", 6),
        ("audio-6", "Deutsch", 2),
    ]
    assert [item.is_default for item in playlist.audio] == [True, False, True, False]
    assert [(item.uri, item.audio_group) for item in playlist.variants] == [
        ("240p/index.m3u8", "audio"),
        ("720p/index.m3u8", "audio"),
        ("240p/index.m3u8", "audio-6"),
        ("720p/index.m3u8", "audio-6"),
    ]
    assert parse_playlist(render_multivariant(playlist)).audio == playlist.audio  # type: ignore[union-attr]


def test_every_sound_of_a_language_is_in_each_group_by_the_same_name() -> None:
    names = ["audio-eng", "audio-eng-2", "audio-eng-3", "audio-eng-51", "audio-eng-3-51"]
    for version in (1, 2):
        sounds = [
            audio(
                keys.rendition_name(name, version),
                label="English",
                channels=6 if name.endswith("-51") else 2,
                is_default=name == "audio-eng",
            )
            for name in names
        ]
        found = multivariant_playlist(tracks(LOW, *sounds)).audio
        listed = [(item.group, item.name, (item.uri or "").partition("/")[0]) for item in found]
        suffix = "" if version == 1 else "-v2"
        assert listed == [
            ("audio", "English", f"audio-eng{suffix}"),
            ("audio", "English 2", f"audio-eng-2{suffix}"),
            ("audio", "English 3", f"audio-eng-3{suffix}"),
            ("audio-6", "English", f"audio-eng-51{suffix}"),
            ("audio-6", "English 2", f"audio-eng-2{suffix}"),
            ("audio-6", "English 3", f"audio-eng-3-51{suffix}"),
        ]
        assert [item.is_default for item in found] == 2 * [True, False, False]


def test_further_codecs_come_behind_the_one_that_all_players_decode() -> None:
    hevc = replace(HIGH, name="720p-hevc", codecs="hvc1.1.6.L93.B0", init_name="720p-hevc/i.mp4")
    av1 = replace(HIGH, name="720p-av1", codecs="av01.0.05M.08", init_name="720p-av1/i.mp4")
    playlist = multivariant_playlist(tracks(av1, hevc, LOW, HIGH))
    assert [item.uri.partition("/")[0] for item in playlist.variants] == [
        "240p",
        "720p",
        "720p-hevc",
        "720p-av1",
    ]


def test_what_lags_behind_is_not_listed_while_a_video_is_made() -> None:
    hevc = replace(HIGH, name="720p-hevc", codecs="hvc1.1.6.L93.B0", init_name="720p-hevc/i.mp4")
    sizes = {LOW: (10, 10), HIGH: (30,), hevc: (20, 20), SOUND: (5,)}
    found = {rendition.name: segments(rendition, *each) for rendition, each in sizes.items()}

    def listed() -> list[str]:
        return [track.rendition.name for track in growing(published_tracks([*sizes], found))]

    assert listed() == ["240p", "audio-eng"]
    found["720p"] = segments(HIGH, 30, 30)
    assert listed() == ["240p", "720p", "audio-eng"]


def test_subtitles_are_whole_texts_beside_every_variant() -> None:
    english, forced = subtitles("sub-eng"), subtitles("sub-eng-2", is_forced=True)
    found = published_tracks(
        [LOW, english, forced],
        {"240p": segments(LOW, 10), "sub-eng": text(english, 90), "sub-eng-2": text(forced, 5)},
    )
    playlist = multivariant_playlist(found)
    assert [(item.name, item.is_forced) for item in playlist.subtitles] == [
        ("English", False),
        ("English 2", True),
    ]
    assert {item.subtitles_group for item in playlist.variants} == {playlist.subtitles[0].group}
    assert parse_playlist(render_multivariant(playlist)).subtitles == playlist.subtitles  # type: ignore[union-attr]
    media = subtitles_playlist(found[1])
    assert (media.target_duration_seconds, media.ended) == (90, True)
    assert [item.uri for item in media.segments] == [f"000000-{DIGEST}.vtt"]
    assert media_playlist(found[0], ended=False).target_duration_seconds == 4


def test_key_frames_are_the_beginnings_of_segments() -> None:
    parts = [
        replace(item, key_frame_bytes=size)
        for item, size in zip(segments(LOW, 90, 80), (30, 20), strict=True)
    ]
    (track,) = published_tracks([LOW], {"240p": parts})
    (stream,) = multivariant_playlist([track]).iframes
    assert (stream.uri, stream.width) == ("240p/iframes.m3u8", 426)
    assert stream.bandwidth_bps == 60  # 30 bytes shown for 4.004 seconds
    playlist = iframe_playlist(track)
    assert [item.byte_range for item in playlist.segments] == [(0, 30), (0, 20)]
    text_ = render_media(playlist)
    assert "#EXT-X-I-FRAMES-ONLY\n" in text_
    assert parse_playlist(text_).segments[1].byte_range == (0, 20)  # type: ignore[union-attr]


def test_no_key_frames_are_listed_while_one_is_unknown() -> None:
    assert multivariant_playlist(tracks(LOW)).iframes == ()
