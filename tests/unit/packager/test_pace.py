from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.arrival import Arrival
from packager.core.ladder import build_ladder
from packager.core.pace import count_in_time, measured_speed, processors_to_encode
from packager.core.plan import frame_grid
from packager.core.source import VideoTrack
from streamer.core.options import Preset

LARGE = VideoTrack(0, 3840, 2160, Fraction(60), Fraction(0), "bt709")


def in_time(
    height: int,
    processors: float,
    *,
    rate: int = 30,
    preset: Preset = Preset.FAST,
    hdr_transfer: str | None = None,
) -> str:
    """The name of the largest rendition that is encoded in time."""
    width = height * 16 // 9
    video = VideoTrack(
        0, width, height, Fraction(rate), Fraction(0), "bt709", hdr_transfer=hdr_transfer
    )
    rungs = build_ladder(video)
    grid = frame_grid(Fraction(rate))
    return rungs[count_in_time(video, rungs, grid, preset, processors) - 1].name


def test_two_processors_keep_up_with_the_whole_ladder_of_1080p() -> None:
    assert in_time(1080, 2) == "1080p"


@pytest.mark.parametrize(
    ("height", "rate", "preset", "hdr_transfer", "largest"),
    [
        (1080, 30, Preset.BALANCED, None, "720p"),
        (1080, 30, Preset.QUALITY, None, "480p"),
        (1080, 60, Preset.FAST, None, "720p"),
        (1080, 30, Preset.FAST, "smpte2084", "720p"),
        (2160, 30, Preset.FAST, None, "720p"),
    ],
)
def test_what_they_do_not_keep_up_with(
    height: int, rate: int, preset: Preset, hdr_transfer: str | None, largest: str
) -> None:
    assert in_time(height, 2, rate=rate, preset=preset, hdr_transfer=hdr_transfer) == largest
    assert in_time(height, 32, rate=rate, preset=preset, hdr_transfer=hdr_transfer) == f"{height}p"


@pytest.mark.parametrize(
    ("arrival", "largest"),
    [
        (Arrival(2_500_000, 190_000_000, bytes_per_second=2_500_000), "720p"),
        (Arrival(2_500_000, 190_000_000), "720p"),
        (Arrival(50_000_000, 190_000_000, bytes_per_second=50_000_000), "1080p"),
        (Arrival(190_000_000, 190_000_000, bytes_per_second=2_500_000), "1080p"),
    ],
)
def test_who_also_receives_an_upload_keeps_up_with_less(arrival: Arrival, largest: str) -> None:
    assert in_time(1080, processors_to_encode(2, 1, arrival)) == largest


def test_of_a_slow_machine_receiving_an_upload_takes_a_larger_share() -> None:
    arrival = Arrival(2_500_000, 190_000_000, bytes_per_second=2_500_000)
    assert in_time(1080, processors_to_encode(2, 0.58, arrival)) == "480p"
    assert in_time(1080, processors_to_encode(2, 0.58, Arrival(1, 1))) == "720p"


def speed(frames: int, used_seconds: float | None, *, interlaced: bool = False) -> float:
    """How fast a processor seems that encodes frames of the lowest rendition of 1080p."""
    video = VideoTrack(0, 1920, 1080, Fraction(30), Fraction(0), "bt709", interlaced=interlaced)
    return measured_speed(video, build_ladder(video)[0], Preset.FAST, frames, used_seconds)


def test_what_takes_twice_as_long_is_half_as_fast() -> None:
    assert speed(120, 2.0) == pytest.approx(speed(120, 1.0) / 2)
    # As measured where two processors just keep up with 1080p.
    assert speed(120, 0.78) == pytest.approx(1, rel=0.02)
    assert in_time(1080, 2 * speed(120, 0.9)) == "720p"
    assert in_time(1080, 2 * speed(120, 0.7)) == "1080p"


def test_a_start_is_no_sign_of_slowness() -> None:
    assert speed(1, 0.06 + 0.72 / 120) == pytest.approx(speed(120, 0.78), rel=0.02)


def test_what_is_deinterlaced_may_take_longer() -> None:
    assert speed(120, 1.0, interlaced=True) > speed(120, 1.0)


@pytest.mark.parametrize("used_seconds", [None, 0.0])
def test_what_is_not_known_is_as_assumed(used_seconds: float | None) -> None:
    assert speed(120, used_seconds) == 1


@given(st.floats(0.1, 64), st.floats(0.1, 64))
def test_more_processors_keep_up_with_no_less(some: float, more: float) -> None:
    rungs, grid = build_ladder(LARGE), frame_grid(Fraction(60))
    fewer, larger = (
        count_in_time(LARGE, rungs, grid, Preset.FAST, processors)
        for processors in sorted((some, more))
    )
    assert 1 <= fewer <= larger <= len(rungs)


def test_how_fast_hardware_encodes_is_not_guessed() -> None:
    rungs = [replace(rung, encoder="h264_nvenc") for rung in build_ladder(LARGE)]
    grid = frame_grid(Fraction(60))
    assert count_in_time(LARGE, rungs, grid, Preset.FAST, 1) == len(rungs)
