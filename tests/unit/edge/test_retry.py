"""What may be sent again, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.retry import another_may_do, backoff_seconds, is_repeatable


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_grow_are_bounded_and_spread(attempt: int, jitter: float) -> None:
    wait = backoff_seconds(attempt, 0.1, 5.0, jitter)
    bound = backoff_seconds(attempt, 0.1, 5.0, 1.0)
    assert bound / 2 <= wait <= bound <= 5.0
    assert bound >= backoff_seconds(max(1, attempt - 1), 0.1, 5.0, 1.0)


def test_waits_double() -> None:
    assert [backoff_seconds(n, 0.5, 3.0, 1.0) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("method", "has_begun_body", "repeatable"),
    [
        ("GET", False, True),
        ("HEAD", False, True),
        ("OPTIONS", False, True),
        ("GET", True, False),
        ("POST", False, False),
        ("PUT", False, False),
        ("DELETE", False, False),
    ],
)
def test_only_what_does_no_harm_is_sent_again(
    method: str, has_begun_body: bool, repeatable: bool
) -> None:
    assert is_repeatable(method, has_begun_body=has_begun_body) is repeatable


def test_gateway_errors_are_a_reason_to_ask_somebody_else() -> None:
    wanted = [status for status in range(200, 600) if another_may_do("GET", status)]
    assert wanted == [502, 503, 504]
    assert not another_may_do("POST", 503)
