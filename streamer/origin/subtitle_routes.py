"""Subtitles of a video: added and taken away; its renditions list them."""

from fastapi import APIRouter, Depends, Request, Response

from streamer.core.media_type import media_type_of
from streamer.origin.errors import MediaTypeUnsupported
from streamer.origin.multipart import boundary_of, read_form
from streamer.origin.resources import VideoResource
from streamer.origin.services import FromServices, utc_now
from streamer.origin.subtitles import (
    LANGUAGE_PATTERN,
    MAX_LABEL_CHARS,
    MAX_LANGUAGE_CHARS,
    read_subtitles_form,
)
from streamer.origin.video_routes import PREFIX
from streamer.shared.bearer import Guard
from streamer.shared.problems import problems

_FLAG = {"type": "string", "enum": ["true", "false"], "default": "false"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "language"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "language": {
                            "type": "string",
                            "pattern": f"^{LANGUAGE_PATTERN}$",
                            "maxLength": MAX_LANGUAGE_CHARS,
                        },
                        "label": {"type": "string", "maxLength": MAX_LABEL_CHARS},
                        "default": _FLAG,
                        "forced": _FLAG,
                    },
                }
            }
        },
    }
}


def subtitle_router(guard: Guard) -> APIRouter:
    """The uploaded subtitles of a video, behind `guard`."""
    router = APIRouter(prefix=PREFIX, tags=["videos"], dependencies=[Depends(guard)])
    router.add_api_route(
        "/{video_id}/subtitles",
        add_subtitles,
        methods=["POST"],
        operation_id="add_subtitles",
        status_code=201,
        responses=problems(400, 401, 404, 409, 413, 415, 503, 507),
        openapi_extra=_BODY,
    )
    router.add_api_route(
        "/{video_id}/subtitles/{name}",
        remove_subtitles,
        methods=["DELETE"],
        operation_id="remove_subtitles",
        status_code=204,
        responses=problems(401, 404, 503),
    )
    return router


async def add_subtitles(video_id: str, request: Request, services: FromServices) -> VideoResource:
    """Give a video that is being packaged or playable a WebVTT or SubRip file.

    It stays through new versions. A file of the same language takes the place of the one before.
    """
    content_type = request.headers.get("content-type", "")
    if media_type_of(content_type) != "multipart/form-data":
        raise MediaTypeUnsupported("send multipart/form-data")
    form = await read_subtitles_form(read_form(request.stream(), boundary_of(content_type)))
    await services.subtitles.add(video_id, form, now=utc_now())
    return await services.presenter.present(await services.catalog.get_video(video_id))


async def remove_subtitles(video_id: str, name: str, services: FromServices) -> Response:
    """Take uploaded subtitles away; those inside the source stay."""
    await services.subtitles.remove(video_id, name, now=utc_now())
    return Response(status_code=204)
