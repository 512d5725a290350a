"""The constant frame rate a source is brought to."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain, pairwise
from operator import itemgetter

MAX_FRAME_RATE = Fraction(60)
MIN_FRAME_RATE = Fraction(1)
# Containers round: Matroska to milliseconds, AVI to microseconds a frame, phones to their clock.
USUAL_RATES = (
    Fraction(10),
    Fraction(12),
    Fraction(15),
    Fraction(20),
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
_SAME_RATE = Fraction(1, 2500)
_PLAUSIBLE_REAL_RATE = Fraction(130)
# What cameras slow down afterwards; a thousand is a clock of milliseconds.
_FASTEST = Fraction(961)
# How far the average of a steady rate may be from it.
_EQUAL = Fraction(1, 50)
# An average that is so near a usual rate is not one of pictures that were left out here and there.
_EXACT = Fraction(1, 20_000)
_STEADY = Fraction(13, 10)
# At twice the average, it may be the rate of the fields.
_FIELDS = Fraction(19, 10)
_BARELY_ABOVE = Fraction(102, 100)
_LARGEST_DENOMINATOR = 1001
# What moves from the beginning on is seldom slower, and seldom moves faster later.
_FAST = Fraction(24)
# So few pictures may be lost. How long intervals are in a burst, in those of the shortest.
_BURST_SHARE = Fraction(1, 20)
_BURST_INTERVALS = Fraction(3, 4), Fraction(5, 4)
# Pictures come in the order in which they are decoded: a little before others shown later.
_SET_BACK_SECONDS = 1
# In frames.
_DELAYS = Fraction(1, 4), Fraction(-1, 4)


def output_frame_rate(*, real: Fraction | None, average: Fraction | None) -> Fraction:
    """The rate of every rendition of a source, in frames a second.

    Args:
        real: ffprobe's `r_frame_rate`: the lowest rate that can express all time stamps.
        average: ffprobe's `avg_frame_rate`: frames over duration.

    Returns:
        The source's own rate when it is steady and at most 60; above 60 it is halved, below 1
        multiplied. A variable rate becomes the next usual one that loses no frames.
    """
    if real is not None and _is_steady(real, average):
        steady = min(_named(_multiplied(_halve(real))), MAX_FRAME_RATE)
        return _settled(steady, average)
    if average is not None and average <= _PLAUSIBLE_REAL_RATE:
        return _at_least(_halve(average))
    return Fraction(30)


def is_certain(*, real: Fraction | None, average: Fraction | None) -> bool:
    """Whether a source begins so steadily, and so fast, that it is taken at its word."""
    if real is None or average is None:
        return False
    return _is_near(real, average, _EQUAL) and average >= _FAST * (1 - _EQUAL)


def losing_none(rate: Fraction, shown: Iterable[float]) -> tuple[Fraction, Fraction]:
    """A rate, or that of the bursts that it would lose, and how much later its frames are due.

    Pictures of film that is pulled down to video lie in the middle between two frames: then all are
    due a part of a frame later or earlier than the first picture, so that none is rounded to where
    another one is.

    Where recordings are joined, the clock is set back: each is judged by its own times, and the
    delay is the first one's.

    Args:
        rate: In frames a second.
        shown: When pictures are shown, in seconds, in the order of the file.
    """
    runs = _runs(shown)
    intervals = sorted(later - earlier for earlier, later in chain(*map(pairwise, runs)))
    few = int(len(intervals) * _BURST_SHARE)
    judged = [_best_delay(rate, run) for run in runs]
    _, delay = judged[0]
    if sum(lost for lost, _ in judged) > few:
        shortest, longest = (intervals[few] * share for share in _BURST_INTERVALS)
        burst = [interval for interval in intervals if shortest <= interval <= longest]
        burst_rate = Fraction(len(burst) / sum(burst))
        if burst_rate <= _FASTEST:
            rate = max(rate, _at_least(_halve(burst_rate)))
            _, delay = _best_delay(rate, runs[0])
    return rate, delay


def _runs(shown: Iterable[float]) -> Sequence[Sequence[float]]:
    """The different times, in order, of each part in which the clock is not set back; one or more.

    Windows of a file that overlap are parts, too.
    """
    runs, latest = [set[float]()], -math.inf
    for time in shown:
        is_set_back = time < latest - _SET_BACK_SECONDS
        if is_set_back:
            runs.append(set())
        if is_set_back or time > latest:
            latest = time
        runs[-1].add(time)
    return [sorted(run) for run in runs]


def _best_delay(rate: Fraction, times: Sequence[float]) -> tuple[int, Fraction]:
    """How many pictures would be at one frame with another, with the delay that suits them best."""
    none = Fraction(0)
    undelayed = _lost(rate, times, none), none
    if not undelayed[0]:
        return undelayed
    delayed = ((_lost(rate, times, delay), delay) for delay in _DELAYS)
    return min(undelayed, *delayed, key=itemgetter(0))


def _lost(rate: Fraction, times: Sequence[float], delay: Fraction) -> int:
    # Fractions would take three times as long, of a million pictures.
    per_second, later, first = float(rate), float(delay), min(times, default=0)
    return len(times) - len({round((time - first) * per_second - later) for time in times})


def _is_steady(real: Fraction, average: Fraction | None) -> bool:
    if average is not None and _is_near(real, average, _EQUAL):
        return real <= _FASTEST
    if real > _PLAUSIBLE_REAL_RATE:
        return False
    if average is None or average > real:
        return True
    # Frames that are left out are repeated: that costs little, and shows each one when it is due.
    return real / average <= (_FIELDS if real <= MAX_FRAME_RATE else _STEADY)


def _settled(steady: Fraction, average: Fraction | None) -> Fraction:
    """A steady rate, or the usual one that it is mistaken for.

    ffprobe finds a rate in the first seconds: one late picture there makes another one of it.
    """
    if average is None:
        return steady
    counted = _multiplied(_halve(average))
    usual = _at_least(counted)
    is_doubtful = steady not in USUAL_RATES and not _is_near(counted, steady, _SAME_RATE)
    is_mistaken = is_doubtful or _is_near(counted, usual, _EXACT)
    return usual if is_mistaken and _is_near(usual, steady, _EQUAL) else steady


def _is_near(rate: Fraction, other: Fraction, share: Fraction) -> bool:
    return abs(rate - other) <= other * share


def _halve(rate: Fraction) -> Fraction:
    while rate > MAX_FRAME_RATE * (1 + _SAME_RATE):
        rate /= 2
    return rate


def _named(rate: Fraction) -> Fraction:
    """The usual rate that `rate` is a rounding of, or `rate` itself."""
    nearest = min(USUAL_RATES, key=lambda usual: abs(usual - rate))
    if _is_near(rate, nearest, _SAME_RATE):
        return nearest
    return rate.limit_denominator(_LARGEST_DENOMINATOR)


def _at_least(rate: Fraction) -> Fraction:
    """The usual rate that `rate` is, or the lowest whole one that is not noticeably below it."""
    if _named(rate) in USUAL_RATES:
        return _named(rate)
    whole = (usual for usual in USUAL_RATES if usual.denominator == 1)
    return next((usual for usual in whole if usual * _BARELY_ABOVE >= rate), MAX_FRAME_RATE)


def _multiplied(rate: Fraction) -> Fraction:
    """A usual number of frames for pictures that are too rare: each is due at one of them."""
    if rate >= MIN_FRAME_RATE:
        return rate
    return rate * math.ceil(min(USUAL_RATES) * (1 - _SAME_RATE) / rate)
