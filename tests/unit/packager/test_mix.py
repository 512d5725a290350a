from fractions import Fraction
from itertools import pairwise

import pytest

from packager.core.mix import (
    STEREO,
    SURROUND,
    Mix,
    gain_to,
    loudness_argv,
    mixes_of,
    read_loudness,
    silence_argv,
    sound_argv,
)
from packager.core.source import AudioTrack, SourceInfo

SOURCE = SourceInfo(60.0, Fraction(7, 5), Fraction(0), True, None)


def sound(channels: int, layout: str = "") -> AudioTrack:
    return AudioTrack(2, Fraction(0), channels, layout=layout)


def graph(argv: list[str]) -> str:
    return argv[argv.index("-filter_complex") + 1]


def options(argv: list[str], name: str) -> list[str]:
    return [value for key, value in pairwise(argv) if key == name]


def mixed(channels: int, mix: Mix, gain_db: float = 0.0) -> str:
    return graph(sound_argv("/s", SOURCE, sound(channels), mix, "pipe:7", gain_db))


def test_sound_begins_at_time_zero() -> None:
    argv = sound_argv("/s", SOURCE, sound(2), STEREO, "pipe:7")
    assert graph(argv).startswith("[0:2]asetpts=PTS-(7/5)/TB[s0];[s0]atrim=start=0[s1];")
    assert "aresample=48000:async=1:first_pts=0:min_hard_comp=0.1:out_chlayout=stereo[" in graph(
        argv
    )
    assert options(argv, "-b:a") == ["128000"]
    assert "-vn" in argv


def test_what_is_added_up_or_made_louder_is_limited() -> None:
    assert "alimiter=latency=enabled:level=disabled:limit=0.891" in mixed(6, STEREO)
    assert "limit=0.891" in mixed(8, SURROUND)
    assert "volume=2.50dB:precision=double[" in mixed(2, STEREO, 2.5)
    assert "limit=0.891" in mixed(2, STEREO, 2.5)


def test_what_fits_may_be_as_loud_as_it_was() -> None:
    for graph in (mixed(2, STEREO), mixed(6, SURROUND), mixed(2, STEREO, -3)):
        assert "alimiter=latency=enabled:level=disabled:limit=1[" in graph


@pytest.mark.parametrize(
    ("channels", "layout", "panned"),
    [
        (4, "ambisonic 1", "stereo|c0=0.707*c0+0.707*c1|c1=0.707*c0-0.707*c1"),
        (3, "ambisonic 0+stereo", "stereo|c0=0.707*c0+c1|c1=0.707*c0+c2"),
        (1, "ambisonic 0", None),
    ],
)
def test_a_sphere_without_a_left_side_sounds_alike_on_both(
    channels: int, layout: str, panned: str | None
) -> None:
    argv = sound_argv("/s", SOURCE, sound(channels, layout), STEREO, "pipe:7")
    found = graph(argv).replace("\\", "")
    assert f"pan=args={panned}" in found if panned else "pan" not in found


@pytest.mark.parametrize(
    ("channels", "mixes"),
    [(1, (STEREO,)), (2, (STEREO,)), (4, (STEREO,)), (6, (STEREO, SURROUND))],
)
def test_surround_is_kept_beside_stereo(channels: int, mixes: tuple[Mix, ...]) -> None:
    assert mixes_of(sound(channels)) == mixes


def test_silence_has_the_form_of_the_sound() -> None:
    argv = silence_argv(SURROUND, "pipe:7")
    assert "anullsrc=r=48000:cl=5.1" in argv
    assert options(argv, "-b:a") == ["384000"]


def test_loudness_is_the_last_one_measured() -> None:
    argv = loudness_argv("/s", SOURCE, sound(6), STEREO, "pipe:7")
    assert "ebur128=metadata=1" in graph(argv)
    assert options(argv, "-f") == ["null"]
    text = "frame:0 pts:0\nlavfi.r128.I=-70.000\nframe:1 pts:4800\nlavfi.r128.I=-31.500\n"
    assert read_loudness(text) == -31.5
    assert read_loudness("lavfi.r128.I=-70.000\n") is None
    assert read_loudness("") is None


def test_gain() -> None:
    assert gain_to(-16, -23) == 7
    assert gain_to(-23, -9.5) == -13.5
    assert gain_to(-14, -60) == 20
    assert gain_to(-14, None) == 0
