from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import pytest

from packager.core.conformance import ConformanceCheck, NotConformantError, find_obstacle
from packager.core.copying import CopiedFrame
from packager.core.fmp4 import Sample
from packager.core.ladder import Rung
from packager.core.plan import Grid
from tests.unit.packager.test_h264 import BASELINE, HIGH, HIGH_10, INTERLACED, sample

# Segments of eight frames, a second each.
GRID = Grid(Fraction(8), 8)
RUNG = Rung("360p", 640, 360, 800_000)
PPS = b"\x68pps"
KEY, OTHER = b"\x65key", b"\x41other"
SYNC, DEPENDENT = 0x02000000, 0x01010000
STREAM = {
    "codec_name": "h264",
    "pix_fmt": "yuv420p",
    "sample_aspect_ratio": "1:1",
    "color_range": "tv",
    "color_primaries": "bt709",
    "color_space": "bt709",
}


def frame(
    number: int, *units: bytes, flags: int = DEPENDENT, drift: int = 0, frames: int = 1
) -> CopiedFrame:
    data = sample(*(units or (OTHER,)))
    return CopiedFrame(number, drift, Sample(frames * GRID.frame_ticks, 0, flags, data))


def key(number: int, *units: bytes) -> CopiedFrame:
    return frame(number, *units, KEY, flags=SYNC)


def first(*units: bytes) -> CopiedFrame:
    return key(0, *(units or (HIGH, PPS)))


def frames(*numbers: int) -> list[CopiedFrame]:
    return [frame(number) for number in numbers]


def reason(shown: Iterable[CopiedFrame]) -> str | None:
    """Why a source of these frames, in decoding order, does not conform."""
    check = ConformanceCheck(GRID, RUNG)
    try:
        for one in shown:
            check.look_at(one)
        check.finish()
    except NotConformantError as error:
        return str(error)
    return None


WHOLE = [first(), *frames(1, 2, 3, 4, 5, 6, 7)]


@pytest.mark.parametrize(
    "shown",
    [
        WHOLE,
        [*WHOLE, key(8)],
        # Reordered, to the end of a segment and of the source.
        [first(), *frames(4, 2, 1, 3, 7, 5, 6), key(8), *frames(11, 9, 10)],
        # More key frames than segments; sets that are told again.
        [first(), *frames(1, 2, 3), key(4, HIGH, PPS), *frames(5, 6, 7), key(8, HIGH, PPS)],
        # As far reordered as can be told.
        [first(), *frames(2, 3, 4, 5, 1)],
        # A container that rounds to milliseconds.
        [first(), frame(1, drift=GRID.timescale // 1000)],
        [first(HIGH, PPS, b"\x06sei"), frame(1, b"\x09\x30", OTHER, OTHER)],
    ],
)
def test_what_conforms(shown: list[CopiedFrame]) -> None:
    assert reason(shown) is None


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([], "there are none that could be copied"),
        ([*WHOLE, *frames(8)], "no key frame at 1.00 s"),
        ([first(), *frames(1, 2, 3, 4, 5, 8, 6, 7)], "no key frame at 1.00 s"),
        # Key frames to begin at that others look back across, with leading pictures or without.
        ([*WHOLE, frame(8, flags=SYNC)], "the group of pictures at 1.00 s is open"),
        (
            [*WHOLE[:6], frame(8, flags=SYNC), *frames(6, 7)],
            "the group of pictures at 1.00 s is open",
        ),
        ([*WHOLE[:6], key(8), *frames(6, 7)], "no picture at 0.75 s"),
        ([first(), *frames(1, 2, 4, 5, 6, 7), key(8)], "no picture at 0.38 s"),
        ([*WHOLE, key(9)], "no picture at 1.00 s"),
        ([first(), *frames(1, 3)], "no picture at 0.25 s"),
        ([key(1, HIGH)], "no picture at 0.00 s"),
        ([first(), frame(1, b"\x06sei")], "no picture at 0.12 s"),
        ([first(), frame(1, *[OTHER] * 33)], "the picture at 0.12 s has too many slices"),
        ([first(), *frames(1, 1)], "two pictures at 0.12 s"),
        ([*WHOLE, key(8), *frames(7)], "two pictures at 0.88 s"),
        ([key(-1, HIGH)], "they begin before they are shown"),
        ([first(), frame(1, drift=GRID.timescale // 400)], "0.12 s is not at a constant rate"),
        ([first(), *frames(2, 3, 4, 5, 6, 1)], "0.12 s comes more than 4 late"),
        ([first(), frame(1, frames=3)], "the last picture is shown longer than the others"),
        ([*WHOLE, key(8, BASELINE)], "they are coded otherwise from 1.00 s on"),
        ([*WHOLE, key(8, b"\x68new")], "they are coded otherwise from 1.00 s on"),
        ([first(HIGH, BASELINE)], "they are coded otherwise from 0.00 s on"),
        ([first(HIGH_10)], "browsers do not play their profile or level"),
        ([first(HIGH[:3] + b"\x3c" + HIGH[4:])], "browsers do not play their profile or level"),
        ([first(INTERLACED)], "they are or may be interlaced"),
        ([first(BASELINE)], "they are not of the highest rendition's size"),
        (
            [*WHOLE, key(8, bytes(200_001))],
            "the bit rate at 1.00 s is above 1.6 Mbit/s",
        ),
    ],
)
def test_what_does_not(shown: list[CopiedFrame], expected: str) -> None:
    assert (reason(shown) or "").endswith(expected)


def test_what_the_container_says_of_a_stream_that_may_conform() -> None:
    assert find_obstacle(STREAM, "bt709") is None
    assert find_obstacle({"codec_name": "h264", "pix_fmt": "yuv420p"}, "bt709") is None


@pytest.mark.parametrize(
    ("changed", "matrix", "expected"),
    [
        ({"codec_name": "hevc"}, "bt709", "they are not H.264"),
        ({"pix_fmt": "yuv420p10le"}, "bt709", "they are not 8-bit 4:2:0"),
        ({"pix_fmt": "yuvj420p"}, "bt709", "they are not 8-bit 4:2:0"),
        ({"sample_aspect_ratio": "64:45"}, "bt709", "their pixels are not square"),
        (
            {"side_data_list": [{"side_data_type": "Display Matrix", "rotation": 90}]},
            "bt709",
            "the file wants them turned or changed",
        ),
        ({}, "bt601", "their colours are not those of BT.709"),
        ({"color_range": "pc"}, "bt709", "their colours are not those of BT.709"),
        ({"color_transfer": "smpte2084"}, "bt709", "their colours are not those of BT.709"),
        ({"color_primaries": "bt2020"}, "bt709", "their colours are not those of BT.709"),
        ({"color_space": "smpte2085"}, "bt709", "their colours are not those of BT.709"),
    ],
)
def test_what_keeps_a_stream_from_it(changed: dict[str, Any], matrix: str, expected: str) -> None:
    assert find_obstacle(STREAM | changed, matrix) == expected
