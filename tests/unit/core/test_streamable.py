import pytest

from streamer.core.streamable import HEAD_BYTES, Streamable, judge


def box(kind: str, size: int, *, is_large: bool = False) -> bytes:
    if is_large:
        head = (1).to_bytes(4, "big") + kind.encode() + size.to_bytes(8, "big")
    else:
        head = size.to_bytes(4, "big") + kind.encode()
    return head.ljust(size, b"\0")


TS_PACKET = b"\x47".ljust(188, b"\0")
# As recorders of discs and broadcasters write it.
M2TS_PACKET = bytes(4) + TS_PACKET
CHECKED_PACKET = TS_PACKET + bytes(16)


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"", Streamable.UNKNOWN),
        (b"\0\0\0\x18ftyp", Streamable.UNKNOWN),
        (box("ftyp", 24) + box("moov", 1000), Streamable.YES),
        (box("ftyp", 24) + box("free", 64) + box("moov", 100), Streamable.YES),
        (box("ftyp", 24) + box("free", 64, is_large=True) + box("moov", 100), Streamable.YES),
        (box("ftyp", 24) + box("mdat", 1000), Streamable.NO),
        (box("ftyp", 24) + box("wide", 8) + box("mdat", 64, is_large=True), Streamable.NO),
        (box("moov", 4000)[:100], Streamable.YES),
        (box("ftyp", 24) + box("free", 4000)[:100], Streamable.UNKNOWN),
        (box("ftyp", 24) + box("free", 2 * HEAD_BYTES)[:HEAD_BYTES], Streamable.NO),
        (box("ftyp", 24) + b"\0\0\0\0free" + bytes(HEAD_BYTES), Streamable.NO),
        (b"\x1a\x45\xdf\xa3" + bytes(100), Streamable.YES),
        (TS_PACKET * 3, Streamable.UNKNOWN),
        (TS_PACKET * 4, Streamable.YES),
        (TS_PACKET * 2 + bytes(188 * 2), Streamable.NO),
        (M2TS_PACKET * 3, Streamable.UNKNOWN),
        (M2TS_PACKET * 4, Streamable.YES),
        # A time may look like the beginning of a packet.
        ((b"\x47" + M2TS_PACKET[1:]) * 4, Streamable.YES),
        (M2TS_PACKET * 2 + bytes(192 * 2), Streamable.NO),
        (CHECKED_PACKET * 4, Streamable.YES),
        (b"\0\0\1\xba" + bytes(100), Streamable.YES),
        (b"\0\0\1\xb3" + bytes(1000), Streamable.NO),
        (b"RIFF\0\0\0\0AVI LIST", Streamable.NO),
        (b"<!doctype html><html>", Streamable.NO),
    ],
)
def test_the_beginning_tells(head: bytes, answer: Streamable) -> None:
    assert judge(head) is answer
