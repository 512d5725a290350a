"""Resumable uploads over HTTP: tus 1.0.0."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from streamer.core.conditional import render_http_date
from streamer.core.errors import InvalidInput, StorageFull, StreamerError, Unavailable
from streamer.core.media_type import media_type_of
from streamer.origin import tus
from streamer.origin.choices import read_choices
from streamer.origin.errors import MediaTypeUnsupported, VersionUnsupported
from streamer.origin.services import FromServices, Services, utc_now
from streamer.origin.staging import UploadStatus
from streamer.shared.bearer import Guard
from streamer.shared.problems import problems

PREFIX = "/api/v1/uploads"
_HeaderField = Annotated[str | None, Header()]


def upload_router(guard: Guard) -> APIRouter:
    """The tus resources; what writes is behind `guard`."""
    router = APIRouter(prefix=PREFIX, tags=["uploads"])
    versioned = [Depends(_require_version)]
    guarded = [Depends(guard), *versioned]
    add = router.add_api_route
    add(
        "",
        create_upload,
        methods=["POST"],
        dependencies=guarded,
        operation_id="create_upload",
        status_code=201,
        response_class=Response,
        responses=problems(400, 401, 412, 413, 460, 503, 507),
    )
    add("", discover, methods=["OPTIONS"], operation_id="discover_uploads", status_code=204)
    add(
        "/{upload_id}",
        discover_for,
        methods=["OPTIONS"],
        operation_id="discover_upload",
        status_code=204,
        responses=problems(),
    )
    add(
        "/{upload_id}",
        head_upload,
        methods=["HEAD"],
        dependencies=versioned,
        operation_id="head_upload",
        response_class=Response,
        responses=problems(404, 410, 412, 503),
    )
    add(
        "/{upload_id}",
        append_to_upload,
        methods=["PATCH"],
        dependencies=guarded,
        operation_id="append_to_upload",
        status_code=204,
        responses=problems(400, 401, 404, 409, 410, 412, 413, 415, 423, 460, 503, 507),
    )
    add(
        "/{upload_id}",
        terminate_upload,
        methods=["DELETE"],
        dependencies=guarded,
        operation_id="terminate_upload",
        status_code=204,
        responses=problems(401, 404, 409, 410, 412, 503),
    )
    return router


async def create_upload(
    request: Request,
    services: FromServices,
    upload_length: _HeaderField = None,
    upload_defer_length: _HeaderField = None,
    upload_metadata: _HeaderField = None,
    upload_checksum: _HeaderField = None,
    upload_concat: _HeaderField = None,
    content_type: _HeaderField = None,
) -> Response:
    """Create an upload, and its video; the body, if any, is its first bytes.

    Answers 201 with `Location`; the upload's id is the video's. `Upload-Metadata` may hold
    `title`, `filename`, `priority` and `options`, a JSON object as in the video's resource.
    """
    if upload_concat is not None:
        # Each part would become a video of its own.
        raise InvalidInput("concatenation is not offered here: upload in one part")
    uploads = services.uploads
    length = tus.parse_creation_length(
        upload_length, upload_defer_length, max_bytes=uploads.max_bytes
    )
    checksum = None if upload_checksum is None else tus.parse_checksum(upload_checksum)
    pairs = tus.parse_metadata(upload_metadata or "")
    now = utc_now()
    video = await uploads.create(
        tus.title_from(pairs),
        now=now,
        length_bytes=length,
        metadata=upload_metadata or "",
        choices=read_choices(pairs),
    )
    if media_type_of(content_type) == tus.BODY_TYPE or length == 0:
        status = await _receive_first(services, request, video.id, now, checksum)
    else:
        status = await uploads.status(video.id, now=now)
    headers = {"Location": f"{PREFIX}/{video.id}", **_progress(services, status)}
    return Response(status_code=201, headers=headers)


async def discover(services: FromServices) -> Response:
    """What this server supports of tus."""
    headers = {
        "Tus-Version": tus.VERSION,
        "Tus-Extension": ",".join(tus.EXTENSIONS),
        "Tus-Max-Size": str(services.uploads.max_bytes),
        "Tus-Checksum-Algorithm": ",".join(tus.CHECKSUM_ALGORITHMS),
    }
    return Response(status_code=204, headers=headers)


async def discover_for(upload_id: str, services: FromServices) -> Response:
    """The same, asked of an upload, be there one or not."""
    return await discover(services)


async def head_upload(upload_id: str, services: FromServices) -> Response:
    """How many bytes of the upload are here."""
    status = await services.uploads.status(upload_id, now=utc_now())
    headers = {"Cache-Control": "no-store", **_progress(services, status)}
    if status.record.length_bytes is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(status.record.length_bytes)
    if status.record.metadata:
        headers["Upload-Metadata"] = status.record.metadata
    return Response(status_code=200, headers=headers)


async def append_to_upload(
    upload_id: str,
    request: Request,
    services: FromServices,
    upload_offset: _HeaderField = None,
    upload_length: _HeaderField = None,
    upload_checksum: _HeaderField = None,
    content_type: _HeaderField = None,
) -> Response:
    """Append the body to the upload at `Upload-Offset`."""
    if media_type_of(content_type) != tus.BODY_TYPE:
        raise MediaTypeUnsupported(f"the body must be of type {tus.BODY_TYPE}")
    maximum = services.uploads.max_bytes
    status = await services.uploads.append(
        upload_id,
        services.metrics.count_uploaded(request.stream()),
        offset=tus.parse_integer("Upload-Offset", upload_offset),
        now=utc_now(),
        length_bytes=None
        if upload_length is None
        else tus.parse_length(upload_length, max_bytes=maximum),
        checksum=None if upload_checksum is None else tus.parse_checksum(upload_checksum),
    )
    return Response(status_code=204, headers=_progress(services, status))


async def terminate_upload(upload_id: str, services: FromServices) -> Response:
    """Forget an unfinished upload and its video."""
    await services.uploads.terminate(upload_id, now=utc_now())
    return Response(status_code=204)


async def _require_version(tus_resumable: _HeaderField = None) -> None:
    if tus_resumable != tus.VERSION:
        raise VersionUnsupported(f"Tus-Resumable must be {tus.VERSION}")


async def _receive_first(
    services: Services,
    request: Request,
    upload_id: str,
    now: datetime,
    checksum: tus.Checksum | None,
) -> UploadStatus:
    """The body of a creation; where only this machine failed, the client goes on with PATCH."""
    uploads = services.uploads
    pieces = services.metrics.count_uploaded(request.stream())
    try:
        return await uploads.append(upload_id, pieces, offset=0, now=now, checksum=checksum)
    except (StorageFull, Unavailable):
        return await uploads.status(upload_id, now=now)
    except StreamerError:
        await uploads.abandon(upload_id, now=now)
        raise


def _progress(services: Services, status: UploadStatus) -> dict[str, str]:
    headers = {"Upload-Offset": str(status.offset)}
    if not status.is_complete:
        expires_at = status.expires_at(services.uploads.expiry_seconds)
        headers["Upload-Expires"] = render_http_date(expires_at)
    return headers
