import struct

import pytest

from sample_media.surgery import (
    claiming_duration,
    with_chapters,
    with_noise,
    without_box,
    without_media,
)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_only_boxes_of_the_kind_are_left_out() -> None:
    data = box(b"ftyp", b"isom") + box(b"moov", b"index") + box(b"mdat", b"moov is here")
    assert without_box(data, b"moov") == box(b"ftyp", b"isom") + box(b"mdat", b"moov is here")


def test_a_box_without_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="box of 3 bytes at 12"):
        without_box(box(b"ftyp", b"isom") + struct.pack(">I4s", 3, b"mdat"), b"moov")


def test_the_duration_is_multiplied_and_no_tag_tells_the_true_one() -> None:
    head, tail = b"\x1a\x45\xdf\xa3 header \x44\x89\x88", b" and the rest"
    tag = b"DURATION\x44\x87\x9200:00:04.008000000"
    changed = claiming_duration(head + struct.pack(">d", 4008.0) + tail + tag, 20)
    assert changed == head + struct.pack(">d", 80160.0) + tail + b"NOTHINGS" + tag[8:]


def test_noise_takes_the_place_of_a_part() -> None:
    data = bytes(100)
    changed = with_noise(data, 0.25, 0.5)
    assert len(changed) == 100
    assert changed[:25] + changed[50:] == bytes(75)
    assert sum(map(bool, changed[25:50])) > 20


def test_the_index_stays_when_the_media_goes() -> None:
    data = box(b"moov", b"index") + box(b"mdat", bytes(50))
    changed = without_media(data)
    assert (len(changed), changed[:21]) == (len(data), data[:21])
    assert changed[21:] != bytes(50)


def test_chapters_are_put_at_the_end_of_the_index() -> None:
    data = box(b"ftyp", b"isom") + box(b"moov", b"index")
    changed = with_chapters(data, {0: "A", 1.5: "Bc"})
    rows = struct.pack(">QBc", 0, 1, b"A") + struct.pack(">QB2s", 15_000_000, 2, b"Bc")
    chapters = box(b"chpl", b"\1\0\0\0\0\0\0\0\2" + rows)
    assert changed == box(b"ftyp", b"isom") + box(b"moov", b"index" + box(b"udta", chapters))
