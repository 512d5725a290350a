"""Segments, init segments and pictures, straight from the store.

The database is asked about storyboards and texts only, which are not encrypted: an encrypted video
must not show its old storyboard, and its texts are for who holds a playback token. A text is served
as long as the catalog has it: one that was taken away is gone then, whenever its object goes.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Send

from streamer.core import keys
from streamer.core.byte_range import (
    Span,
    Unsatisfiable,
    content_range,
    parse_range,
    unsatisfied_content_range,
)
from streamer.core.conditional import (
    Outcome,
    Preconditions,
    Validators,
    evaluate,
    range_applies,
    render_http_date,
)
from streamer.core.errors import NotFound, Unavailable
from streamer.origin.key_routes import Token, require_playback_token
from streamer.origin.metrics import Metrics
from streamer.origin.services import FromServices, Services
from streamer.shared.object_store import ObjectBody, ObjectInfo, ObjectStore
from streamer.shared.problems import problem_response, problems
from streamer.shared.routing import Router

_IMMUTABLE = "public, max-age=31536000, immutable"
_IMMUTABLE_PRIVATE = "private, max-age=31536000, immutable"
_CHANGING = "public, max-age=60, stale-while-revalidate=600"
_READ_SECONDS = 30.0
_SEND_SECONDS = 120.0
_TYPES = {".jpg": "image/jpeg", ".vtt": "text/vtt; charset=utf-8"}


def media_router() -> Router:
    """Everything below `/v/{video_id}/` that is an object in the store."""
    router = Router(tags=["playback"])
    path = keys.media_path("{video_id}", "{name:path}")
    router.add_api_route(
        path,
        get_object,
        operation_id="get_object",
        response_class=Response,
        responses={
            200: {"content": {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}},
            206: {"description": "The range that was asked for."},
            304: {"description": "The client has it already."},
            **problems(400, 403, 404, 412, 416, 503),
        },
    )
    return router


async def get_object(
    video_id: str, name: str, request: Request, services: FromServices, token: Token = ""
) -> Response:
    """A segment, an init segment, a text, the poster, the storyboard or one of its sprites."""
    if not keys.is_video_id(video_id) or not keys.is_media_name(name):
        raise NotFound("there is no such object")
    is_private = await _check_access(services, video_id, name, token)
    key = keys.media_key(video_id, name)
    async with asyncio.timeout(_READ_SECONDS):
        info = await services.store.head(key)
    validators = Validators(info.etag, info.modified_at)
    headers = _headers(name, info)
    if is_private:
        headers["Cache-Control"] = _IMMUTABLE_PRIVATE
    outcome = evaluate(_preconditions(request.headers), validators)
    if outcome is Outcome.NOT_MODIFIED:
        return Response(status_code=304, headers=headers)
    if outcome is Outcome.FAILED:
        return problem_response(412, "the object is another version", code="precondition_failed")
    selected = _selection(request, validators, info.size_bytes)
    if isinstance(selected, Unsatisfiable):
        return problem_response(
            416,
            "the object has no such bytes",
            code="range_not_satisfiable",
            headers={"Content-Range": unsatisfied_content_range(info.size_bytes)},
        )
    return _answer(services.store, services.metrics, info, headers, selected)


async def _check_access(services: Services, video_id: str, name: str, token: str) -> bool:
    """Whether an object is for who asks alone; raises if it is not for them."""
    is_text = keys.is_text(name)
    if not is_text and not keys.is_of_storyboard(name):
        return False
    is_encrypted = await services.catalog.is_encrypted(video_id)
    if is_encrypted:
        if not is_text:
            raise NotFound("an encrypted video has no storyboard")
        require_playback_token(services, video_id, token)
    if is_text and not await services.catalog.has_segment(video_id, name):
        raise NotFound("there is no such text")
    return is_encrypted


def _answer(
    store: ObjectStore,
    metrics: Metrics,
    info: ObjectInfo,
    headers: dict[str, str],
    selected: Span | None,
) -> Response:
    status = 200
    span = Span(0, info.size_bytes)
    if selected is not None:
        status, span = 206, selected
        headers["Content-Range"] = content_range(span, info.size_bytes)
    headers["Content-Length"] = str(span.length)
    if span.length == 0:
        return Response(status_code=status, headers=headers)
    reading = partial(store.get, info.key, start=span.start, stop=span.stop)
    return _ObjectResponse(reading, info, metrics, status_code=status, headers=headers)


class _ObjectResponse(StreamingResponse):
    """Streams an object in bounded pieces, and closes it however that ends."""

    def __init__(
        self,
        reading: partial[AbstractAsyncContextManager[ObjectBody]],
        info: ObjectInfo,
        metrics: Metrics,
        *,
        status_code: int,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(_nothing(), status_code=status_code, headers=headers)
        self._reading = reading
        self._info = info
        self._metrics = metrics

    async def stream_response(self, send: Send) -> None:
        """Send the head and the bytes; a failure after the head truncates the answer."""
        async with self._reading() as body:
            if body.info.etag != self._info.etag:
                raise Unavailable("the object was replaced just now")
            head = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **head})
            async for chunk in _in_time(body.chunks):
                async with asyncio.timeout(_SEND_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                self._metrics.sent_bytes.inc(len(chunk))
            await send({"type": "http.response.body", "body": b""})


async def _in_time(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks; TimeoutError when the store takes too long for one."""
    while True:
        async with asyncio.timeout(_READ_SECONDS):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _headers(name: str, info: ObjectInfo) -> dict[str, str]:
    return {
        "Content-Type": _media_type(name),
        "Cache-Control": _IMMUTABLE if keys.is_immutable(name) else _CHANGING,
        "ETag": info.etag,
        "Last-Modified": render_http_date(info.modified_at),
        "Accept-Ranges": "bytes",
    }


def _media_type(name: str) -> str:
    suffix = name[name.rindex(".") :]
    return _TYPES.get(suffix) or ("audio/mp4" if name.startswith("audio") else "video/mp4")


def _preconditions(headers: Mapping[str, str]) -> Preconditions:
    return Preconditions(
        if_match=headers.get("if-match"),
        if_none_match=headers.get("if-none-match"),
        if_modified_since=headers.get("if-modified-since"),
        if_unmodified_since=headers.get("if-unmodified-since"),
    )


def _selection(
    request: Request, validators: Validators, size_bytes: int
) -> Span | Unsatisfiable | None:
    """The one range to send; None for the whole, also where several ranges are asked for."""
    header = request.headers.get("range")
    if header is None or request.method != "GET":
        return None
    if not range_applies(request.headers.get("if-range"), validators):
        return None
    selected = parse_range(header, size_bytes)
    if isinstance(selected, Unsatisfiable):
        return selected
    return selected[0] if isinstance(selected, tuple) and len(selected) == 1 else None
