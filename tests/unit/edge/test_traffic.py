"""What becomes of a breaker whose requests end in another order than they began."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from edge.core.breaker import Breaker, Closed, HalfOpen, Limits, Open
from edge.core.fields import Fields
from edge.errors import BodyTruncated
from edge.traffic import Traffic
from edge.upstream import FailureKind, UpstreamFailure, UpstreamResponse

LIMITS = Limits(failures=1, lasting_seconds=0.02)
NO_FIELDS = Fields(())
REFUSED = UpstreamFailure(FailureKind.CONNECT)


class Nobody:
    """A source that these tests do not ask."""

    async def ask(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None = None
    ) -> UpstreamFailure:
        return REFUSED


@dataclass
class Answer:
    """An answer whose body says nothing until it breaks off."""

    content_length: int | None = None
    status: int = 200
    reason: str = "OK"
    fields: Fields = NO_FIELDS
    told: None = None
    is_whole: bool = False

    def __post_init__(self) -> None:
        self.breaks_off = asyncio.Event()

    async def pieces(self) -> AsyncIterator[bytes]:
        await self.breaks_off.wait()
        raise BodyTruncated("the upstream's answer was cut short")
        yield b""

    def free_slot(self) -> None:
        pass

    def close(self) -> None:
        pass


def ask(traffic: Traffic, answer: Answer) -> UpstreamResponse:
    with traffic.watched(b"key") as exchange:
        followed = exchange.follow(answer)
    assert not isinstance(followed, UpstreamFailure)
    return followed


def refuse(traffic: Traffic) -> None:
    with traffic.watched(b"other") as exchange:
        exchange.follow(REFUSED)


async def break_off(answer: Answer, followed: UpstreamResponse) -> None:
    answer.breaks_off.set()
    with pytest.raises(BodyTruncated):
        [_ async for _ in followed.pieces()]
    followed.close()


async def turned(traffic: Traffic, kind: type[Breaker]) -> None:
    async with asyncio.timeout(10):
        while not isinstance(traffic.breaker, kind):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_an_answer_from_before_an_outage_does_not_end_it() -> None:
    traffic, answer = Traffic(Nobody(), LIMITS), Answer(content_length=1000)
    before = ask(traffic, answer)
    refuse(traffic)
    opened = traffic.breaker
    assert isinstance(opened, Open)
    answer.is_whole = True
    before.close()
    assert traffic.breaker == opened


async def test_who_leaves_what_began_before_an_outage_lets_no_second_one_find_out() -> None:
    traffic = Traffic(Nobody(), LIMITS)
    before = ask(traffic, Answer(content_length=1000))
    traffic.breaker = Open(until=0.0, times=1)
    ask(traffic, Answer(content_length=1000))
    probing = traffic.breaker
    assert isinstance(probing, HalfOpen)
    before.close()
    assert traffic.breaker == probing


async def test_a_stream_that_is_quiet_is_an_answer() -> None:
    traffic = Traffic(Nobody(), LIMITS, breaker=Open(until=0.0, times=1))
    events = ask(traffic, Answer())
    assert isinstance(traffic.breaker, HalfOpen)
    await turned(traffic, Closed)
    events.close()


async def test_streams_that_end_together_are_no_failures() -> None:
    traffic = Traffic(Nobody(), LIMITS, breaker=Open(until=0.0, times=1))
    answer = Answer()
    events = ask(traffic, answer)
    await turned(traffic, Closed)
    await break_off(answer, events)
    assert isinstance(traffic.breaker, Closed)
    assert traffic.failures[FailureKind.TRUNCATED] == 1


async def test_one_that_breaks_off_at_once_is_a_failure() -> None:
    traffic = Traffic(Nobody(), LIMITS)
    answer = Answer()
    await break_off(answer, ask(traffic, answer))
    assert isinstance(traffic.breaker, Open)


async def test_an_error_is_an_answer() -> None:
    traffic = Traffic(Nobody(), LIMITS, breaker=Open(until=0.0, times=1))
    ask(traffic, Answer(status=503))
    assert isinstance(traffic.breaker, Closed)
