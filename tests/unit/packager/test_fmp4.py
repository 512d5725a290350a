import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.boxes import BoxReader, MediaFormatError, read_boxes, write_box
from packager.core.fmp4 import (
    FragmentReader,
    Sample,
    align_samples,
    write_segment,
)
from tests.segments import read_segment

SYNC, NOT_SYNC = 0x02000000, 0x01010000

samples = st.lists(
    st.builds(
        Sample,
        duration_ticks=st.just(512) | st.integers(1, 2**32 - 1),
        offset_ticks=st.just(0) | st.integers(-(2**31), 2**31 - 1),
        flags=st.sampled_from([SYNC, NOT_SYNC]),
        data=st.binary(min_size=1, max_size=50),
    ),
    min_size=1,
    max_size=20,
)


@given(samples, st.integers(0, 2**63), st.integers(0, 2**31))
def test_a_segment_reads_back(samples: list[Sample], start: int, number: int) -> None:
    fragment = read_segment(write_segment(number, start, samples))
    assert fragment.start_ticks == start
    assert fragment.samples == tuple(samples)


def test_a_segment_is_a_cmaf_segment() -> None:
    data = write_segment(4, 480_000, [Sample(1000, 0, SYNC, b"abc")])
    assert [box.kind for box in read_boxes(data)] == ["styp", "moof", "mdat"]
    moof = next(box for box in read_boxes(data) if box.kind == "moof")
    assert moof.child("mfhd").payload[4:] == (5).to_bytes(4, "big")
    offset = int.from_bytes(moof.child("traf", "trun").payload[8:12], "big")
    start = data.index(b"moof") - 4
    assert data[start + offset :] == b"abc"


def test_what_all_samples_share_is_said_once() -> None:
    pictures = [Sample(1000, 2000, SYNC, b"a"), *[Sample(1000, 0, NOT_SYNC, b"b")] * 99]
    more = [*pictures, *[Sample(1000, 3000, NOT_SYNC, b"b")] * 100]
    assert len(write_segment(0, 0, more)) - len(write_segment(0, 0, pictures)) == 100 * (8 + 1)
    sound = [Sample(1024, 0, SYNC, b"a")] * 100
    assert len(write_segment(0, 0, sound * 2)) - len(write_segment(0, 0, sound)) == 100 * (4 + 1)


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 9))
def test_boxes_arrive_in_any_pieces(payloads: list[bytes], size: int) -> None:
    data = b"".join(write_box("abcd", payload) for payload in payloads)
    reader = BoxReader()
    boxes = [
        box
        for start in range(0, len(data), size)
        for box in reader.feed(data[start : start + size])
    ]
    assert [box.payload for box in boxes] == payloads
    assert reader.is_empty


@pytest.mark.parametrize(
    "data",
    [b"\0\0\0\x04abcd", b"\0\0\0\0abcd", b"\0\0\0\x10abcd", b"\0\0\0\x01abcd" + bytes(8)],
)
def test_nonsense_is_no_box(data: bytes) -> None:
    with pytest.raises(MediaFormatError):
        list(read_boxes(data))


def test_a_large_size() -> None:
    data = b"\0\0\0\x01abcd" + (20).to_bytes(8, "big") + b"wxyz"
    assert [box.payload for box in read_boxes(data)] == [b"wxyz"]


def test_alignment_presents_the_first_frame_after_the_delay() -> None:
    group = [Sample(7, offset, SYNC, b"x") for offset in (5, 9, 3)]
    aligned = align_samples(group, 1000, 2)
    assert [sample.offset_ticks for sample in aligned] == [2, 6, 0]
    assert {sample.duration_ticks for sample in aligned} == {1000}


def test_frames_reordered_too_far_are_refused() -> None:
    with pytest.raises(MediaFormatError):
        align_samples([Sample(1, 5, SYNC, b"x"), Sample(1, 2, SYNC, b"x")], 1000, 2)


def test_a_stream_that_is_cut_off_is_noticed() -> None:
    reader = FragmentReader()
    reader.feed(write_box("mdat", b"x")[:-1])
    with pytest.raises(MediaFormatError):
        reader.finish()
