from collections.abc import Sequence
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from packager.core.fmp4 import Fragment, Sample
from packager.core.sound import (
    FRAME_TICKS,
    Cutting,
    SoundCutter,
    SoundSegment,
    heard_frames,
)

RATE = 48_000
SILENCE = b"silence"
SEGMENT_SECONDS = st.sampled_from([Fraction(4), Fraction(1001 * 120, 30000), Fraction(7, 2)])


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(count)]


def frames_of(segments: Sequence[SoundSegment]) -> list[bytes]:
    return [sample.data for segment in segments for sample in segment.samples]


@given(SEGMENT_SECONDS, st.integers(0, 2), st.integers(0, 2000), st.integers(1, 300))
def test_no_frame_is_lost_and_time_is_continuous(
    seconds: Fraction, priming: int, count: int, piece: int
) -> None:
    cutting = Cutting(seconds, RATE, priming, SILENCE)
    cutter = SoundCutter(cutting)
    frames = numbered(count)
    segments = []
    for start in range(0, count, piece):
        segments += cutter.feed(frames[start : start + piece])
    assert frames_of(segments) + list(cutter.rest) == frames
    position = 0
    for number, segment in enumerate(segments):
        assert segment.number == number
        assert segment.start_ticks == position
        position += len(segment.samples) * FRAME_TICKS
        heard = Fraction(segment.start_ticks - priming * FRAME_TICKS * (number > 0), RATE)
        assert abs(heard - number * seconds) <= Fraction(FRAME_TICKS, RATE) / 2


@given(SEGMENT_SECONDS, st.integers(0, 500), st.fractions(0, 20, max_denominator=1000))
@example(Fraction(4), 377, Fraction(4583, 572))
def test_the_end_meets_the_picture(seconds: Fraction, count: int, picture: Fraction) -> None:
    cutter = SoundCutter(Cutting(seconds, RATE, 1, SILENCE))
    segments = cutter.feed(numbered(count))
    published = len(frames_of(segments))
    segments += cutter.finish(picture)
    want = 1 + round(picture * RATE / FRAME_TICKS)
    if published and want == published + 1:
        want += 1  # no segment has one frame
    length = len(frames_of(segments))
    assert length >= published
    assert want - 2 <= length <= max(want, published)
    assert frames_of(segments)[:count] == numbered(min(count, length))
    assert set(frames_of(segments)[count:]) <= {SILENCE}


def test_priming_is_not_heard() -> None:
    cutter = SoundCutter(Cutting(Fraction(4), RATE, 1, SILENCE))
    first, second = cutter.feed(numbered(400))[:2]
    assert (len(first.samples), first.duration_ticks) == (189, 188 * FRAME_TICKS)
    assert (second.start_ticks, second.duration_ticks) == (189 * FRAME_TICKS, 187 * FRAME_TICKS)


def test_a_segment_is_completed_with_silence() -> None:
    cutter = SoundCutter(Cutting(Fraction(4), RATE, 1, SILENCE))
    cutter.feed(numbered(100))
    (segment,) = cutter.complete()
    assert len(segment.samples) == 189
    assert cutter.number == 1
    assert cutter.rest == ()


def test_no_segment_behind_the_first_is_a_single_frame() -> None:
    cutter = SoundCutter(Cutting(Fraction(4), RATE, 1, SILENCE))
    first, last = [*cutter.feed(numbered(190)), *cutter.finish(Fraction(190 * 1024, RATE))]
    assert (len(first.samples), len(last.samples)) == (189, 2)
    assert last.samples[1].data == SILENCE
    short = SoundCutter(Cutting(Fraction(4), RATE, 1, SILENCE))
    short.feed(numbered(1))
    assert [len(segment.samples) for segment in short.finish(Fraction(0))] == [1]


def test_time_that_is_gone_through_again_is_not_heard_again() -> None:
    durations = (1024, 1024, 1, 1, 836, 1024)
    samples = tuple(Sample(ticks, 0, 0, bytes([n])) for n, ticks in enumerate(durations))
    assert heard_frames(Fragment(0, samples)) == [bytes([n]) for n in (0, 1, 4, 5)]
