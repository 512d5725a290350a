from hypothesis import given
from hypothesis import strategies as st

from packager.core.transport import (
    WRAP_TICKS,
    Stamp,
    StampKind,
    add_ticks,
    begins_with_packets,
    difference,
    next_packet,
    packet_runs,
    read_stamps,
    stamped_packets,
    synced_stop,
    unit_begins,
)
from tests.unit.packager.transport_packets import SOUND, packet

TICKS = st.integers(0, WRAP_TICKS - 1)


def test_a_packet_tells_its_clock_and_when_its_unit_is_shown_and_decoded() -> None:
    assert read_stamps(packet(90_000, 86_400, clock=WRAP_TICKS - 1), 0) == [
        Stamp(0x100, StampKind.CLOCK, 6, WRAP_TICKS - 1),
        Stamp(0x100, StampKind.SHOWN, 21, 90_000, of_pictures=True),
        Stamp(0x100, StampKind.DECODED, 26, 86_400, of_pictures=True),
    ]
    behind = bytes(7) + packet(5, packet_id=0x1FFF, stream=SOUND, filler=3)
    assert read_stamps(behind, 7) == [Stamp(0x1FFF, StampKind.SHOWN, 7 + 16, 5)]


def test_other_packets_tell_nothing() -> None:
    for other in (
        packet(5, begins=False),
        packet(5, stream=0xBE),
        packet(),
        packet(5, filler=180),
        packet(5)[:-1],
        b"\x48" + packet(5)[1:],
    ):
        assert read_stamps(other, 0) == []


@given(TICKS, TICKS, TICKS, st.integers(0, WRAP_TICKS - 1))
def test_a_time_is_corrected_and_nothing_else(
    clock: int, shown: int, decoded: int, ticks: int
) -> None:
    before = packet(shown, decoded, clock=clock)
    data = bytearray(before)
    for stamp in read_stamps(data, 0):
        add_ticks(data, stamp, ticks)
    times = [stamp.ticks for stamp in read_stamps(data, 0)]
    assert times == [(time + ticks) % WRAP_TICKS for time in (clock, shown, decoded)]
    for stamp in read_stamps(data, 0):
        add_ticks(data, stamp, WRAP_TICKS - ticks)
    assert data == before


def test_packets_are_found_wherever_a_piece_begins() -> None:
    stream = b"".join(packet(n) for n in range(4))
    assert [next_packet(stream, start) for start in (0, 1, 188, 189)] == [0, 188, 188, None]
    assert next_packet(bytes(1_000_000) + stream, 3) == 1_000_000
    assert next_packet(b"", 0) is None
    assert begins_with_packets(stream)
    assert not any(map(begins_with_packets, (stream[1:], stream[190:], b"")))


def test_packets_follow_each_other_between_damage() -> None:
    stream = b"".join(packet(n) for n in range(4))
    damaged = b"lost" + stream + b"and lost" + stream + b"\x47"
    # The last one before damage may be cut off.
    first, second = (4, 568), (764, 1516)
    assert list(packet_runs(damaged)) == [first, second]
    assert list(packet_runs(bytes(900))) == []


def test_packets_in_a_row_end_before_one_that_is_damaged() -> None:
    stream = b"".join(packet(n) for n in range(4))
    assert synced_stop(stream + b"\x47", 188) == len(stream)
    assert synced_stop(stream[:376] + b"\0" + stream[377:], 0) == 188


def test_packets_are_chosen_by_what_they_may_hold() -> None:
    kinds = [packet(1), packet(begins=False), packet(begins=False, filler=4), packet(2)]
    stream = b"".join(kinds)
    assert list(unit_begins(stream, 0, len(stream))) == [0, 3 * 188]
    assert list(unit_begins(stream, 188, 3 * 188)) == []
    assert list(stamped_packets(stream, 0, len(stream))) == [0, 2 * 188, 3 * 188]


def test_a_difference_goes_the_shorter_way_around() -> None:
    assert difference(5, WRAP_TICKS - 5) == 10
    assert difference(WRAP_TICKS - 5, 5) == -10
    assert difference(900, 100) == 800
