import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from packager.core.boxes import read_boxes
from packager.core.cbcs import (
    Subsample,
    protect_picture,
    protect_sound,
    write_sample_boxes,
)
from packager.core.fmp4 import Sample, write_segment
from tests.segments import read_segment

KEY, VECTOR = bytes(range(16)), bytes(range(16, 32))


def nal(kind: int, size: int) -> bytes:
    body = bytes([kind]) + bytes(number % 251 for number in range(size - 1))
    return len(body).to_bytes(4, "big") + body


def sample(data: bytes) -> Sample:
    return Sample(1, 0, 0, data)


def decrypt(data: bytes) -> bytes:
    return Cipher(AES(KEY), CBC(VECTOR)).decryptor().update(data)


def restore(data: bytes, subsamples: tuple[Subsample, ...]) -> bytes:
    """The inverse, as ISO/IEC 23001-7 §9.6 has it: one block of ten, chained in a subsample."""
    out, position = bytearray(data), 0
    for part in subsamples:
        begin = position + part.clear_bytes
        position = begin + part.protected_bytes
        starts = range(begin, position - 15, 160)
        clear = decrypt(b"".join(data[start : start + 16] for start in starts))
        for number, start in enumerate(starts):
            out[start : start + 16] = clear[16 * number : 16 * number + 16]
    assert position == len(data)
    return bytes(out)


def test_parameter_sets_and_slice_headers_stay_in_the_clear() -> None:
    data = nal(0x67, 30) + nal(0x65, 1000)
    protected, subsamples = protect_picture(sample(data), "avc1.64001f", KEY, VECTOR)
    assert subsamples == (Subsample(34 + 4 + 96, 1000 - 96),)
    begin = 34 + 4 + 96
    assert protected.data[:begin] == data[:begin]
    assert protected.data[begin : begin + 16] != data[begin : begin + 16]
    assert protected.data[begin + 16 : begin + 160] == data[begin + 16 : begin + 160]
    assert restore(protected.data, subsamples) == data


@given(st.lists(st.tuples(st.sampled_from([1, 5, 6, 7, 9]), st.integers(1, 3000)), max_size=6))
def test_every_frame_can_be_restored(units: list[tuple[int, int]]) -> None:
    data = b"".join(nal(kind, size) for kind, size in units)
    protected, subsamples = protect_picture(sample(data), "avc1.64001f", KEY, VECTOR)
    assert restore(protected.data, subsamples) == data


def test_much_in_the_clear_is_several_subsamples() -> None:
    data = nal(6, 70_000) + nal(0x65, 500)
    _, subsamples = protect_picture(sample(data), "avc1.64001f", KEY, VECTOR)
    assert [part.clear_bytes for part in subsamples] == [65535, 70_004 + 100 - 65535]
    assert [part.protected_bytes for part in subsamples] == [0, 404]


def test_hevc_slices_are_found() -> None:
    data = nal(0x40, 40) + nal(0x26, 400)
    _, subsamples = protect_picture(sample(data), "hvc1.1.6.L93.B0", KEY, VECTOR)
    assert subsamples == (Subsample(44 + 4 + 96, 304),)


@pytest.mark.parametrize("size", [0, 15, 16, 100])
def test_whole_blocks_of_sound_are_encrypted(size: int) -> None:
    data = bytes(range(size))
    protected = protect_sound(sample(data), KEY, VECTOR).data
    whole = size // 16 * 16
    assert decrypt(protected[:whole]) == data[:whole]
    assert protected[whole:] == data[whole:]


def test_the_boxes_say_where_they_are() -> None:
    protection = [(Subsample(10, 32),), (Subsample(5, 0), Subsample(7, 16))]
    segment = write_segment(
        0,
        0,
        [sample(b"a" * 42), sample(b"b" * 28)],
        auxiliary=lambda offset: write_sample_boxes(protection, offset),
    )
    assert read_segment(segment).samples[1].data == b"b" * 28
    boxes = {box.kind: box for box in read_boxes(segment)}
    moof_at = segment.index(b"moof") - 4
    saio = boxes["moof"].child("traf", "saio").payload
    offset = moof_at + int.from_bytes(saio[8:12], "big")
    assert segment[offset : offset + 8] == bytes.fromhex("0001 000a 00000020")
    assert boxes["moof"].child("traf", "saiz").payload[9:] == bytes([8, 14])
