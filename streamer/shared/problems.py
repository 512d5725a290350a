"""Failures as problem documents (RFC 9457), for every HTTP API of this project."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from streamer.core.errors import InvalidInput, StreamerError, Unauthorized
from streamer.shared.routing import allowed_methods

MEDIA_TYPE = "application/problem+json"
_MAX_REASON_CHARS = 500
_STATUS_CODES = {404: "not_found", 405: "method_not_allowed"}


class Problem(BaseModel):
    """A problem document (RFC 9457). `code` is stable and meant for machines."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str
    code: str = Field(examples=["not_found"])


def problem_response(
    status: int, detail: str, *, code: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An answer that carries a problem document and that no cache keeps."""
    problem = Problem(title=_phrase(status), status=status, detail=detail, code=code)
    return JSONResponse(
        problem.model_dump(),
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def failure_response(error: StreamerError) -> JSONResponse:
    """The answer to a request that failed this way."""
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="streamer"'
    if error.retryable:
        headers["Retry-After"] = "2"
    if error.http_status == HTTPStatus.REQUEST_TIMEOUT:
        headers["Connection"] = "close"  # RFC 9110, section 15.5.9
    return problem_response(error.http_status, error.detail, code=error.code, headers=headers)


def add_problem_handlers(app: FastAPI) -> None:
    """Make `app` answer every failure with a problem document, its own and its router's."""

    async def on_failure(request: Request, error: StreamerError) -> JSONResponse:
        return failure_response(error)

    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return failure_response(InvalidInput(describe_errors(error.errors())))

    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        code = _STATUS_CODES.get(error.status_code, "invalid_input")
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := allowed_methods(request)):
            headers["Allow"] = ", ".join(methods)  # the error names those of one route
        return problem_response(
            error.status_code, _phrase(error.status_code), code=code, headers=headers
        )

    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        return problem_response(500, "Something went wrong on our side.", code="internal")

    app.exception_handler(StreamerError)(on_failure)
    app.exception_handler(RequestValidationError)(on_invalid)
    app.exception_handler(HTTPException)(on_http)
    app.exception_handler(Exception)(on_bug)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of a route's failures: each status, and anything else."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": schema}}
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": _phrase(status), "content": content} for status in statuses
    }
    answers["default"] = {"description": "Any other failure", "content": content}
    return answers


def document_problems(app: FastAPI) -> None:
    """Add the schema that `problems` refers to to the OpenAPI document of `app`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                tags=app.openapi_tags,
                routes=app.routes,
            )
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def describe_errors(errors: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong and where, without what was sent."""
    reasons = (
        ": ".join(filter(None, (".".join(map(str, error["loc"])), reason_of(error))))
        for error in errors
    )
    return "; ".join(reasons)[:_MAX_REASON_CHARS] or "the request is malformed"


def reason_of(error: Mapping[str, Any]) -> str:
    """What pydantic says of an error, without the prefix it gives to what validators say."""
    return str(error["msg"]).removeprefix("Value error, ")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Checksum Mismatch" if status == 460 else "Error"
