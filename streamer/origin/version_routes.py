"""New versions of a video: packaged anew while viewers get the old one."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Body

from streamer.core.errors import Unavailable
from streamer.origin.choices import OptionsResource
from streamer.origin.resources import VideoResource
from streamer.origin.services import FromServices
from streamer.origin.video_routes import PREFIX
from streamer.shared.bearer import Guard
from streamer.shared.guarded_route import guarded_route
from streamer.shared.problems import problems


def version_router(guard: Guard) -> APIRouter:
    """The versions of a video, behind `guard`."""
    router = APIRouter(prefix=PREFIX, tags=["videos"])
    router.add_api_route(
        "/{video_id}/versions",
        create_version,
        methods=["POST"],
        route_class_override=guarded_route(guard),
        operation_id="create_version",
        status_code=202,
        responses=problems(400, 401, 404, 409, 413, 503),
    )
    return router


async def create_version(
    video_id: str, options: Annotated[OptionsResource, Body()], services: FromServices
) -> VideoResource:
    """Package a video anew, with these options; viewers get the old version until then.

    The `repackaging` of a ready video tells of the progress, and why a new version was given up. A
    failed one whose source arrived begins again.
    """
    video = await services.catalog.repackage(video_id, options.chosen())
    version = video.version if video.repackaging is None else video.repackaging.version
    with suppress(Unavailable):  # reconciliation enqueues it later
        await services.jobs.package(video_id, version)
    return await services.presenter.present(video)
