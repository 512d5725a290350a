from fractions import Fraction

import ffmpeg

from packager.core.filters import in_sizes, on_grid
from packager.core.ladder import Rung
from packager.core.plan import frame_grid
from packager.core.source import VideoTrack

LOW, HIGH = Rung("240p", 426, 240, 575_000), Rung("720p", 1280, 720, 2_994_000)


def graph(video: VideoTrack, *rungs: Rung) -> str:
    frames = on_grid(ffmpeg.input("x"), video, frame_grid(Fraction(25)))
    argv = ffmpeg.merge_outputs(
        *(ffmpeg.output(picture, "y") for picture in in_sizes(frames, video, rungs))
    ).get_args()
    return str(argv[argv.index("-filter_complex") + 1])


def test_fields_become_pictures_before_they_are_turned() -> None:
    video = VideoTrack(
        0, 720, 576, Fraction(25), Fraction(0), "bt601", interlaced=True, turn=("clock",)
    )  # fmt: skip
    text = graph(video, LOW)
    assert text.index("bwdif=deint=all:mode=send_frame") < text.index("transpose")


def test_pictures_that_are_whole_are_left_alone_where_fields_may_follow() -> None:
    video = VideoTrack(
        0, 720, 576, Fraction(25), Fraction(0), "bt601", may_become_interlaced=True
    )  # fmt: skip
    assert "bwdif=deint=interlaced:mode=send_frame" in graph(video, LOW)
    assert "bwdif" not in graph(VideoTrack(0, 1, 1, Fraction(30), Fraction(0), "bt709"), LOW)


def test_hdr_is_brought_down_once_in_the_largest_size() -> None:
    video = VideoTrack(
        0, 1280, 720, Fraction(30), Fraction(0), "bt2020",
        hdr_transfer="arib-std-b67", wide_primaries="bt2020",
    )  # fmt: skip
    text = graph(video, LOW, HIGH)
    assert text.index("zscale=1280:720") < text.index("tonemap") < text.index("split")
    assert "setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc" in text
    assert "peak=4.926" in text
    assert text.count("tonemap=") == 2  # the filter and its option


def test_what_swscale_refuses_to_read_is_not_stated_to_it() -> None:
    odd = VideoTrack(0, 1, 1, Fraction(30), Fraction(0), "ycgco", has_odd_colours=True)
    stated = "[0:0]setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709[s0];[s0]scale"
    assert graph(odd, LOW).startswith(stated)
    usual = VideoTrack(0, 1, 1, Fraction(30), Fraction(0), "bt709")
    assert graph(usual, LOW).startswith("[0:0]scale")


def test_wide_colours_are_narrowed_and_others_left_alone() -> None:
    video = VideoTrack(0, 1280, 720, Fraction(30), Fraction(0), "bt601", wide_primaries="smpte432")
    stated = "setparams=color_primaries=smpte432:color_trc=bt709:colorspace=smpte170m"
    narrowed = "zscale=426:240:dither=ordered:m=bt709:p=bt709"
    text = graph(video, LOW)
    assert text.index(stated) < text.index(narrowed)
    assert "zscale" not in graph(VideoTrack(0, 1, 1, Fraction(30), Fraction(0), "bt709"), LOW)
