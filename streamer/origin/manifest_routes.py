"""Playlists and the DASH manifest, rendered from the catalog."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import replace

from fastapi import Request, Response

from streamer.core import keys
from streamer.core.conditional import Outcome, Preconditions, Validators, evaluate
from streamer.core.content_coding import accepts_gzip
from streamer.core.dash import render_static_manifest
from streamer.core.errors import NotFound
from streamer.core.manifests import (
    Track,
    growing,
    iframe_playlist,
    media_playlist,
    multivariant_playlist,
    published_track,
    published_tracks,
    subtitles_playlist,
    target_duration_seconds,
)
from streamer.core.options import Encryption
from streamer.core.playback_token import is_token
from streamer.core.playlist_text import render_media, render_multivariant
from streamer.core.protected import (
    carry_token,
    license_url,
    text_with_token,
    token_query,
    with_key,
)
from streamer.core.video import EVERY_VERSION, MediaKind, Video, VideoState, end_seconds
from streamer.origin.errors import Gone
from streamer.origin.key_routes import Token
from streamer.origin.services import FromServices, Services
from streamer.shared.problems import problems
from streamer.shared.routing import Router

_HLS_TYPE = "application/vnd.apple.mpegurl"
_DASH_TYPE = "application/dash+xml"
_GROWING = "public, max-age=1"
_FINAL = "public, max-age=60, stale-while-revalidate=600, stale-if-error=86400"
_PRIVATE_GROWING = "private, max-age=1"
_PRIVATE_FINAL = "private, max-age=60"
_GZIP_LEVEL = 6


def manifest_router() -> Router:
    """What players load first."""
    router = Router(prefix="/v/{video_id}", tags=["playback"])
    for path, endpoint, operation_id, media_type in (
        (f"/{keys.MULTIVARIANT_PLAYLIST}", get_multivariant, "get_multivariant", _HLS_TYPE),
        (f"/{keys.DASH_MANIFEST}", get_dash, "get_dash", _DASH_TYPE),
        (f"/{keys.playlist_name('{rendition}')}", get_media, "get_media", _HLS_TYPE),
        (f"/{keys.iframe_playlist_name('{rendition}')}", get_iframes, "get_iframes", _HLS_TYPE),
    ):
        answer = {"content": {media_type: {"schema": {"type": "string"}}}}
        router.add_api_route(
            path,
            endpoint,
            operation_id=operation_id,
            response_class=Response,
            responses={200: answer, **problems(404, 410, 503)},
        )
    return router


async def get_multivariant(
    video_id: str, request: Request, services: FromServices, token: Token = ""
) -> Response:
    """The HLS multivariant playlist: every rendition that can be played, the lowest first."""
    video = await _playable(services, video_id)
    tracks = await _tracks(services, video_id)
    if video.state is VideoState.READY:
        playlist = multivariant_playlist(tracks)
    else:
        playlist = replace(multivariant_playlist(growing(tracks)), iframes=())
    if await services.catalog.content_key(video_id, video.version) is not None:
        playlist = carry_token(playlist, _spelled(token))
    text = render_multivariant(playlist)
    return _manifest(request, services, text, _HLS_TYPE, video, token)


async def get_media(
    video_id: str, rendition: str, request: Request, services: FromServices, token: Token = ""
) -> Response:
    """A rendition's HLS media playlist: EVENT until it is complete, then VOD."""
    video = await _playable(services, video_id)
    track = await _track(services, video, rendition)
    if track.rendition.kind is MediaKind.SUBTITLES:
        playlist = subtitles_playlist(track, end_seconds(video.state, video.duration_seconds))
        if await services.catalog.is_encrypted(video_id):
            playlist = text_with_token(playlist, _spelled(token))
    else:
        ended = track.rendition.is_complete or video.state is VideoState.READY
        playlist = media_playlist(track, ended=ended)
        key = await services.catalog.rendition_key(video_id, rendition)
        playlist = with_key(playlist, key, _spelled(token))
    return _manifest(request, services, render_media(playlist), _HLS_TYPE, video, token)


async def get_iframes(
    video_id: str, rendition: str, request: Request, services: FromServices, token: Token = ""
) -> Response:
    """A rendition's key frames, for fast forward and rewind, once the video is ready."""
    video = await _playable(services, video_id)
    track = await _track(services, video, rendition)
    if video.state is not VideoState.READY or not track.iframe_bps:
        raise NotFound("there are no key frames of this rendition yet")
    key = await services.catalog.rendition_key(video_id, rendition)
    playlist = with_key(iframe_playlist(track), key, _spelled(token))
    return _manifest(request, services, render_media(playlist), _HLS_TYPE, video, token)


async def get_dash(
    video_id: str, request: Request, services: FromServices, token: Token = ""
) -> Response:
    """The DASH manifest, once the video is ready.

    Where no setting says at which address licenses are had, it names the one that it was asked at,
    which is for who asked alone.
    """
    video = await _playable(services, video_id)
    if video.state is not VideoState.READY:
        raise NotFound("DASH is offered once the video is ready; HLS is playable now")
    key = await services.catalog.content_key(video_id, video.version)
    if key is not None and key.method is Encryption.AES_128:
        raise NotFound("segments encrypted whole (AES-128) are for HLS only")
    base_url = services.settings.playback_base_url
    license_at = license_url(base_url or str(request.base_url), video_id, _spelled(token))
    text_query = "" if key is None else token_query(_spelled(token))
    tracks = await _tracks(services, video_id)
    text = render_static_manifest(tracks, key, license_at, text_query)
    is_private = key is not None and not base_url
    return _manifest(request, services, text, _DASH_TYPE, video, token, is_private=is_private)


def _spelled(token: str) -> str:
    """The token, unless it cannot be one."""
    return token if is_token(token) else ""


async def _playable(services: Services, video_id: str) -> Video:
    video = await services.catalog.get_video(video_id)
    if video.state is VideoState.FAILED:
        raise Gone("this video failed and cannot be played")
    if not video.playable:
        raise NotFound("this video is not playable yet", code="not_playable_yet")
    return video


def _served(video: Video, version: int | None) -> int | None:
    """The version whose playlists are served: an old one's, to those in the middle of it."""
    is_old = version is not None and EVERY_VERSION < version < video.version
    return version if is_old else None


async def _track(services: Services, video: Video, rendition: str) -> Track:
    catalog = services.catalog
    version = await catalog.version_of(video.id, rendition)
    renditions = await catalog.renditions(video.id, _served(video, version))
    target = target_duration_seconds(renditions, await catalog.extents(video.id))
    segments = await catalog.segments(video.id, rendition)
    for other in renditions:
        if other.name == rendition and (track := published_track(other, segments, target)):
            return track
    raise NotFound("there is no such rendition yet")


async def _tracks(services: Services, video_id: str) -> list[Track]:
    renditions = await services.catalog.renditions(video_id)
    return published_tracks(renditions, await services.catalog.all_segments(video_id))


def _manifest(
    request: Request,
    services: Services,
    text: str,
    media_type: str,
    video: Video,
    token: str,
    *,
    is_private: bool = False,
) -> Response:
    """The text, compressed when asked; 304 when the client has it already.

    One that is private, or carries the token, is for who asks, and for no shared cache.
    """
    is_final = video.state is VideoState.READY
    control = _FINAL if is_final else _GROWING
    if is_private or (token and token in text):
        control = _PRIVATE_FINAL if is_final else _PRIVATE_GROWING
    headers = {"Cache-Control": control, "Vary": "Accept-Encoding"}
    body = text.encode()
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    headers["ETag"] = f'"{digest}"'
    if accepts_gzip(request.headers.get("accept-encoding")):
        headers |= {"ETag": f'"{digest}-gzip"', "Content-Encoding": "gzip"}
        body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
    outcome = evaluate(_preconditions(request.headers), Validators(headers["ETag"]))
    if outcome is Outcome.NOT_MODIFIED:
        return Response(status_code=304, headers=headers)
    services.metrics.sent_bytes.inc(len(body) if request.method == "GET" else 0)
    return Response(body, media_type=media_type, headers=headers)


def _preconditions(headers: Mapping[str, str]) -> Preconditions:
    return Preconditions(if_none_match=headers.get("if-none-match"))
