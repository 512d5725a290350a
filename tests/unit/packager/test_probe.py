from fractions import Fraction
from typing import Any

import pytest

from packager.core.probe import (
    MAX_AUDIOS,
    MAX_SUBTITLES,
    describe_others,
    ends_before_the_picture,
    read_probe,
)
from streamer.core.errors import SourceRejected
from streamer.core.video import Chapter

DAY_SECONDS = 86_400.0


def video_stream(**fields: Any) -> dict[str, Any]:
    return {
        "index": 0,
        "codec_type": "video",
        "codec_name": "h264",
        "width": 1920,
        "height": 1080,
        "r_frame_rate": "30/1",
        "avg_frame_rate": "30/1",
        "start_time": "0.000000",
        "duration": "60.0",
        **fields,
    }


def audio_stream(**fields: Any) -> dict[str, Any]:
    return {
        "index": 1,
        "codec_type": "audio",
        "codec_name": "aac",
        "channels": 2,
        "start_time": "0.000000",
        "duration": "60.0",
        **fields,
    }


def probed(*streams: dict[str, Any], **container: Any) -> dict[str, Any]:
    return {
        "streams": list(streams),
        "format": {"format_name": "mov,mp4", "start_time": "0.0", "duration": "60.0", **container},
    }


def read(*streams: dict[str, Any], **container: Any) -> Any:
    return read_probe(probed(*streams, **container), max_duration_seconds=DAY_SECONDS)


def refused(*streams: dict[str, Any], **container: Any) -> str:
    with pytest.raises(SourceRejected) as refusal:
        read(*streams, **container)
    return refusal.value.code


def cropping(**sides: int) -> dict[str, Any]:
    sizes = {f"crop_{side}": pixels for side, pixels in sides.items()}
    return {"side_data_type": "Frame Cropping", **sizes}


@pytest.mark.parametrize(
    ("formats", "seconds"),
    [("mpegts", 0.01), ("mov,mp4,m4a", 0.04), ("matroska,webm", 0.04), ("flv", 0.1)],
)
def test_how_far_sound_may_be_from_its_time(formats: str, seconds: float) -> None:
    assert read(audio_stream(), format_name=formats).sound_slack_seconds == seconds


def test_a_plain_video() -> None:
    source = read(video_stream(), audio_stream())
    assert (source.video.width, source.video.height) == (1920, 1080)
    assert source.duration_seconds == 60
    assert source.indexed
    assert source.video.matrix == "bt709"
    assert source.audio.index == 1


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"side_data_list": [{"rotation": -90}]}, (1080, 1920)),
        ({"side_data_list": [{"rotation": 180}]}, (1920, 1080)),
        ({"side_data_list": [{"rotation": 270}]}, (1080, 1920)),
        ({"width": 720, "height": 576, "sample_aspect_ratio": "64:45"}, (1024, 576)),
        ({"sample_aspect_ratio": "0:1"}, (1920, 1080)),
        (
            {"width": 720, "height": 576, "sample_aspect_ratio": "64:45",
             "side_data_list": [{"rotation": 90}]},
            (576, 1024),
        ),
        (
            {"width": 720, "height": 576, "sample_aspect_ratio": "64:45",
             "side_data_list": [{"rotation": 90}, cropping(top=70, bottom=74, left=10, right=8)]},
            (432, 998),
        ),
    ],
)  # fmt: skip
def test_the_size_is_the_displayed_one(fields: dict[str, Any], size: tuple[int, int]) -> None:
    video = read(video_stream(**fields)).video
    assert (video.width, video.height) == size


def test_the_default_video_wins_and_covers_do_not_count() -> None:
    cover = video_stream(index=0, disposition={"attached_pic": 1, "default": 1})
    second = video_stream(index=2)
    default = video_stream(index=3, disposition={"default": 1})
    assert read(cover, second, default).video.index == 3
    assert read(cover, audio_stream()).video is None


def test_the_default_sound_wins() -> None:
    english = audio_stream(tags={"language": "eng"})
    german = audio_stream(index=2, tags={"language": "deu"}, disposition={"default": 1})
    assert read(video_stream(), english, german).audio.language == "deu"


def test_a_sound_in_which_nothing_lies_comes_behind_others() -> None:
    empty = audio_stream(
        index=1, disposition={"default": 1}, tags={"DURATION": "00:00:00.000000000"}
    )
    heard = audio_stream(index=2, tags={"DURATION": "00:00:12.023000000"})
    assert [audio.index for audio in read(video_stream(), empty, heard).audios] == [2, 1]
    assert [audio.index for audio in read(video_stream(), empty).audios] == [1]
    untold = audio_stream(index=1, disposition={"default": 1}, tags={"DURATION": ""})
    assert [audio.index for audio in read(video_stream(), untold, heard).audios] == [1, 2]


@pytest.mark.parametrize("language", ["und", "e\nng", "../x", "", "english"])
def test_a_language_is_a_code_or_nothing(language: str) -> None:
    assert read(video_stream(), audio_stream(tags={"language": language})).audio.language is None


@pytest.mark.parametrize(
    ("told", "language"),
    [
        ("ENG", "eng"),
        ("pt_br", "pt-BR"),
        ("es-419", "es-419"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("en-US-x-twain", "en-US"),
        ("de-1996", "de"),
    ],
)
def test_a_language_keeps_its_script_and_region(told: str, language: str) -> None:
    audio = read(video_stream(), audio_stream(tags={"language": told})).audio
    assert audio is not None
    assert audio.language == language


def test_tags_are_spelled_as_the_format_likes() -> None:
    """Vorbis comments are in capitals as often as not."""
    audio = read(audio_stream(tags={"LANGUAGE": "deu", "Title": "Ein Lied"})).audio
    assert audio is not None
    assert (audio.language, audio.label) == ("deu", "Ein Lied")


def test_a_sphere_of_sound_is_told_from_loudspeakers() -> None:
    layouts = ["ambisonic 1", "ambisonic 2+stereo", "5.1", None]
    sounds = [audio_stream(index=n, channel_layout=layout) for n, layout in enumerate(layouts)]
    audios = read(*sounds).audios
    assert [audio.is_ambisonic for audio in audios] == [True, True, False, False]


def test_sound_without_a_known_codec_is_left_out() -> None:
    assert read(video_stream(), audio_stream(codec_name=None)).audio is None


def test_every_sound_is_kept_and_special_ones_come_last() -> None:
    described = audio_stream(index=1, disposition={"visual_impaired": 1, "default": 1})
    unknown = audio_stream(index=2, codec_name=None)
    plain = audio_stream(index=3, channels=6, tags={"title": "  Main\n\x1b mix"})
    french = audio_stream(index=4, tags={"language": "fr-CA"}, disposition={"comment": 1})
    source = read(video_stream(), described, unknown, plain, french)
    assert [(audio.index, audio.channels, audio.label) for audio in source.audios] == [
        (3, 6, "Main mix"),
        (1, 2, "(audio description)"),
        (4, 2, "Français CA (commentary)"),
    ]
    assert len(read(*[audio_stream(index=n) for n in range(20)]).audios) == MAX_AUDIOS


def test_subtitles_made_of_text_are_kept() -> None:
    def subtitle_stream(index: int, codec: str, **fields: Any) -> dict[str, Any]:
        return {"index": index, "codec_type": "subtitle", "codec_name": codec, **fields}

    source = read(
        video_stream(),
        subtitle_stream(1, "hdmv_pgs_subtitle"),
        subtitle_stream(2, "subrip", tags={"language": "eng", "title": "x" * 500}),
        subtitle_stream(3, "ass", tags={"language": "de"}, disposition={"forced": 1, "default": 1}),
    )
    german, english = source.subtitles
    assert (german.index, german.label, german.is_forced) == (3, "Deutsch", True)
    assert (english.codec, english.language, english.is_forced) == ("subrip", "eng", False)
    assert english.label == "x" * 80


def test_subtitles_that_are_left_out_are_told() -> None:
    def probe(*codecs: str | None) -> dict[str, Any]:
        subtitles = [
            {"index": n, "codec_type": "subtitle", "codec_name": codec}
            for n, codec in enumerate(codecs, start=1)
        ]
        return probed(video_stream(), *subtitles)

    assert describe_others(probe("subrip", *["ass"] * (MAX_SUBTITLES - 1))) == []
    assert describe_others(
        probe("hdmv_pgs_subtitle", "subrip", "dvb_subtitle", "hdmv_pgs_subtitle")
    ) == [
        "Subtitles that are pictures, or no text known here, are left out:"
        " dvb_subtitle, hdmv_pgs_subtitle."
    ]
    assert describe_others(probe(*["subrip"] * 33)) == ["Of 33 subtitles the first 32 are kept."]


def test_pictures_sounds_and_chapters_that_are_left_out_are_told() -> None:
    def sounds(*codecs: str | None) -> list[dict[str, Any]]:
        return [audio_stream(index=n, codec_name=codec) for n, codec in enumerate(codecs, start=1)]

    cover = video_stream(index=1, disposition={"attached_pic": 1})
    assert describe_others(probed(video_stream(), cover, *sounds(*["aac"] * 8))) == []
    assert describe_others(probed(video_stream(), video_stream(index=1))) == [
        "Of 2 pictures one is shown."
    ]
    assert describe_others(probed(video_stream(), *sounds("aac", None))) == [
        "Sounds in codecs that are not known here are left out."
    ]
    assert describe_others(probed(video_stream(), *sounds(*["aac"] * 9))) == [
        "Of 9 sounds the first 8 are kept."
    ]
    chapters = [{"start_time": str(n), "end_time": str(n + 1)} for n in range(501)]
    assert describe_others({**probed(video_stream()), "chapters": chapters}) == [
        "Of 501 chapters the first 500 are kept."
    ]


def in_programs(*programs: list[int], streams: list[dict[str, Any]]) -> dict[str, Any]:
    described = [{"streams": [{"index": index} for index in program]} for program in programs]
    return {**probed(*streams), "programs": described}


def test_sounds_and_texts_of_another_programme_are_left_out() -> None:
    streams = [
        audio_stream(index=0),
        video_stream(index=1),
        audio_stream(index=2),
        audio_stream(index=3),
        {"index": 4, "codec_type": "subtitle", "codec_name": "subrip"},
        video_stream(index=5),
    ]
    probe = in_programs([0, 4, 5, 3], [1, 2, 3], [], streams=streams)
    source = read_probe(probe, max_duration_seconds=DAY_SECONDS)
    assert source.video is not None
    assert source.video.index == 1
    assert [audio.index for audio in source.audios] == [2, 3]
    assert source.subtitles == ()
    assert describe_others(probe) == ["Of 3 programmes one is shown."]


def test_a_radio_programme_has_its_own_sounds() -> None:
    sounds = [audio_stream(index=index) for index in range(3)]
    source = read_probe(in_programs([1], [0, 2], streams=sounds), max_duration_seconds=DAY_SECONDS)
    assert [audio.index for audio in source.audios] == [0, 2]


@pytest.mark.parametrize("programs", [[], [[1]], [[0]], [[0], [0, 1]]])
def test_what_may_belong_to_the_picture_stays(programs: list[list[int]]) -> None:
    probe = in_programs(*programs, streams=[video_stream(), audio_stream()])
    assert read_probe(probe, max_duration_seconds=DAY_SECONDS).audio is not None
    assert describe_others(probe) == []


def test_chapters_count_from_the_first_picture() -> None:
    probe = probed(video_stream(start_time="2"), start_time="0")
    probe["chapters"] = [
        {"start_time": "0.0", "end_time": "5.0", "tags": {"title": "Opening\r\n"}},
        {"start_time": "5.0", "end_time": "9.5"},
        {"start_time": "9.5", "end_time": "9.5", "tags": {"title": "Nothing"}},
        "nonsense",
    ]
    assert read_probe(probe, max_duration_seconds=DAY_SECONDS).chapters == (
        Chapter(0.0, 3.0, "Opening"),
        Chapter(3.0, 7.5, "Chapter 2"),
    )


def test_hdr_interlaced_and_matrix() -> None:
    fields = {
        "codec_name": "hevc",
        "color_transfer": "smpte2084",
        "color_space": "bt2020nc",
        "field_order": "tt",
    }
    video = read(video_stream(**fields)).video
    assert video.hdr_transfer == "smpte2084"
    assert video.matrix == "bt2020"
    assert video.interlaced
    assert not video.may_become_interlaced
    assert read(video_stream(codec_name="mpeg2video")).video.may_become_interlaced
    assert read(video_stream(color_primaries="smpte432")).video.wide_primaries == "smpte432"
    assert read(video_stream(color_primaries="smpte170m")).video.wide_primaries is None
    assert read(video_stream(width=720, height=480)).video.matrix == "bt601"


@pytest.mark.parametrize(
    ("order", "flag", "interlaced"),
    [("tb", 0, True), ("progressive", 1, False), ("unknown", 1, True), (None, 1, True)],
)
def test_the_first_picture_tells_whether_it_is_fields_where_the_stream_does_not(
    order: str | None, flag: int, interlaced: bool
) -> None:
    stream = video_stream(index=1, codec_name="mpeg4", **({"field_order": order} if order else {}))
    pictures = [{"stream_index": 1, "interlaced_frame": flag}, {"stream_index": 1}]
    probe = {**probed(stream), "frames": [{"stream_index": 0}, *pictures]}
    video = read_probe(probe, max_duration_seconds=DAY_SECONDS).video
    assert video is not None
    assert (video.interlaced, video.may_become_interlaced) == (interlaced, False)


@pytest.mark.parametrize("codec", ["h264", "mpeg2video"])
@pytest.mark.parametrize("flags", [[0], []])
def test_where_stream_and_picture_disagree_each_picture_is_looked_at(
    codec: str, flags: list[int]
) -> None:
    stream = video_stream(codec_name=codec, field_order="tt")
    frames = [{"stream_index": stream["index"], "interlaced_frame": flag} for flag in flags]
    probe = {**probed(stream), "frames": frames}
    video = read_probe(probe, max_duration_seconds=DAY_SECONDS).video
    assert video is not None
    assert not video.interlaced
    assert video.may_become_interlaced


def test_where_nothing_tells_each_picture_of_what_may_be_fields_is_looked_at() -> None:
    assert read(video_stream(codec_name="dvvideo")).video.may_become_interlaced
    assert not read(video_stream(codec_name="vp9")).video.may_become_interlaced


@pytest.mark.parametrize(
    ("matrix", "transfer", "read_as", "is_odd"),
    [
        ("bt709", "bt709", "bt709", False),
        (None, None, "bt709", False),
        ("gbr", None, "bt709", False),
        ("chroma-derived-nc", "bt709", "chroma-derived-nc", True),
        ("smpte2085", "bt709", "bt709", True),
        ("bt709", "log316", "bt709", True),
        ("ictcp", "smpte2084", "ictcp", True),
        ("ictcp", "bt709", "bt709", True),
    ],
)
def test_colours_that_are_rarely_stated(
    matrix: str | None, transfer: str | None, read_as: str, is_odd: bool
) -> None:
    stated = {"color_space": matrix, "color_transfer": transfer}
    video = read(video_stream(**{name: tag for name, tag in stated.items() if tag})).video
    assert (video.matrix, video.has_odd_colours) == (read_as, is_odd)


def test_dolby_vision_with_colours_of_its_own_has_a_caveat() -> None:
    def described(profile: int) -> Any:
        record = {"side_data_type": "DOVI configuration record", "dv_profile": profile}
        return read(video_stream(codec_name="hevc", side_data_list=[record])).video

    video = described(5)
    assert (video.hdr_transfer, video.matrix) == ("smpte2084", "ictcp")
    assert video.caveat == "The colours are close to those of Dolby Vision, but not the same."
    assert (described(8).hdr_transfer, described(8).caveat) == (None, None)


def test_hdr_that_does_not_state_its_colours_has_those_of_bt2020() -> None:
    video = read(video_stream(color_transfer="arib-std-b67")).video
    assert (video.wide_primaries, video.matrix) == ("bt2020", "bt2020")
    stated = {"color_primaries": "bt709", "color_space": "bt709"}
    video = read(video_stream(color_transfer="arib-std-b67", **stated)).video
    assert (video.wide_primaries, video.matrix) == (None, "bt709")


def test_time_zero_is_the_first_picture() -> None:
    source = read(
        video_stream(start_time="5001.4"), audio_stream(start_time="5000.9"), start_time="5000.9"
    )
    assert source.zero_seconds == Fraction("5001.4")
    assert source.format_start_seconds == Fraction("5000.9")


def test_time_zero_is_the_sound_that_begins_long_before() -> None:
    picture = video_stream(start_time="37.5", duration="8")
    sounds = [audio_stream(start_time=start, duration="5") for start in ("9", "7.5")]
    source = read(picture, *sounds, start_time="7.5")
    assert source.zero_seconds == Fraction("7.5")
    assert (source.video.start_seconds, source.video.late_seconds) == (Fraction("7.5"), 30)
    assert source.lead_seconds == 0
    assert source.first_picture_seconds == Fraction("37.5")
    assert source.duration_seconds == 38


@pytest.mark.parametrize(("start_time", "lead_seconds"), [("7200", 7200), ("4.9", 4.9)])
def test_sound_by_another_clock_or_of_a_cut_group_of_pictures_does_not_count(
    start_time: str, lead_seconds: float
) -> None:
    source = read(video_stream(start_time=start_time), audio_stream())
    assert source.zero_seconds == Fraction(start_time)
    assert source.video.late_seconds == 0
    assert float(source.lead_seconds) == lead_seconds


def test_avi_decoders_are_late_by_the_pictures_they_hold_back() -> None:
    source = read(video_stream(has_b_frames=1), format_name="avi")
    assert source.zero_seconds == 0
    assert source.video.start_seconds == Fraction(1, 30)


def test_what_does_not_tell_of_the_picture_ends_before_it() -> None:
    met = {"nb_read_packets": "1"}
    clock = {"start_time": "0.000000"}
    assert ends_before_the_picture(probed(video_stream(width=0, **met)))
    assert ends_before_the_picture(probed(video_stream(), audio_stream(), **clock))
    assert not ends_before_the_picture(probed(video_stream(**met), audio_stream(), **clock))
    assert not ends_before_the_picture(probed(video_stream(start_time="30.000000"), **clock))
    assert not ends_before_the_picture(probed(audio_stream(), **clock))


def test_an_mpeg_stream_that_tells_a_size_has_come_to_the_picture() -> None:
    stream = {"start_time": "0.000000", "format_name": "mpegts"}
    assert not ends_before_the_picture(probed(video_stream(), audio_stream(), **stream))
    assert ends_before_the_picture(probed(video_stream(width=0), audio_stream(), **stream))


def test_the_duration_is_the_longest_stream_s() -> None:
    assert read(video_stream(duration="4"), audio_stream(duration="4.1")).duration_seconds == 4.1
    sounds = [audio_stream(index=n, duration=seconds) for n, seconds in ((1, "3"), (2, "10"))]
    assert read(video_stream(duration="4"), *sounds).duration_seconds == 10
    assert read(video_stream(duration="N/A"), duration="7.5").duration_seconds == 7.5
    assert read(video_stream(duration=None), duration=None).duration_seconds == 0


def test_a_late_sound_ends_as_much_later_unless_it_goes_by_another_clock() -> None:
    picture = video_stream(duration="10")
    late = audio_stream(start_time="20", duration="9")
    assert read(picture, late).duration_seconds == 29
    assert read(picture, late | {"start_time": "95443"}).duration_seconds == 10
    # As mkvmerge states it.
    tagged = {"duration": None, "tags": {"DURATION": "00:00:09.000000000"}}
    assert read(picture, late | tagged).duration_seconds == 29
    unknown = [stream | {"duration": None} for stream in (picture, late)]
    assert read(*unknown, duration="29.5").duration_seconds == 29.5


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ("00:00:06.500000000", 6.5),
        ("01:02:03.250000000", 3723.25),
        ("soon", 70),
        ("00:-1:00", 70),
        ("", 70),
    ],
)
def test_matroska_s_tags_tell_how_long_streams_last(tag: str, seconds: float) -> None:
    """The container lasts as long as the last of its subtitles."""
    stream = video_stream(duration=None, tags={"DURATION": tag})
    assert read(stream, duration="70").duration_seconds == seconds


def test_matroska_s_tags_count_from_the_clock_s_zero() -> None:
    late = {"start_time": "37.3", "duration": None}
    picture = video_stream(**late, tags={"DURATION": "00:00:51.300000000"})
    sound = audio_stream(**late, tags={"DURATION": "00:00:51.800000000"})
    clock = {"start_time": "37.3", "duration": "51.8"}
    by_ffmpeg = clock | {"tags": {"ENCODER": "Lavf63.1.102"}}
    assert read(picture, sound, **by_ffmpeg).duration_seconds == 14.5
    # mkvmerge says how long they last.
    by_mkvmerge = clock | {"tags": {"encoder": "libebml v1.4.5 + libmatroska v1.7.1"}}
    assert read(picture, sound, **by_mkvmerge).duration_seconds == 51.8


def test_refusals() -> None:
    subtitles = {"index": 0, "codec_type": "subtitle", "codec_name": "srt"}
    assert refused(subtitles) == "no_video_stream"
    assert refused() == "no_video_stream"
    assert refused(video_stream(codec_tag_string="encv")) == "encrypted"
    assert refused(video_stream(codec_name=None)) == "unsupported_codec"
    assert refused(video_stream(width=0)) == "truncated"
    assert refused(video_stream(width=20_000, height=20_000)) == "too_large"
    crop = {f"crop_{side}": 9_950 for side in ("left", "right", "top", "bottom")}
    cropped = video_stream(width=20_000, height=20_000, side_data_list=[crop])
    assert refused(cropped) == "too_large"
    assert refused(video_stream(duration="90000")) == "too_long"
