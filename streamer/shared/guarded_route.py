"""Routes with a JSON body: who asks is checked before the body is read, and the body is bounded.

FastAPI reads and parses a body before it solves dependencies, so a guard that is one comes too
late: anybody could make it hold and parse what they like.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message

from streamer.core.errors import TooLarge
from streamer.shared.bearer import Guard

_MAX_BODY_BYTES = 64 * 1024
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def guarded_route(guard: Guard, *, max_body_bytes: int = _MAX_BODY_BYTES) -> type[APIRoute]:
    """A class of routes behind `guard` that raise TooLarge where a body is larger."""

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> _Handler:
            return partial(_handle, super().get_route_handler(), guard, max_body_bytes)

    return GuardedRoute


async def _handle(
    handler: _Handler, guard: Guard, max_body_bytes: int, request: Request
) -> Response:
    await guard(request)
    body = await _read(request, max_body_bytes)
    return await handler(Request(request.scope, _giving(body)))


async def _read(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_bytes:
            raise TooLarge(f"The body has more than {max_bytes} bytes.")
    return bytes(body)


def _giving(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    return receive
