"""The videos API."""

from typing import Annotated

from fastapi import Body, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamer.core.errors import InvalidInput
from streamer.core.media_type import media_type_of
from streamer.core.video import Video
from streamer.origin import tus
from streamer.origin.choices import MIN_PRIORITY, Choices, OptionsResource, Priority
from streamer.origin.errors import MediaTypeUnsupported
from streamer.origin.form_upload import FormUpload
from streamer.origin.multipart import boundary_of, read_form
from streamer.origin.outbound import MAX_URL_CHARS
from streamer.origin.resources import VideoPage, VideoResource
from streamer.origin.services import FromServices, Services, utc_now
from streamer.shared.bearer import Guard
from streamer.shared.guarded_route import guarded_route
from streamer.shared.problems import describe_errors, problems
from streamer.shared.routing import Router

PREFIX = "/api/v1/videos"
_MAX_JSON_BYTES = 64 * 1024


class FetchRequest(BaseModel):
    """Where to fetch a video from."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=MAX_URL_CHARS, examples=["https://example.com/clip.mp4"])
    title: str = Field(default="", max_length=tus.MAX_TITLE_CHARS)
    priority: Priority = MIN_PRIORITY
    options: OptionsResource = OptionsResource()


class VideoChange(BaseModel):
    """What is to become of a video; what is left out or null stays as it is.

    `options` hold for packaging that has not begun; a ready video takes them as a new version.
    """

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(default=None, min_length=1, max_length=tus.MAX_TITLE_CHARS)
    priority: Priority | None = None
    options: OptionsResource | None = None


_FETCH_SCHEMA = FetchRequest.model_json_schema(ref_template="#/components/schemas/{model}")
del _FETCH_SCHEMA["$defs"]  # a response has the same
_EVENT_SCHEMA = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"const": "video"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/VideoResource"},
        },
    },
}
_CREATION_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "title": {"type": "string", "maxLength": tus.MAX_TITLE_CHARS},
                        "priority": {"type": "integer", "minimum": 1, "maximum": 10},
                        "options": {"type": "string", "contentMediaType": "application/json"},
                    },
                }
            },
            "application/json": {"schema": _FETCH_SCHEMA},
        },
    }
}


def video_router(guard: Guard) -> Router:
    """The videos resources; what writes is behind `guard`."""
    router = Router(prefix=PREFIX, tags=["videos"])
    guarded = [Depends(guard)]
    add = router.add_api_route
    add(
        "",
        create_video,
        methods=["POST"],
        dependencies=guarded,
        operation_id="create_video",
        status_code=201,
        response_model=VideoResource,
        responses=problems(400, 401, 413, 415, 503, 507),
        openapi_extra=_CREATION_BODY,
    )
    add("", list_videos, operation_id="list_videos", responses=problems(400, 503))
    add("/{video_id}", get_video, operation_id="get_video", responses=problems(404, 503))
    add(
        "/{video_id}",
        change_video,
        methods=["PATCH"],
        route_class_override=guarded_route(guard),
        operation_id="change_video",
        responses=problems(400, 401, 404, 409, 413, 503),
    )
    add(
        "/{video_id}",
        delete_video,
        methods=["DELETE"],
        dependencies=guarded,
        operation_id="delete_video",
        status_code=204,
        responses=problems(401, 404, 503),
    )
    add(
        "/{video_id}/events",
        follow_video,
        operation_id="follow_video",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Events named `video`, each with a video resource.",
                "content": {"text/event-stream": {"itemSchema": _EVENT_SCHEMA}},
            },
            **problems(404, 503),
        },
    )
    return router


async def create_video(
    request: Request, response: Response, services: FromServices
) -> VideoResource:
    """Upload a whole video in a form, or have it fetched from a URL.

    Large files are better uploaded by tus, which resumes.
    """
    content_type = request.headers.get("content-type", "")
    media_type = media_type_of(content_type)
    if media_type == "multipart/form-data":
        video = await _receive_form(request, services, content_type)
    elif media_type == "application/json":
        video = await _fetch(request, services)
    else:
        raise MediaTypeUnsupported("send multipart/form-data or application/json")
    response.headers["Location"] = f"{PREFIX}/{video.id}"
    return await services.presenter.present(video)


async def list_videos(
    services: FromServices,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of the title.")] = None,
) -> VideoPage:
    """A page of videos, newest first."""
    videos, next_cursor = await services.catalog.list_videos(limit=limit, cursor=cursor, query=q)
    items = await services.presenter.present_all(videos)
    return VideoPage(items=items, next_cursor=next_cursor)


async def get_video(video_id: str, services: FromServices) -> VideoResource:
    """One video."""
    return await services.presenter.present(await services.catalog.get_video(video_id))


async def change_video(
    video_id: str, change: Annotated[VideoChange, Body()], services: FromServices
) -> VideoResource:
    """Give a video another title, priority, or other options before its packaging begins."""
    title = None if change.title is None else tus.clean_title(change.title)
    if title == "":
        raise InvalidInput("the title has no printable characters")
    video = await services.catalog.amend_video(
        video_id,
        title=title,
        priority=change.priority,
        options=None if change.options is None else change.options.chosen(),
    )
    return await services.presenter.present(video)


async def delete_video(video_id: str, services: FromServices) -> Response:
    """Delete a video with everything that was made of it."""
    await services.deletion.delete(video_id, now=utc_now())
    return Response(status_code=204)


async def follow_video(video_id: str, services: FromServices) -> StreamingResponse:
    """Server-sent events: the video now, and each time it changes, until its state is final."""
    video = await services.catalog.get_video(video_id)
    return StreamingResponse(
        services.watches.events(video),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _receive_form(request: Request, services: Services, content_type: str) -> Video:
    body = services.metrics.count_uploaded(request.stream())
    events = read_form(body, boundary_of(content_type))
    return await FormUpload(services.uploads, services.catalog, events, utc_now()).receive()


async def _fetch(request: Request, services: Services) -> Video:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_JSON_BYTES:
            raise InvalidInput("the JSON document is too large")
    try:
        wanted = FetchRequest.model_validate_json(bytes(body))
    except ValidationError as error:
        raise InvalidInput(describe_errors(error.errors())) from error
    return await services.fetches.create(
        wanted.url,
        title=tus.clean_title(wanted.title),
        now=utc_now(),
        choices=Choices(wanted.priority, wanted.options.chosen()),
    )
