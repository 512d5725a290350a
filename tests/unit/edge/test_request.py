"""A request's body between the socket and the origin."""

import pytest

from edge.core.head import FieldBlock, RequestHead, read_block, read_head
from edge.request import IncomingBody


@pytest.mark.parametrize(
    "chunk", [b"1\r\na\r\n", b"1;" + b"x" * 4000 + b"\r\na\r\n"], ids=["small", "extended"]
)
async def test_reading_stops_by_what_came_not_by_what_it_held(chunk: bytes) -> None:
    """Decoding takes time for each byte, and the socket would be read on and on meanwhile."""
    asked: list[bool] = []
    block = read_block(b"Host: edge\r\nTransfer-Encoding: chunked\r\n")
    assert isinstance(block, FieldBlock)
    head = read_head(b"POST / HTTP/1.1", block)
    assert isinstance(head, RequestHead)
    body = IncomingBody(head, 1 << 30, asked.append, lambda: None)
    times = 200_000 // len(chunk)
    assert body.feed(chunk * times) == b""
    assert asked == [False]
    pieces = body.pieces()
    assert await anext(pieces) == b"a" * times
    assert asked == [False, True]
    assert body.feed(chunk * times + b"0\r\n\r\nGET") == b"GET"
    assert [piece async for piece in pieces] == [b"a" * times]
    assert asked == [False, True, False, True]
