from fractions import Fraction

import pytest

from packager.core.ladder import Rung
from packager.core.pictures import (
    Storyboard,
    plan_storyboard,
    poster_argv,
    poster_positions,
    render_storyboard,
    split_jpegs,
    storyboard_argv,
)
from packager.core.source import SourceInfo, VideoTrack

LOW = Rung("240p", 426, 240, 575_000)
TALL = Rung("240p", 240, 426, 575_000)


@pytest.mark.parametrize(
    ("seconds", "step", "key_frames_only"),
    [(0.4, 2, False), (120, 2, False), (121, 4, True), (1800, 8, True), (7200, 36, True)],
)
def test_steps(seconds: float, step: int, key_frames_only: bool) -> None:
    storyboard = plan_storyboard(seconds, LOW)
    assert (storyboard.step_seconds, storyboard.key_frames_only) == (step, key_frames_only)
    assert 1 <= storyboard.tiles(seconds) <= 400


def test_tiles_keep_the_shape() -> None:
    assert plan_storyboard(10, LOW).tile_width == 160
    assert plan_storyboard(10, TALL).tile_height == 160


def test_vtt() -> None:
    storyboard = Storyboard(step_seconds=2, tile_width=160, tile_height=90, key_frames_only=False)
    text = render_storyboard(storyboard, ["a.jpg", "b.jpg"], 203.5)
    cues = text.split("\n\n")
    assert cues[0] == "WEBVTT"
    assert len(cues) == 1 + 102
    assert cues[1] == "00:00:00.000 --> 00:00:02.000\na.jpg#xywh=0,0,160,90"
    assert cues[12] == "00:00:22.000 --> 00:00:24.000\na.jpg#xywh=160,90,160,90"
    assert cues[101] == "00:03:20.000 --> 00:03:22.000\nb.jpg#xywh=0,0,160,90"
    assert cues[102] == "00:03:22.000 --> 00:03:23.500\nb.jpg#xywh=160,0,160,90\n"


def test_tiles_without_a_sheet_are_not_named() -> None:
    storyboard = plan_storyboard(1000, LOW)
    assert render_storyboard(storyboard, ["a.jpg"], 1000).count("-->") == 100


def test_jpegs_are_told_apart() -> None:
    first, second = b"\xff\xd8\xff\xe0one\xff\xd9", b"\xff\xd8\xff\xdbtwo\xff\x00\xff\xd9"
    assert split_jpegs(first + second) == [first, second]
    assert split_jpegs(b"") == []


def test_a_poster_is_looked_for_behind_the_titles_and_then_at_the_beginning() -> None:
    video = VideoTrack(0, 1920, 1080, Fraction(30), Fraction(7), "bt709")
    source = SourceInfo(100.0, Fraction(7), Fraction(5), True, video)
    assert poster_positions(source) == (Fraction(12), Fraction(0))
    argv = poster_argv("/s", video, Rung("1080p", 1920, 1080, 1), Fraction(12), "pipe:7")
    assert argv[argv.index("-ss") + 1] == "12.000000"
    assert "scale=1280:720" in argv[argv.index("-filter_complex") + 1]


def test_a_long_storyboard_decodes_key_frames_only() -> None:
    assert "-skip_frame" in storyboard_argv(plan_storyboard(1800, LOW), "pipe:7")
    assert "-skip_frame" not in storyboard_argv(plan_storyboard(60, LOW), "pipe:7")
