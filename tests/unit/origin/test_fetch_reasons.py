"""What a person is told of a server that cannot be reached."""

import socket

import pytest
from aiohttp import ClientConnectorDNSError
from aiohttp.client_reqrep import ConnectionKey

from streamer.origin.fetch import connect_reason

KEY = ConnectionKey("video.example", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (socket.EAI_NONAME, "There is no server of that name."),
        (socket.EAI_AGAIN, "The server's name could not be looked up."),
    ],
)
def test_a_resolver_that_is_down_is_not_a_name_that_nobody_has(number: int, reason: str) -> None:
    error = ClientConnectorDNSError(KEY, socket.gaierror(number, ""))
    assert connect_reason(error) == reason
