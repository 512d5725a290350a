import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.packets import add_ticks, find_packets, packet_runs
from packager.core.stamps import WRAP_TICKS, Stamp, StampKind, difference
from packager.core.transport import TransportPackets
from tests.unit.packager.transport_packets import KINDS, SOUND, lying, packet

PACKETS = TransportPackets()

TICKS = st.integers(0, WRAP_TICKS - 1)


def test_a_packet_tells_its_clock_and_when_its_unit_is_shown_and_decoded() -> None:
    assert PACKETS.stamps(packet(90_000, 86_400, clock=WRAP_TICKS - 1), 0) == [
        Stamp(0x100, StampKind.CLOCK, 6, WRAP_TICKS - 1),
        Stamp(0x100, StampKind.SHOWN, 21, 90_000, of_pictures=True),
        Stamp(0x100, StampKind.DECODED, 26, 86_400, of_pictures=True),
    ]
    behind = bytes(7) + packet(5, packet_id=0x1FFF, stream=SOUND, filler=3)
    assert PACKETS.stamps(behind, 7) == [Stamp(0x1FFF, StampKind.SHOWN, 7 + 16, 5)]


def test_other_packets_tell_nothing() -> None:
    for other in (
        packet(5, begins=False),
        packet(5, stream=0xBE),
        packet(),
        packet(5, filler=180),
        packet(5)[:-1],
        b"\x48" + packet(5)[1:],
    ):
        assert PACKETS.stamps(other, 0) == []


@given(TICKS, TICKS, TICKS, st.integers(0, WRAP_TICKS - 1))
def test_a_time_is_corrected_and_nothing_else(
    clock: int, shown: int, decoded: int, ticks: int
) -> None:
    before = packet(shown, decoded, clock=clock)
    data = bytearray(before)
    for stamp in PACKETS.stamps(data, 0):
        add_ticks(PACKETS, data, stamp, ticks)
    times = [stamp.ticks for stamp in PACKETS.stamps(data, 0)]
    assert times == [(time + ticks) % WRAP_TICKS for time in (clock, shown, decoded)]
    for stamp in PACKETS.stamps(data, 0):
        add_ticks(PACKETS, data, stamp, WRAP_TICKS - ticks)
    assert data == before


def test_packets_are_found_wherever_a_piece_begins() -> None:
    stream = b"".join(packet(n) for n in range(4))
    assert [PACKETS.next(stream, start) for start in (0, 1, 188, 189)] == [0, 188, 188, None]
    assert PACKETS.next(bytes(1_000_000) + stream, 3) == 1_000_000
    assert PACKETS.next(b"", 0) is None


@pytest.mark.parametrize("packets", KINDS)
def test_packets_are_found_however_they_lie(packets: TransportPackets) -> None:
    stream = lying(b"".join(packet(n, clock=n) for n in range(4)), packets)
    assert find_packets(stream) == packets
    assert not any(map(find_packets, (stream[1:], stream[-2 * packets.stride :], b"")))
    stride, end = packets.stride, len(stream)
    starts = [packets.next(b"lost" + stream, at) for at in (0, 5, 5 + stride)]
    assert starts == [4, 4 + stride, None]
    assert list(packet_runs(packets, stream + b"lost!")) == [(0, end - stride)]
    assert list(packet_runs(packets, stream)) == [(0, end)]
    assert list(packets.unit_begins(stream, stride, end)) == [stride, 2 * stride, 3 * stride]
    assert list(packets.stamped(stream, stride, end)) == [stride, 2 * stride, 3 * stride]
    assert packets.whole_stop(stream, stride, 2 * stride) == 2 * stride
    assert packets.whole_stop(stream, stride, 2 * stride - 1) == stride
    assert packets.whole_stop(b"lost" + stream, 3, end) == 3
    assert packets.followed_stop(stream, stride) == end - stride
    assert [stamp.ticks for stamp in packets.stamps(stream, 3 * stride)] == [3, 3]
    data = bytearray(stream)
    for stamp in packets.stamps(data, stride):
        add_ticks(PACKETS, data, stamp, 5)
    assert data == lying(b"".join(packet(n, clock=n) for n in (0, 6, 2, 3)), packets)


def test_packets_follow_each_other_between_damage() -> None:
    stream = b"".join(packet(n) for n in range(4))
    damaged = b"lost" + stream + b"and lost" + stream + b"\x47"
    # The last one before damage may be cut off.
    first, second = (4, 568), (764, 1516)
    assert list(packet_runs(PACKETS, damaged)) == [first, second]
    assert list(packet_runs(PACKETS, bytes(900))) == []


def test_packets_in_a_row_end_before_one_that_is_damaged() -> None:
    stream = b"".join(packet(n) for n in range(4))
    assert PACKETS.synced_stop(stream + b"\x47", 188) == len(stream)
    assert PACKETS.synced_stop(stream[:376] + b"\0" + stream[377:], 0) == 188


def test_packets_are_chosen_by_what_they_may_hold() -> None:
    kinds = [packet(1), packet(begins=False), packet(begins=False, filler=4), packet(2)]
    stream = b"".join(kinds)
    assert list(PACKETS.unit_begins(stream, 0, len(stream))) == [0, 3 * 188]
    assert list(PACKETS.unit_begins(stream, 188, 3 * 188)) == []
    assert list(PACKETS.stamped(stream, 0, len(stream))) == [0, 2 * 188, 3 * 188]


def test_a_difference_goes_the_shorter_way_around() -> None:
    assert difference(5, WRAP_TICKS - 5) == 10
    assert difference(WRAP_TICKS - 5, 5) == -10
    assert difference(900, 100) == 800
