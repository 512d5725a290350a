"""Trying again: for a while, or for as long as an outage lasts."""

from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from packager.patience import insist, outlast
from streamer.core.errors import NotFound, StreamerError, Unavailable

AWAY = Unavailable("the store does not answer")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packager.patience._FIRST_PAUSE_SECONDS", 0.0)


def failing(*errors: StreamerError) -> Callable[[], Awaitable[str]]:
    left = list(errors)

    async def operation() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return operation


async def test_an_outage_is_outlasted_however_often_it_is_asked() -> None:
    assert await outlast(failing(*[AWAY] * 100)) == "done"


@pytest.mark.parametrize(("failure_seconds", "most_failures"), [(10.0, 3), (45.0, 1)])
async def test_who_insists_gives_up_half_a_minute_after_the_first_failure(
    monkeypatch: pytest.MonkeyPatch, failure_seconds: float, most_failures: int
) -> None:
    clock = count(0.0, failure_seconds)
    monkeypatch.setattr("packager.patience.monotonic", lambda: next(clock))
    assert await insist(failing(*[AWAY] * most_failures)) == "done"
    with pytest.raises(Unavailable):
        await insist(failing(*[AWAY] * (most_failures + 1)))


@pytest.mark.parametrize("again", [insist, outlast])
async def test_what_time_does_not_help_is_told_at_once(
    again: Callable[[Callable[[], Awaitable[str]]], Awaitable[str]],
) -> None:
    with pytest.raises(NotFound):
        await again(failing(AWAY, NotFound("it was deleted")))
