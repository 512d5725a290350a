import pytest

from packager.core.transport_clock import ClockReference, jumps_back, read_clocks

WRAP = 1 << 33


def packet(packet_id: int, ticks: int | None) -> bytes:
    head = bytes([0x47, packet_id >> 8, packet_id & 0xFF])
    if ticks is None:
        return (head + b"\x10").ljust(188, b"\x47")
    clock = (ticks << 15 | 0x7E00).to_bytes(6, "big")
    return (head + b"\x30\x07\x10" + clock).ljust(188, b"\xff")


def test_the_clocks_in_a_piece_are_read_wherever_it_begins() -> None:
    stream = packet(256, None) + packet(256, WRAP - 1) + packet(257, None) + packet(300, 90_000)
    expected = [ClockReference(256, WRAP - 1), ClockReference(300, 90_000)]
    assert read_clocks(stream) == expected
    assert read_clocks(stream[100:] + packet(256, 5)[:100]) == expected
    assert read_clocks(bytes(100_000)) == []
    assert read_clocks(b"") == []


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ([], False),
        ([5], False),
        ([5, 5, 90_000], False),
        ([WRAP - 10, 10, 20], False),
        ([90_000, 180_000, 89_999], True),
        ([10, WRAP - 10], True),
    ],
)
def test_only_a_wrap_goes_back(ticks: list[int], expected: bool) -> None:
    assert jumps_back(ClockReference(256, value) for value in ticks) is expected


def test_programs_have_clocks_of_their_own() -> None:
    two = [ClockReference(256, 900), ClockReference(300, 5), ClockReference(256, 901)]
    assert not jumps_back(two)
