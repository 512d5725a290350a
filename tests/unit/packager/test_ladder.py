from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.ladder import build_ladder
from packager.core.source import VideoTrack
from streamer.core.keys import RENDITION_NAME


def video(width: int, height: int, rate: int = 30) -> VideoTrack:
    return VideoTrack(0, width, height, Fraction(rate), Fraction(0), "bt709")


@pytest.mark.parametrize(
    ("size", "names"),
    [
        ((3840, 2160), "240p 360p 480p 720p 1080p 1440p 2160p"),
        ((7680, 4320), "240p 360p 480p 720p 1080p 1440p 2160p"),
        ((1920, 1080), "240p 360p 480p 720p 1080p"),
        ((1080, 1920), "240p 360p 480p 720p 1080p"),
        ((1920, 800), "240p 360p 480p 800p"),
        ((854, 480), "240p 360p 480p"),
        ((640, 360), "240p 360p"),
        ((640, 272), "272p"),
        ((320, 240), "240p"),
        ((161, 121), "120p"),
        ((2, 2), "16p"),
    ],
)
def test_steps(size: tuple[int, int], names: str) -> None:
    assert [rung.name for rung in build_ladder(video(*size))] == names.split()


def test_sizes_are_even_and_upright() -> None:
    assert [(r.width, r.height) for r in build_ladder(video(1920, 1080))] == [
        (426, 240), (640, 360), (854, 480), (1280, 720), (1920, 1080),
    ]  # fmt: skip
    lowest = build_ladder(video(1080, 1920))[0]
    assert (lowest.width, lowest.height) == (240, 426)


def test_a_strip_is_no_longer_than_players_take() -> None:
    assert [(r.width, r.height) for r in build_ladder(video(7680, 16))] == [(4096, 16)]


def test_caps_grow_with_pixels_and_frames() -> None:
    (low, *_, top) = build_ladder(video(1920, 1080))
    assert (low.max_bps, top.max_bps) == (575_000, 5_500_000)
    assert build_ladder(video(1920, 1080, 60))[-1].max_bps == 7_778_000


@given(st.integers(16, 9000), st.integers(16, 9000))
def test_no_rendition_is_enlarged_odd_or_out_of_shape(width: int, height: int) -> None:
    ladder = build_ladder(video(width, height))
    assert [rung.pixels for rung in ladder] == sorted({rung.pixels for rung in ladder})
    for rung in ladder:
        assert RENDITION_NAME.fullmatch(rung.name)
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width <= max(width, 16)
        assert rung.height <= max(height, 16)
        assert max(rung.width, rung.height) <= 4096
        if min(rung.width, rung.height) > 16:
            assert abs(rung.width * height / width - rung.height) <= 2 * max(1, height / width)
