"""A circuit breaker: whom not to ask for a while, learned from real traffic.

    Closed    asked; opens after a row of failures, or when too large a share of requests fails
    Open      not asked until its pause is over
    HalfOpen  one request is under way to find out; its outcome closes or opens again

Only what got no answer, or no whole one, is a failure: an upstream that answers, even with an error
or with what cannot be understood, is there, and that may concern one object alone. So may a
connection that ends or stays silent: of those, `edge.traffic` counts the first of each object.
"""

from dataclasses import dataclass
from typing import assert_never

from edge.core.retry import backoff_seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """When a breaker opens and for how long.

    Attributes:
        failures: So many in a row open it.
        share: So large a share of failures opens it,
        requests: once at least so many are remembered.
        half_life_seconds: In this time the memory of a request loses half of its weight.
        first_pause_seconds: How long it is open the first time; the pause doubles, up to
        longest_pause_seconds: this.
        probe_seconds: After so long without an outcome another request may find out as well.
        lasting_seconds: A body that still arrives after so long is a good answer already.
    """

    failures: int = 5
    share: float = 0.5
    requests: float = 20.0
    half_life_seconds: float = 10.0
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 10.0
    probe_seconds: float = 10.0
    lasting_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Closed:
    """Asked. `failures_in_row` since the last answer; the weights fade since `weighed_at`."""

    failures_in_row: int = 0
    failed_weight: float = 0.0
    asked_weight: float = 0.0
    weighed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Open:
    """Not asked until `until`. It opened `times` times without an answer in between."""

    until: float
    times: int


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """One request is under way, and until `until` no other is to find out."""

    times: int
    until: float


Breaker = Closed | Open | HalfOpen


def spell(breaker: Breaker) -> tuple[type[Breaker], int]:
    """What it is, and for which time in a row: outcomes of an earlier spell are no news."""
    return type(breaker), 0 if isinstance(breaker, Closed) else breaker.times


def admits(breaker: Breaker, now: float) -> bool:
    """Whether the upstream may be asked now."""
    match breaker:
        case Closed():
            return True
        case Open(until=until) | HalfOpen(until=until):
            return now >= until
        case _:
            assert_never(breaker)


def asked(breaker: Breaker, now: float, limits: Limits) -> Breaker:
    """The breaker while an admitted request is under way."""
    if isinstance(breaker, Closed):
        return breaker
    return HalfOpen(breaker.times, now + limits.probe_seconds)


def answered(breaker: Breaker, now: float, limits: Limits) -> Breaker:
    """The breaker after an answer."""
    if isinstance(breaker, Closed):
        return _weighed(breaker, now, limits, is_failure=False)
    return Closed(weighed_at=now)


def failed(breaker: Breaker, now: float, limits: Limits, jitter: float) -> Breaker:
    """The breaker after a request without an answer; `jitter` is random, from 0 to 1."""
    match breaker:
        case Closed():
            weighed = _weighed(breaker, now, limits, is_failure=True)
            return _opened(1, now, limits, jitter) if _trips(weighed, limits) else weighed
        case HalfOpen(times=times):
            return _opened(times + 1, now, limits, jitter)
        case Open():
            return breaker  # asked before it opened
        case _:
            assert_never(breaker)


def abandoned(breaker: Breaker, now: float) -> Breaker:
    """The breaker after a request that was given up: nothing was learned, the next may find out."""
    return Open(now, breaker.times) if isinstance(breaker, HalfOpen) else breaker


def _weighed(closed: Closed, now: float, limits: Limits, *, is_failure: bool) -> Closed:
    faded = 0.5 ** (max(0.0, now - closed.weighed_at) / limits.half_life_seconds)
    return Closed(
        failures_in_row=closed.failures_in_row + 1 if is_failure else 0,
        failed_weight=closed.failed_weight * faded + is_failure,
        asked_weight=closed.asked_weight * faded + 1.0,
        weighed_at=now,
    )


def _trips(closed: Closed, limits: Limits) -> bool:
    fails_often = closed.failed_weight >= limits.share * closed.asked_weight
    return closed.failures_in_row >= limits.failures or (
        fails_often and closed.asked_weight >= limits.requests
    )


def _opened(times: int, now: float, limits: Limits, jitter: float) -> Open:
    pause = backoff_seconds(times, limits.first_pause_seconds, limits.longest_pause_seconds, jitter)
    return Open(now + pause, times)
