"""The circuit breaker: it opens for real failures only, lets one request find out, and closes."""

from hypothesis import given
from hypothesis import strategies as st

from edge.core.breaker import (
    Breaker,
    Closed,
    HalfOpen,
    Limits,
    Open,
    abandoned,
    admits,
    answered,
    asked,
    failed,
)

LIMITS = Limits(failures=3, requests=8.0, half_life_seconds=10.0)


def _failed(breaker: Breaker, times: int, now: float = 0.0) -> Breaker:
    for _ in range(times):
        breaker = failed(asked(breaker, now, LIMITS), now, LIMITS, jitter=1.0)
    return breaker


def test_a_row_of_failures_opens_and_an_answer_between_them_does_not_let_it_come_to_that() -> None:
    assert isinstance(_failed(Closed(), 2), Closed)
    assert _failed(Closed(), 3) == Open(until=1.0, times=1)
    saved = answered(_failed(Closed(), 2), 0.0, LIMITS)
    assert isinstance(_failed(saved, 2), Closed)


def test_a_large_share_of_failures_opens_though_no_row_does() -> None:
    breaker: Breaker = Closed()
    for _ in range(3):
        breaker = _failed(answered(breaker, 0.0, LIMITS), 1)
    assert isinstance(breaker, Closed)
    breaker = _failed(answered(breaker, 0.0, LIMITS), 1)
    assert isinstance(breaker, Open)


def test_old_failures_are_forgotten() -> None:
    breaker: Breaker = Closed()
    for now in range(0, 1000, 40):
        breaker = _failed(answered(breaker, now, LIMITS), 1, now + 1.0)
    assert isinstance(breaker, Closed)


def test_one_request_finds_out_after_the_pause() -> None:
    opened = _failed(Closed(), 3)
    assert not admits(opened, 0.99)
    assert admits(opened, 1.0)
    probing = asked(opened, 1.0, LIMITS)
    assert probing == HalfOpen(times=1, until=11.0)
    assert not admits(probing, 5.0)
    closed = answered(probing, 5.0, LIMITS)
    assert isinstance(closed, Closed)
    assert isinstance(_failed(closed, 2, 5.0), Closed)


def test_the_pause_doubles_up_to_its_bound() -> None:
    breaker, now, pauses = _failed(Closed(), 3), 0.0, []
    for _ in range(6):
        assert isinstance(breaker, Open)
        pauses.append(breaker.until - now)
        now = breaker.until
        breaker = failed(asked(breaker, now, LIMITS), now, LIMITS, jitter=1.0)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_request_that_is_given_up_lets_the_next_find_out() -> None:
    breaker = abandoned(asked(_failed(Closed(), 3), 6.0, LIMITS), 7.0)
    assert breaker == Open(until=7.0, times=1)
    assert admits(breaker, 7.0)
    assert abandoned(Closed(), 7.0) == Closed()


def test_another_request_finds_out_where_one_lasts() -> None:
    probing = asked(_failed(Closed(), 3), 1.0, LIMITS)
    assert not admits(probing, 10.9)
    assert admits(probing, 11.0)
    assert asked(probing, 11.0, LIMITS) == HalfOpen(times=1, until=21.0)


_events = st.sampled_from(["ask", "answer", "fail", "abandon"])


@given(st.lists(st.tuples(_events, st.floats(0, 20), st.floats(0, 1)), max_size=80))
def test_it_never_stays_shut(events: list[tuple[str, float, float]]) -> None:
    """Whatever happens: when no request is under way, a while later one is admitted."""
    breaker: Breaker = Closed()
    under_way, now = 0, 0.0
    for event, passed, jitter in events:
        now += passed
        if event == "ask" and admits(breaker, now):
            breaker, under_way = asked(breaker, now, LIMITS), under_way + 1
            assert isinstance(breaker, Closed) or not admits(breaker, now)
        elif event != "ask" and under_way:
            under_way -= 1
            if event == "answer":
                breaker = answered(breaker, now, LIMITS)
                assert isinstance(breaker, Closed)
            elif event == "fail":
                breaker = failed(breaker, now, LIMITS, jitter)
            else:
                breaker = abandoned(breaker, now)
    for _ in range(under_way):
        breaker = abandoned(breaker, now)
    assert admits(breaker, now + LIMITS.longest_pause_seconds)
