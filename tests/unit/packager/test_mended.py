"""A clock that jumps runs on: streams written packet by packet."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.mended import MendedClock, Shift, seems_to_run_on, ticks_at
from packager.core.stamps import WRAP_TICKS
from packager.core.transport import TransportPackets
from tests.unit.packager.transport_packets import KINDS, SOUND, lying, packet

SECOND, FRAME = 90_000, 3600
HOUR = 3600 * SECOND


def recording(begin: int, frames: int, frame: int = FRAME, sound: int = 0) -> bytes:
    """Pictures with a clock, and sound that is sent before the picture it goes with.

    Every third picture is shown later than the next two; the sound is `sound` ticks late.
    """
    packets = []
    for number in range(frames):
        time = (begin + number * frame) % WRAP_TICKS
        shown = time + (1 + 3 * (number % 3 == 0)) * frame
        packets += [
            packet((time + sound) % WRAP_TICKS, packet_id=0x101, stream=SOUND),
            packet(shown % WRAP_TICKS, time, clock=(time - SECOND) % WRAP_TICKS),
            packet(begins=False),
        ]
    return b"".join(packets)


def mend(data: bytes, sizes: tuple[int, ...] = (), clock: MendedClock | None = None) -> bytes:
    mended, out, start = clock or MendedClock(), b"", 0
    for size in sizes:
        out += mended.feed(data[start : start + size])
        start += size
    return out + mended.feed(data[start:]) + mended.rest()


@pytest.mark.parametrize("begin", [0, WRAP_TICKS - 20 * FRAME])
@pytest.mark.parametrize("frame", [FRAME, 9 * SECOND])
def test_a_clock_that_runs_on_is_left_alone(begin: int, frame: int) -> None:
    clock, data = MendedClock(), recording(begin, 50, frame)
    assert mend(data, clock=clock) == data
    assert clock.shifts == []


@pytest.mark.parametrize("again", [0, 40 * FRAME, 63 * FRAME, 10 * HOUR, WRAP_TICKS - HOUR])
@pytest.mark.parametrize("begin", [10 * SECOND, WRAP_TICKS - 20 * FRAME])
def test_what_follows_a_jump_follows_what_was_before(begin: int, again: int) -> None:
    clock, first = MendedClock(), recording(begin, 99)
    mended = mend(first + recording((begin + again) % WRAP_TICKS, 51), clock=clock)
    assert mended == recording(begin, 150)
    assert clock.shifts == [Shift(len(first), (99 * FRAME - again) % WRAP_TICKS)]


@pytest.mark.parametrize("packets", KINDS)
def test_packets_may_lie_apart(packets: TransportPackets) -> None:
    clock, first = MendedClock(), lying(recording(HOUR, 99), packets)
    cut = lying(packet(7), packets)[:99]
    data = first + lying(recording(0, 51), packets) + cut + lying(recording(9, 30), packets)
    whole = lying(recording(HOUR, 150), packets) + cut
    whole += lying(recording(HOUR + 150 * FRAME, 30), packets)
    assert mend(data, (100,) * 300, clock) == whole
    assert clock.shifts[0] == Shift(len(first), (99 * FRAME + HOUR) % WRAP_TICKS)


def test_a_short_jump_of_a_long_stream_is_found_too() -> None:
    later = recording(HOUR + 900 * FRAME - 2 * SECOND, 600)
    assert mend(recording(HOUR, 900) + later) == recording(HOUR, 1500)


def test_pictures_tell_the_time_and_sound_keeps_its_place() -> None:
    mended = mend(recording(HOUR, 30) + recording(0, 30, sound=700))
    assert mended == recording(HOUR, 30) + recording(HOUR + 30 * FRAME, 30, sound=700)


def test_every_jump_is_mended() -> None:
    parts = [recording(begin, 30) for begin in (HOUR, SECOND, 9 * HOUR, 5)]
    clock = MendedClock()
    assert mend(b"".join(parts), (9_000, 30_000), clock) == recording(HOUR, 120)
    assert [shift.position for shift in clock.shifts] == [len(parts[0]) * n for n in (1, 2, 3)]


def test_where_a_stream_is_entered_the_clock_is_corrected_as_before() -> None:
    data = b"".join(recording(begin, 30) for begin in (HOUR, SECOND, 9 * HOUR))
    whole = MendedClock()
    mended = mend(data, clock=whole)
    for position in (30 * 3 * 188, 50 * 3 * 188, 80 * 3 * 188):
        entered = MendedClock(position, ticks_at(whole.shifts, position))
        assert mend(data[position:], clock=entered) == mended[position:]
        assert entered.shifts == [s for s in whole.shifts if s.position > position]
    assert ticks_at(whole.shifts, 0) == 0


def test_an_interruption_is_closed_and_a_pause_is_not() -> None:
    short, long = (recording(0, 30) + recording(30 * FRAME + gap * SECOND, 5) for gap in (9, 11))
    assert mend(short) == short
    assert mend(long) == recording(0, 35)


def test_a_slide_show_whose_clock_goes_on_is_left_alone() -> None:
    slides = b"".join(
        packet(second * SECOND, packet_id=0x101, stream=SOUND, clock=second * SECOND)
        + (packet(second * SECOND) if second % 15 == 0 else b"")
        for second in range(60)
    )
    assert mend(slides) == slides


def test_a_slide_show_is_followed_through_damage_and_however_dense_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("packager.core.mended._MOST_HELD_BYTES", 20 * 188)
    slides = [
        packet(second * SECOND, packet_id=0x101, stream=SOUND, clock=second * SECOND)
        + packet(begins=False) * 7
        + (packet(second * SECOND) if second % 15 == 0 else b"")
        for second in range(60)
    ]
    damaged = b"".join([*slides[:20], b"lost", *slides[20:]])
    assert mend(damaged) == damaged


@pytest.mark.parametrize(
    "wrong",
    [
        [-5 * SECOND],
        [5 * SECOND],
        [20 * SECOND],
        [-HOUR],
        [HOUR],
        [2 * HOUR, 5 * HOUR, 60 * SECOND],
    ],
)
def test_wrong_times_are_no_jump(wrong: list[int]) -> None:
    first, second = recording(HOUR, 30), recording(HOUR + 30 * FRAME, 30)
    between = b"".join(packet((HOUR + 30 * FRAME + it) % WRAP_TICKS) for it in wrong)
    assert mend(first + between + second) == first + between + second


def still(begin: int, seconds: int) -> bytes:
    """What is sent of a clock while a picture is shown for long."""
    return b"".join(packet(begins=False, clock=begin + n * SECOND) for n in range(seconds))


def test_a_long_picture_is_no_interruption_but_a_silent_one_is() -> None:
    begin = HOUR + 30 * FRAME
    first, later = recording(HOUR, 30), recording(begin + 12 * SECOND, 30)
    behind = begin + 12 * SECOND + 30 * FRAME
    lasting = first + still(begin, 12) + later
    assert mend(lasting) == lasting
    assert mend(lasting + recording(behind + 15 * SECOND, 9)) == lasting + recording(behind, 9)
    interrupted = first + still(begin, 5) + recording(9 * HOUR, 30)
    joined = first + still(begin, 5) + recording(begin, 30)
    assert mend(interrupted) == joined
    once_more = interrupted + recording(9 * HOUR + 30 * FRAME + 12 * SECOND, 9)
    assert mend(once_more) == joined + recording(begin + 30 * FRAME, 9)


def test_what_could_not_be_held_was_heard_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packager.core.mended._MOST_HELD_BYTES", 5 * 188)
    begin = HOUR + 30 * FRAME
    lasting = recording(HOUR, 30) + still(begin, 12) + recording(begin + 12 * SECOND, 30)
    assert mend(lasting, (188 * 2,) * 90) == lasting


def test_noise_is_not_mended_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packager.core.mended._MOST_SHIFTS", 2)
    parts = [recording(begin, 30) for begin in (HOUR, SECOND, 9 * HOUR, 5)]
    clock = MendedClock()
    assert mend(b"".join(parts), clock=clock) == recording(HOUR, 90) + _shifted(parts[3], clock)
    assert len(clock.shifts) == 2


def _shifted(data: bytes, clock: MendedClock) -> bytes:
    return mend(data, clock=MendedClock(0, clock.shifts[-1].ticks))


def test_two_clocks_in_turns_are_no_jumps() -> None:
    one, other = recording(HOUR, 50), recording(9 * HOUR, 50)
    size = 3 * 188
    mixed = b"".join(
        one[start : start + size] + other[start : start + size]
        for start in range(0, len(one), size)
    )
    assert mend(mixed) == mixed


def test_sound_alone_tells_the_time() -> None:
    def radio(begin: int, frames: int) -> bytes:
        return b"".join(packet(begin + n * 1920, stream=SOUND) for n in range(frames))

    assert mend(radio(HOUR, 20) + radio(0, 20)) == radio(HOUR, 40)


def test_pictures_in_the_order_of_decoding_are_no_jump() -> None:
    reordered = b"".join(packet(SECOND + n * FRAME) for n in (0, 3, 1, 2, 6, 4, 5, 9, 7, 8))
    assert mend(reordered) == reordered


@pytest.mark.parametrize("noise", [b"\x00" * 77, b"\x47" * 3 + bytes(500), bytes(188 * 3)])
def test_damage_passes_and_what_follows_is_mended(noise: bytes) -> None:
    first, second, third = recording(HOUR, 30), recording(SECOND, 21), recording(5 * HOUR, 9)
    mended = mend(first + second[: 188 * 31] + noise + second[188 * 31 :] + third)
    whole = recording(HOUR, 60)
    split = len(first) + 188 * 31
    assert mended == whole[:split] + noise + whole[split:]


def test_a_packet_that_is_cut_off_where_recordings_join_is_no_harm() -> None:
    """What comes first of the second one is sound, which belongs to its clock."""
    first, second, third = recording(HOUR, 30), recording(0, 30), recording(5 * HOUR, 30)
    cut = packet(7)[:77]
    mended = mend(first + cut + second + cut + third)
    parts = [recording(HOUR + n * 30 * FRAME, 30) for n in range(3)]
    assert mended == cut.join(parts)


def test_damage_behind_the_first_picture_of_a_clock_hides_no_jump() -> None:
    first, second = recording(HOUR, 30), recording(0, 60)
    mended = mend(first + second[: 3 * 188] + b"lost" + second[3 * 188 :])
    # The first one is alone: it may be a wrong time.
    assert mended[-57 * 3 * 188 :] == recording(HOUR + 32 * FRAME, 57)


def test_what_lies_behind_an_end_is_passed_on_at_once() -> None:
    data = recording(HOUR, 30) + bytes(20_000_000)
    clock = MendedClock()
    passed = clock.feed(data)
    assert len(passed) > len(data) - 1000
    assert passed + clock.rest() == data


def test_streams_without_times_are_passed_on_while_they_come() -> None:
    clock, data = MendedClock(), packet(begins=False) * 100_000
    passed = clock.feed(data)
    assert len(passed) > len(data) // 2
    assert passed + clock.rest() == data


@given(st.lists(st.integers(0, 3000), max_size=20))
def test_it_does_not_matter_in_which_pieces_it_comes(sizes: list[int]) -> None:
    cut = packet(7)[:99]
    data = recording(HOUR, 21) + b"lost" + recording(0, 21) + cut + recording(9, 21) + b"end"
    whole, in_pieces = MendedClock(), MendedClock()
    assert mend(data, tuple(sizes), in_pieces) == mend(data, clock=whole)
    assert in_pieces.shifts == whole.shifts


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([9, 10, 11], True),
        ([9, 0, 12], True),
        ([60, 60, 200, 60], True),
        ([60, 60, 300, 60], False),
        ([1, 1, 9, 1], True),
        ([1, 1, 11, 1], False),
        ([9, -1, 12], False),
        ([9, 3600, 9], False),
    ],
)
def test_samples_tell_whether_a_clock_seems_to_run_on(steps: list[int], expected: bool) -> None:
    for begin in (0, WRAP_TICKS - 15 * SECOND):
        samples = accumulate((step * SECOND for step in steps), initial=begin)
        assert seems_to_run_on([ticks % WRAP_TICKS for ticks in samples]) is expected


@pytest.mark.parametrize("cut", [b"", packet(7)[:99]])
@pytest.mark.parametrize("sizes", [(188,) * 130, (100,) * 200, (188 * 66,)])
def test_a_piece_may_end_anywhere_near_a_jump(sizes: tuple[int, ...], cut: bytes) -> None:
    data = recording(HOUR, 21) + cut + recording(0, 21)
    assert mend(data, sizes) == cut.join(recording(HOUR + n * 21 * FRAME, 21) for n in range(2))


@given(st.binary(max_size=2000))
def test_what_is_no_transport_stream_is_left_alone(data: bytes) -> None:
    matroska = b"\x1a\x45\xdf\xa3" + data
    assert mend(matroska, (5, 100, 600)) == matroska


@given(st.binary(max_size=400), st.integers(0, 60 * 188))
def test_noise_loses_nothing(noise: bytes, place: int) -> None:
    data = recording(HOUR, 10) + recording(0, 10)
    noisy = data[:place] + noise + data[place:]
    assert len(mend(noisy)) == len(noisy)
