"""How one response ends: whole, or so that its viewer sees that it is not."""

import pytest

from edge.core.fields import Fields
from edge.core.head import FieldBlock, RequestHead, read_block, read_head
from edge.response import Response


class Wire:
    """A connection whose viewer takes everything."""

    is_blocked = False
    untaken_bytes = 0

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data

    async def writable(self) -> None:
        pass


def _request(method: str) -> RequestHead:
    block = read_block(b"Host: e\r\n")
    assert isinstance(block, FieldBlock)
    head = read_head(f"{method} / HTTP/1.1".encode(), block)
    assert isinstance(head, RequestHead)
    return head


@pytest.mark.parametrize(
    ("method", "status", "length", "body", "is_whole"),
    [
        ("GET", 200, 4, b"body", True),
        ("GET", 200, 4, b"", False),
        ("GET", 200, 4, b"bod", False),
        ("GET", 200, None, b"", True),
        ("GET", 200, 0, b"", True),
        ("GET", 304, 4, b"", True),
        ("HEAD", 200, 4, b"", True),
    ],
)
async def test_rfc9112_6_3_a_response_is_whole_with_as_much_as_it_said(
    method: str, status: int, length: int | None, body: bytes, is_whole: bool
) -> None:
    response = Response(Wire(), _request(method), closes=False)
    response.start(status, "OK", Fields(), length)
    await response.write_whole(body)
    assert response.is_complete is is_whole
