from dataclasses import replace
from fractions import Fraction

import pytest

from packager.core.approach import Approach
from packager.core.boxes import MediaFormatError
from packager.core.copying import (
    CopiedFrame,
    copy_argv,
    is_left_out,
    number_frames,
    place_frames,
)
from packager.core.encode import ChunkJob, chunk_argv
from packager.core.fmp4 import Fragment, Sample
from packager.core.ladder import Rung, copied
from packager.core.plan import frame_grid
from packager.core.source import SourceInfo, VideoTrack
from streamer.core.options import Preset

RATE = Fraction(30)
GRID = frame_grid(RATE)
TICKS = GRID.frame_ticks
VIDEO = VideoTrack(2, 1280, 720, RATE, Fraction(3, 2), "bt709")
SOURCE = SourceInfo(60.0, Fraction(3, 2), Fraction(1), True, VIDEO)
LOW, HIGH = Rung("240p", 426, 240, 575_000), copied(Rung("720p", 1280, 720, 2_994_000))
IDR, OTHER = b"\0\0\0\2\x65i", b"\0\0\0\2\x41p"


def frame(number: int, data: bytes = OTHER) -> CopiedFrame:
    return CopiedFrame(number, 0, Sample(TICKS, 0, 0, data))


def test_numbers_are_those_of_the_grid_wherever_the_run_began() -> None:
    start = round((Fraction(3, 2) + 1) * GRID.timescale)
    offsets = [0, 2 * TICKS, -TICKS, -TICKS + 7]
    samples = tuple(Sample(TICKS, offset, 0, b"") for offset in offsets)
    found = list(number_frames(Fragment(start, samples), VIDEO, GRID))
    assert [frame.number for frame in found] == [30, 33, 31, 32]
    assert [frame.drift_ticks for frame in found] == [0, 0, 0, 7]


def test_a_source_may_begin_before_zero() -> None:
    fragment = Fragment((1 << 64) - TICKS, (Sample(TICKS, 0, 0, b""),))
    (found,) = number_frames(fragment, replace(VIDEO, start_seconds=Fraction(0)), GRID)
    assert (found.number, found.drift_ticks) == (-1, 0)


def test_frames_are_placed_on_the_grid() -> None:
    frames = [frame(120, IDR), frame(123), frame(121), frame(122), frame(124, IDR)]
    samples = place_frames(frames, 120, GRID)
    assert {sample.duration_ticks for sample in samples} == {TICKS}
    assert [sample.offset_ticks // TICKS for sample in samples] == [4, 6, 3, 3, 4]
    assert [sample.is_sync for sample in samples] == [True, False, False, False, True]


def test_parameter_sets_are_left_to_the_init_segment() -> None:
    (placed,) = place_frames([frame(0, b"\0\0\0\2\x67s" + IDR)], 0, GRID)
    assert placed.data == IDR


@pytest.mark.parametrize(
    "frames",
    [
        [frame(0)],
        [frame(1, IDR)],
        [frame(0, IDR), frame(2)],
        [frame(0, IDR), frame(0)],
        [frame(1), frame(0, IDR)],
        [frame(0, IDR), *map(frame, [2, 3, 4, 5, 6]), frame(1)],
    ],
)
def test_what_is_not_a_segment(frames: list[CopiedFrame]) -> None:
    with pytest.raises(MediaFormatError):
        place_frames(frames, 0, GRID)


def test_a_chunk_encodes_some_renditions_and_copies_one() -> None:
    job = ChunkJob(120, 480, (LOW, HIGH), Preset.FAST)
    approach = Approach(Fraction(1, 60))
    argv = chunk_argv("/s", SOURCE, VIDEO, GRID, job, ["pipe:7", "pipe:8"], approach)
    assert argv.count("-i") == 1
    assert argv[argv.index("-ss") + 1] == "4.483333"
    copying = argv[argv.index("pipe:7") + 1 :]
    assert copying[:2] == ["-map", "0:2"]
    assert copying[copying.index("-c:v") + 1] == "copy"
    # The container's time: it is not moved.
    assert copying[copying.index("-to") + 1] == "17.500000"
    assert copying[-1] == "pipe:8"
    assert "libx264" not in copying


def test_a_chunk_of_the_copy_alone_decodes_nothing() -> None:
    job = ChunkJob(0, 480, (HIGH,), Preset.FAST)
    argv = chunk_argv("/s", SOURCE, VIDEO, GRID, job, ["pipe:7"], Approach(None))
    assert "-filter_complex" not in argv
    assert "-vaapi_device" not in argv


def test_a_source_is_opened_as_any_upload_is() -> None:
    argv = copy_argv("/s", replace(VIDEO, index=0), GRID, "pipe:7", "pipe:8")
    assert argv[argv.index("-i") + 1] == "file:/s"
    assert "-format_whitelist" in argv
    assert "-to" not in argv


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"#dimensions 0: 640x360", False),
        (b"0,      77824,      81920,     2048,    12272, 0x58bae9b4", False),
        (b"0,      75776,      77824,     2048,     5015, 0x7ca4bea4, F=0x0", False),
        (b"0,      75776,      77824,     2048,     5015, 0x7ca4bea4, F=0x4", True),
        (b"0,      77824,      81920,     2048,    12272, 0x58bae9b8, F=0x5", True),
        (b"0,      77824,      81920,     2048,    12272, 0x58bae9b8, F=0x10, S=1", False),
    ],
)
def test_a_picture_that_is_not_shown_is_told_by_its_flags(line: bytes, *, expected: bool) -> None:
    assert is_left_out(line) is expected
