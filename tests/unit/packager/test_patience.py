"""Trying again: for a while, or for as long as an outage lasts."""

from collections.abc import Awaitable, Callable

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


async def test_who_insists_gives_up_at_some_time() -> None:
    assert await insist(failing(*[AWAY] * 9)) == "done"
    with pytest.raises(Unavailable):
        await insist(failing(*[AWAY] * 10))


@pytest.mark.parametrize("again", [insist, outlast])
async def test_what_time_does_not_help_is_told_at_once(
    again: Callable[[Callable[[], Awaitable[str]]], Awaitable[str]],
) -> None:
    with pytest.raises(NotFound):
        await again(failing(AWAY, NotFound("it was deleted")))
