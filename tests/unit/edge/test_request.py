"""A request's body between the socket and the origin."""

import asyncio

import pytest

from edge.core.head import FieldBlock, RequestHead, read_block, read_head
from edge.errors import BodyTruncated
from edge.request import IncomingBody


def incoming(field: str, asked: list[bool]) -> IncomingBody:
    block = read_block(f"Host: edge\r\n{field}\r\n".encode())
    assert isinstance(block, FieldBlock)
    head = read_head(b"POST / HTTP/1.1", block)
    assert isinstance(head, RequestHead)
    return IncomingBody(head, 1 << 30, asked.append, lambda: None)


async def test_a_small_body_is_waited_for_to_its_end() -> None:
    body = incoming("Content-Length: 4", [])
    waiting = asyncio.create_task(body.gather())
    body.feed(b"ab")
    await asyncio.sleep(0)
    assert not waiting.done()
    body.feed(b"cd")
    await waiting
    assert [piece async for piece in body.pieces()] == [b"ab", b"cd"]


async def test_a_small_body_that_is_cut_short_is_not_waited_for() -> None:
    body = incoming("Content-Length: 4", [])
    waiting = asyncio.create_task(body.gather())
    await asyncio.sleep(0)
    body.truncate()
    await waiting
    with pytest.raises(BodyTruncated):
        await anext(body.pieces())


@pytest.mark.parametrize(
    ("field", "sent"),
    [("Transfer-Encoding: chunked", b"1\r\na\r\n"), ("Content-Length: 200000", b"x" * 100_000)],
)
async def test_no_more_than_is_queued_is_waited_for(field: str, sent: bytes) -> None:
    body = incoming(field, [])
    body.feed(sent)
    await body.gather()
    assert not body.is_over


@pytest.mark.parametrize(
    "chunk", [b"1\r\na\r\n", b"1;" + b"x" * 4000 + b"\r\na\r\n"], ids=["small", "extended"]
)
async def test_reading_stops_by_what_came_not_by_what_it_held(chunk: bytes) -> None:
    """Decoding takes time for each byte, and the socket would be read on and on meanwhile."""
    asked: list[bool] = []
    body = incoming("Transfer-Encoding: chunked", asked)
    times = 200_000 // len(chunk)
    assert body.feed(chunk * times) == b""
    assert asked == [False]
    pieces = body.pieces()
    assert await anext(pieces) == b"a" * times
    assert asked == [False, True]
    assert body.feed(chunk * times + b"0\r\n\r\nGET") == b"GET"
    assert [piece async for piece in pieces] == [b"a" * times]
    assert asked == [False, True, False, True]
