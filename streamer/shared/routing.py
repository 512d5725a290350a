"""Routes that answer HEAD wherever they answer GET, and the methods of a path (RFC 9110 §9.1)."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def allowed_methods(request: Request) -> list[str]:
    """The methods that any route of the application takes for the request's path.

    Empty below a mounted application, which knows its own.
    """

    def is_taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return [method for method in _METHODS if is_taken(method)]


class Router(APIRouter):
    """A router whose GET routes answer HEAD too; the OpenAPI document has them once."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, and its HEAD where it is one for GET."""
        super().add_api_route(path, endpoint, **options)
        if "methods" not in options:
            of_head = {"methods": ["HEAD"], "include_in_schema": False}
            super().add_api_route(
                path, endpoint, **options | of_head, route_class_override=_HeadRoute
            )


class _HeadRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers GET without its body: a stream, which may have no end, never begins."""
        answer_get = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await answer_get(request)
            head = Response(status_code=response.status_code)
            head.raw_headers = response.raw_headers
            return head

        return answer
