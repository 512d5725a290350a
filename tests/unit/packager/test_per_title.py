from fractions import Fraction

import pytest

from packager.core.ladder import Rung, build_ladder
from packager.core.per_title import Curve, Measured, average, choose_ladder
from packager.core.source import VideoTrack

# Measured: three qualities (21, 27, 33) of each size, in kbit/s and VMAF.
FILM = {
    "240p": [(308, 77.8), (149, 62.5), (73, 40.1)],
    "360p": [(604, 88.2), (287, 76.8), (139, 56.9)],
    "480p": [(911, 92.3), (431, 83.9), (210, 66.3)],
}
NOISE = {
    "240p": [(286, 26.5), (126, 15.5), (61, 3.4)],
    "360p": [(584, 52.5), (255, 38.9), (122, 21.1)],
    "480p": [(972, 68.1), (409, 54.1), (189, 35.1)],
    "720p": [(1922, 83.6), (787, 71.5), (363, 53.4)],
    "1080p": [(4328, 94.6), (1677, 84.7), (727, 68.2)],
}
EASY = {
    "240p": [(64, 60.7), (38, 47.4), (25, 29.2)],
    "360p": [(117, 76.7), (62, 64.7), (37, 46.5)],
    "480p": [(164, 94.7), (85, 88.0), (50, 71.3)],
    "720p": [(338, 98.0), (160, 96.6), (87, 90.6)],
}


def curves(measured: dict[str, list[tuple[int, float]]]) -> dict[str, Curve]:
    return {
        name: [
            Measured(quality, kbps * 1000.0, vmaf)
            for quality, (kbps, vmaf) in zip((21.0, 27.0, 33.0), points, strict=True)
        ]
        for name, points in measured.items()
    }


def ladder(width: int, height: int) -> tuple[Rung, ...]:
    return build_ladder(VideoTrack(0, width, height, Fraction(25), Fraction(0), "bt709"))


def test_sizes_of_a_film_are_spread_over_its_bit_rates() -> None:
    chosen = choose_ladder(ladder(854, 480), curves(FILM))
    assert [rung.name for rung in chosen] == ["240p", "360p", "480p"]
    assert chosen[0] == ladder(854, 480)[0], "viewers have begun with it"
    assert 23 < chosen[1].quality < 27


def test_sizes_that_never_look_best_are_dropped() -> None:
    chosen = choose_ladder(ladder(1920, 1080), curves(NOISE))
    assert [rung.name for rung in chosen] == ["240p", "720p", "1080p"]


def test_what_looks_good_enough_gets_no_more_bits() -> None:
    chosen = choose_ladder(ladder(1280, 720), curves(EASY))
    top = chosen[-1]
    assert (top.name, top.quality) == ("720p", 30.5)
    assert top.max_bps < 300_000


@pytest.mark.parametrize("measured", [FILM, NOISE, EASY])
def test_never_more_bits_than_the_fixed_ladder_has(
    measured: dict[str, list[tuple[int, float]]],
) -> None:
    fixed = {rung.name: rung for rung in ladder(1920, 1080)}
    chosen = choose_ladder([fixed[name] for name in measured], curves(measured))
    for rung in chosen:
        assert rung.max_bps <= fixed[rung.name].max_bps
    assert chosen[-1].quality >= fixed[chosen[-1].name].quality


def test_samples_are_averaged() -> None:
    first, second = curves({"a": [(100, 80.0)] * 3}), curves({"a": [(300, 90.0)] * 3})
    assert [(point.bps, point.vmaf) for point in average([first["a"], second["a"]])] == [
        (200_000.0, 85.0)
    ] * 3
