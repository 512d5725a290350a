"""Keys of encrypted videos, for who holds a playback token."""

import base64
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Body, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from streamer.core import keys
from streamer.core.errors import InvalidInput, NotFound
from streamer.core.playback_token import is_valid, make_token
from streamer.core.video import ContentKey
from streamer.origin.errors import Forbidden
from streamer.origin.services import FromServices, Services, utc_now
from streamer.shared.bearer import Guard
from streamer.shared.guarded_route import guarded_route
from streamer.shared.problems import problems
from streamer.shared.routing import Router

MAX_TOKEN_CHARS = 100
_LONGEST_SECONDS = 30 * 24 * 3600
_USUAL_SECONDS = 6 * 3600
_LARGEST_REQUEST_BYTES = 4096
_PRIVATE = {"Cache-Control": "no-store"}
Token = Annotated[str, Query(max_length=MAX_TOKEN_CHARS, description="A playback token.")]

KeyId = Annotated[
    str | None, Query(pattern="^[0-9a-f]{32}$", description="Which key, where there are several.")
]


class TokenRequest(BaseModel):
    """How long a playback token holds."""

    model_config = ConfigDict(extra="forbid")

    ttl_seconds: int = Field(default=_USUAL_SECONDS, ge=1, le=_LONGEST_SECONDS)


class LicenseRequest(BaseModel):
    """What Clear Key asks for; other members do not matter here."""

    kids: list[str] = Field(default=[], max_length=16)


class TokenResource(BaseModel):
    """A playback token, and URLs with it."""

    token: str
    expires_at: int = Field(description="Seconds since 1970.")
    hls: str
    dash: str
    player: str


def key_router(guard: Guard) -> Router:
    """Keys below `/v`, and the tokens that open them."""
    router = Router(tags=["playback"])
    octets = {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    key_path = f"/v/{{video_id}}/{keys.KEY}"
    router.add_api_route(
        key_path,
        get_key,
        operation_id="get_key",
        response_class=Response,
        responses={200: octets, **problems(400, 403, 404, 503)},
    )
    router.add_api_route(
        f"/v/{{video_id}}/{keys.LICENSE}",
        get_license,
        methods=["POST"],
        operation_id="get_license",
        responses=problems(400, 403, 404, 503),
    )
    router.add_api_route(
        "/api/v1/videos/{video_id}/tokens",
        create_token,
        methods=["POST"],
        route_class_override=guarded_route(guard),
        operation_id="create_token",
        status_code=201,
        responses=problems(400, 401, 404, 413, 503),
    )
    return router


async def get_key(
    video_id: str, services: FromServices, token: Token = "", kid: KeyId = None
) -> Response:
    """The 16 bytes that an encrypted video's segments are encrypted with."""
    require_playback_token(services, video_id, token)
    found = await _key(services, video_id, None if kid is None else bytes.fromhex(kid))
    return Response(found.key, media_type="application/octet-stream", headers=_PRIVATE)


async def get_license(
    video_id: str,
    request: Request,
    services: FromServices,
    response: Response,
    token: Token = "",
) -> dict[str, Any]:
    """The key as a license of W3C Clear Key (Encrypted Media Extensions §9.1.4).

    The body is a license request, `{"kids": [...]}`; without one it is the current version's key.
    """
    require_playback_token(services, video_id, token)
    found = await _key(services, video_id, await _wanted_key_id(request))
    response.headers.update(_PRIVATE)
    key = {"kty": "oct", "kid": _base64(found.key_id), "k": _base64(found.key)}
    return {"keys": [key], "type": "temporary"}


async def create_token(
    video_id: str, services: FromServices, wanted: Annotated[TokenRequest, Body()]
) -> TokenResource:
    """A token that lets who holds it play an encrypted video for a while."""
    video = await services.catalog.get_video(video_id)
    expires_at = int((utc_now() + timedelta(seconds=wanted.ttl_seconds)).timestamp())
    token = make_token(services.playback_secret, video.id, expires_at)
    playback = (await services.presenter.present(video)).playback
    query = f"?token={token}"
    return TokenResource(
        token=token,
        expires_at=expires_at,
        hls=playback.hls + query,
        dash=playback.dash + query,
        player=playback.player + query,
    )


def require_playback_token(services: Services, video_id: str, token: str) -> None:
    """Raise Forbidden unless the token is for this video and has not expired."""
    if not is_valid(services.playback_secret, video_id, token, now=utc_now().timestamp()):
        raise Forbidden("a valid playback token for this video is needed")


async def _key(services: Services, video_id: str, key_id: bytes | None) -> ContentKey:
    video = await services.catalog.get_video(video_id)
    if key_id is None:
        found = await services.catalog.content_key(video_id, video.version)
    else:
        found = await services.catalog.key_by_id(video_id, key_id)
    if found is None:
        raise NotFound("this video has no such key")
    return found


async def _wanted_key_id(request: Request) -> bytes | None:
    """The first key that a license request names; None where it names none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_REQUEST_BYTES:
            raise InvalidInput("the license request is too large")
    try:
        wanted = LicenseRequest.model_validate_json(bytes(body) or b"{}")
        return _from_base64(wanted.kids[0]) if wanted.kids else None
    except ValueError as error:
        raise InvalidInput("this is no license request") from error


def _from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
