import pytest

from packager.core.boxes import MediaFormatError
from packager.core.h264 import (
    SequenceParameters,
    is_idr,
    nal_units,
    read_sps,
    without_parameter_sets,
)

# As x264 writes them.
HIGH = bytes.fromhex("6764001eacd940a02ff97016a04040280000030008000003019078b16cb0")
INTERLACED = bytes.fromhex("6764001eacd940a063f3e02d4080805000000300100000030321f1429960")
BASELINE = bytes.fromhex("6742c028d900780227e5c044000003000400000300c83c60c920")
HIGH_10 = bytes.fromhex("676e001ea6cd940a02ff97011000000300100000030320f162d960")
HIGH_444 = bytes.fromhex("67f4001e919b281405ff1380880000030008000003019078b16cb0")


def sample(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (HIGH, SequenceParameters(100, 30, 1, 8, True, 640, 360)),
        (INTERLACED, SequenceParameters(100, 30, 1, 8, False, 640, 360)),
        # 1088 lines are coded.
        (BASELINE, SequenceParameters(66, 40, 1, 8, True, 1920, 1080)),
        (HIGH_10, SequenceParameters(110, 30, 1, 10, True, 640, 360)),
    ],
)
def test_parameters(unit: bytes, expected: SequenceParameters) -> None:
    assert read_sps(unit) == expected


def test_chroma_that_is_not_halved() -> None:
    assert read_sps(HIGH_444).chroma_format == 3


@pytest.mark.parametrize("length", range(11))
def test_parameters_that_are_cut_off(length: int) -> None:
    with pytest.raises(MediaFormatError):
        read_sps(HIGH[:length])


def test_units() -> None:
    data = sample(b"\x67sps", b"\x68pps", b"\x06sei", b"\x65slice")
    assert [kind for kind, _ in nal_units(data)] == [7, 8, 6, 5]
    assert without_parameter_sets(data) == sample(b"\x06sei", b"\x65slice")


@pytest.mark.parametrize("data", [b"\0\0", sample(b""), sample(b"\x65abc")[:-1], b"\0\0\0\x09\x65"])
def test_units_that_do_not_fill_their_sample(data: bytes) -> None:
    with pytest.raises(MediaFormatError):
        list(nal_units(data))


def test_idr_frames() -> None:
    assert is_idr(sample(b"\x67sps", b"\x65one", b"\x25two"))
    assert not is_idr(sample(b"\x41slice"))
    assert not is_idr(sample(b"\x06sei"))
