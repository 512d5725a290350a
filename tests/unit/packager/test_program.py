"""Packets of program streams, and a clock of theirs that jumps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.mended import MendedClock, Shift
from packager.core.packets import add_ticks, find_packets, packet_runs
from packager.core.pictures_pace import PicturesPace
from packager.core.program import ProgramPackets
from packager.core.stamps import WRAP_TICKS, Stamp, StampKind
from tests.unit.packager.program_packets import pack, unit
from tests.unit.packager.transport_packets import SOUND

PACKETS = ProgramPackets()
TICKS = st.integers(0, WRAP_TICKS - 1)
SECOND, FRAME = 90_000, 3600
HOUR = 3600 * SECOND
PADDING = b"\0\0\1\xbe\0\x04" + b"\xff" * 4
# Beginnings of MPEG-2's units; a header of the system, which the first pack holds.
SEQUENCE, PICTURE = b"\0\0\1\xb3\x2d", b"\0\0\1\0\x0a"
SYSTEM = b"\0\0\1\xbb\0\x06" + bytes(6)


def recording(begin: int, frames: int) -> bytes:
    """A pack for each picture and its sound; times of pictures only in every third."""
    packs = [SYSTEM]
    for number in range(frames):
        time = (begin + number * FRAME) % WRAP_TICKS
        times = ((time + FRAME) % WRAP_TICKS, time) if number % 3 == 0 else ()
        packs += [
            pack((time - SECOND) % WRAP_TICKS, number % 4),
            unit(*times, size=2000, payload=SEQUENCE + PICTURE if times else PICTURE),
            unit(),
            unit(time, stream=SOUND, size=40, payload=PICTURE if times else b""),
            PADDING,
        ]
    packs[0:2] = [packs[1], packs[0]]
    return b"".join(packs)


def mend(data: bytes, sizes: tuple[int, ...], clock: MendedClock) -> bytes:
    out, start = b"", 0
    for size in sizes:
        out += clock.feed(data[start : start + size])
        start += size
    return out + clock.feed(data[start:]) + clock.rest()


def test_packets_tell_the_clock_and_when_units_are_shown_and_decoded() -> None:
    assert PACKETS.stamps(pack(WRAP_TICKS - 2) + SYSTEM, 0) == [
        Stamp(0xBA, StampKind.CLOCK, 4, WRAP_TICKS - 2)
    ]
    assert PACKETS.stamps(b"lost" + unit(90_000, 86_400), 4) == [
        Stamp(0xE0, StampKind.SHOWN, 13, 90_000, of_pictures=True),
        Stamp(0xE0, StampKind.DECODED, 18, 86_400, of_pictures=True),
    ]
    for other in (unit(), PADDING, SYSTEM, b"\0\0\1\xb3" + bytes(9), b"lost", b""):
        assert PACKETS.stamps(other, 0) == []


@given(TICKS, TICKS, TICKS, TICKS)
def test_times_are_corrected_and_nothing_else(
    clock: int, shown: int, decoded: int, ticks: int
) -> None:
    before = pack(clock) + unit(shown, decoded)
    data = bytearray(before)
    for added in (ticks, WRAP_TICKS - ticks):
        for begin in (0, 14):
            for stamp in PACKETS.stamps(data, begin):
                add_ticks(PACKETS, data, stamp, added)
        if added == ticks:
            later = ((time + ticks) % WRAP_TICKS for time in (clock, shown, decoded))
            first, *others = later
            assert data == pack(first) + unit(*others)
    assert data == before


def test_packs_are_found_that_something_follows() -> None:
    stream = pack(1, 3) + unit(1) + pack(2) + unit(2)
    assert isinstance(find_packets(stream), ProgramPackets)
    assert [PACKETS.next(b"lost" + stream, start) for start in (0, 5, 90)] == [4, 81, None]
    mpeg_1 = b"\0\0\1\xba\x21" + pack(1)[5:] + unit(1)
    for other in (mpeg_1, stream[1:], unit(1) + stream, pack(1), pack(1) + b"lost", b""):
        assert find_packets(other) is None


def test_packets_follow_each_other_between_damage() -> None:
    parts = [pack(1, 3), unit(1), pack(2), unit(2), b"\0\0\1\xb9"]
    stream = b"".join(parts)
    end, last, cut = len(stream), len(stream) - 4, len(stream) - 64
    assert PACKETS.synced_stop(stream, 0) == end
    assert PACKETS.followed_stop(stream, 0) == last
    # Part of a packet, or of its start code.
    for part in (b"\0", b"\0\0\1", b"\0\0\1\xe0\0", unit(3)[:-1]):
        assert PACKETS.synced_stop(stream + part, 0) == PACKETS.followed_stop(stream + part, 0)
        assert PACKETS.synced_stop(stream + part, 0) == end
    damaged = stream[:last] + b"lost" + stream
    assert PACKETS.synced_stop(damaged, 0) == PACKETS.followed_stop(damaged, 0) == cut
    assert list(packet_runs(PACKETS, damaged)) == [(0, cut), (last + 4, last + 4 + end)]
    assert PACKETS.whole_stop(stream, 0, 17) == 17
    assert PACKETS.whole_stop(stream, 0, 16) == PACKETS.whole_stop(b"lost", 0, 4) == 0
    assert PACKETS.synced_stop(b"lost", 0) == PACKETS.followed_stop(b"", 0) == 0


def test_a_stream_is_entered_at_a_pack_in_which_a_picture_begins() -> None:
    packs = [pack(1) + unit(5, stream=SOUND) + unit(9, 8), pack(2) + unit(), pack(3) + unit(7)]
    stream = b"".join(packs)
    entries = PACKETS.entries(b"lost" + stream, 4, 4 + len(stream))
    entered = [(begin, stamp.ticks) for begin, stamp in entries]
    assert entered == [(4, 9), (4 + len(packs[0]) + len(packs[1]), 7)]
    assert list(PACKETS.unit_begins(stream, 0, len(stream))) == [14, 74, 134 + 74 + 14]


def test_the_beginning_of_a_stream_is_read_before_it_is_entered() -> None:
    stream = recording(0, 10)
    assert PACKETS.head_stop(stream) == len(stream) - len(PADDING)
    long = stream * (1 + (256 << 10) // len(stream))
    assert 0 < (256 << 10) - PACKETS.head_stop(long) <= 2000


@pytest.mark.parametrize("again", [0, 10 * HOUR, WRAP_TICKS - HOUR])
@pytest.mark.parametrize("sizes", [(), (700,) * 300])
@pytest.mark.parametrize("frames", [60, 61, 62])
def test_what_follows_a_jump_follows_what_was_before(
    again: int, sizes: tuple[int, ...], frames: int
) -> None:
    clock, first = MendedClock(), recording(HOUR, frames)
    second = recording((HOUR + again) % WRAP_TICKS, 30)
    mended = mend(first + second, sizes, clock)
    assert mended == first + recording(HOUR + frames * FRAME, 30)
    assert clock.shifts == [Shift(len(first), (frames * FRAME - again) % WRAP_TICKS)]


@pytest.mark.parametrize("cut", [1, 30, 50, 100])
def test_a_packet_that_is_cut_off_where_recordings_join_is_no_harm(cut: int) -> None:
    clock, first, second = MendedClock(), recording(HOUR, 60), recording(0, 100)
    mended = mend(first[:-cut] + second, (), clock)
    assert len(clock.shifts) == 1
    assert mended[: len(first) - cut] == first[:-cut]
    following = recording(clock.shifts[0].ticks, 100)
    assert mended[len(first) - cut :] == following


def test_a_part_of_the_pictures_does_not_tell_how_long_each_lasts() -> None:
    first, again = recording(HOUR, 63), recording(0, 90)
    at = len(recording(HOUR, 58))
    mended = mend(first[:at] + b"lost" + first[at:] + again, (), MendedClock())
    assert mended == first[:at] + b"lost" + first[at:] + recording(HOUR + 63 * FRAME, 90)


def test_pictures_are_counted_where_they_are_those_of_mpeg_2() -> None:
    pace = PicturesPace(3600)
    assert pace.ticks(PICTURE * 3) == 3600
    pace.note(3000, PICTURE * 2)
    assert pace.ticks(PICTURE * 3) == 3000
    pace.note(7200, SEQUENCE + PICTURE * 2)
    assert pace.ticks(PICTURE * 3) == 10_800
    assert pace.ticks(b"") == 3600
    pace.note(1500, b"")
    assert pace.ticks(PICTURE * 2) == 3000


@given(st.binary(max_size=400), st.integers(0, 4000))
def test_noise_loses_nothing(noise: bytes, place: int) -> None:
    data = recording(HOUR, 10) + recording(0, 10)
    noisy = data[:place] + noise + data[place:]
    assert len(mend(noisy, (100,) * 9, MendedClock())) == len(noisy)
