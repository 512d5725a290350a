"""When a request may be sent again, and how long to wait before it."""

from edge.core.policy import SAFE_METHODS

# What an upstream says that could not serve the request itself (RFC 9110 §15.6).
_ANOTHER_MAY_DO = frozenset({502, 503, 504})


def backoff_seconds(attempt: int, first: float, longest: float, jitter: float) -> float:
    """How long to wait before another attempt.

    Args:
        attempt: How many attempts failed in a row, from 1 on; the wait doubles with each.
        first: The longest wait after the first failure, in seconds.
        longest: The bound of all waits, in seconds.
        jitter: From 0 to 1, random: what waits together shall not come back together.

    Returns:
        Between half of the bound of this attempt and all of it.
    """
    bound = min(longest, first * 2.0 ** min(attempt - 1, 30))
    return bound * (0.5 + jitter / 2)


def is_repeatable(method: str, *, has_begun_body: bool) -> bool:
    """Whether a request that got no answer may be sent again, elsewhere or later.

    What has no body yet sent is repeated only where repeating does no harm (RFC 9110 §9.2.1).
    """
    return method in SAFE_METHODS and not has_begun_body


def another_may_do(method: str, status: int) -> bool:
    """Whether this answer is a reason to ask somebody else."""
    return method in SAFE_METHODS and status in _ANOTHER_MAY_DO
