import struct

import pytest

from sample_media.surgery import claiming_duration, without_box


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_only_boxes_of_the_kind_are_left_out() -> None:
    data = box(b"ftyp", b"isom") + box(b"moov", b"index") + box(b"mdat", b"moov is here")
    assert without_box(data, b"moov") == box(b"ftyp", b"isom") + box(b"mdat", b"moov is here")


def test_a_box_without_a_size_is_refused() -> None:
    with pytest.raises(ValueError, match="box of 3 bytes at 12"):
        without_box(box(b"ftyp", b"isom") + struct.pack(">I4s", 3, b"mdat"), b"moov")


def test_the_duration_is_multiplied_and_nothing_else_changes() -> None:
    head, tail = b"\x1a\x45\xdf\xa3 header \x44\x89\x88", b" and the rest"
    changed = claiming_duration(head + struct.pack(">d", 4008.0) + tail, 20)
    assert changed == head + struct.pack(">d", 80160.0) + tail
