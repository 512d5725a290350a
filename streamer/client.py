"""A client of the origin's API: what the CLI, the demo and the benchmarks speak.

Uploads are resumable (tus 1.0.0): when the connection breaks, the client asks for the offset and
goes on from there. Every call raises the `StreamerError` that fits the answer's status.
"""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import aiofiles
import aiofiles.os
import aiohttp
from yarl import URL

from streamer.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    StreamerError,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from streamer.core.keys import is_video_id
from streamer.core.webvtt import MAX_BYTES

VideoResource = dict[str, Any]

_PIECE_BYTES = 256 * 1024
_ATTEMPTS = 8
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5)
_TRANSFER_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=120)
_FAILURES: Mapping[int, type[StreamerError]] = {
    401: Unauthorized,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    410: NotFound,
    413: TooLarge,
    423: Conflict,
    429: Unavailable,
}
_NO_ORIGIN = "it is no origin of Streamer"
_SHOWN = {
    *("id", "title", "state", "playable", "progress", "duration_seconds", "renditions"),
    *("playback", "warnings", "repackaging", "error"),
}


class ApiClient:
    """Talks to one origin; use it as an async context manager.

    Args:
        server: The origin's base URL.
        token: The API token; empty where the origin asks for none.
    """

    def __init__(self, server: str, *, token: str = "") -> None:
        self.server = server.rstrip("/") + "/"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None
        self._has_answered = False

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def upload(
        self,
        path: Path,
        *,
        title: str | None = None,
        priority: int = 1,
        options: Mapping[str, Any] | None = None,
        known_location: str | None = None,
        on_created: Callable[[str], None] = lambda location: None,
        on_progress: Callable[[int, int], None] = lambda sent, total: None,
    ) -> str:
        """Upload a file and return the video's id.

        Args:
            path: The file.
            title: The video's title; the file's name where it is missing.
            priority: Weight of its packaging beside other videos', 1 to 10.
            options: How it is packaged, as in the video's resource.
            known_location: Where it was begun before: it goes on there, unless that is gone.
            on_created: Called with its location when it begins.
            on_progress: Called with the bytes the origin has or was sent, and the file's size.

        Raises:
            Unavailable: The origin does not answer, or several tries in a row got it no further.
            Conflict: Another request writes to the upload all the time.
        """
        size = await aiofiles.os.path.getsize(path)
        metadata = {
            "filename": path.name,
            "title": title or path.stem,
            "priority": str(priority),
            "options": json.dumps(dict(options or {})),
        }
        location = known_location
        if location is None or not await self._is_there(location):
            location = await self._create_upload(size, metadata)
            on_created(location)
        reached = attempt = 0
        while True:
            try:
                offset = await self._upload_offset(location)
                if offset > reached:
                    reached, attempt = offset, 0
                on_progress(offset, size)
                await self._append(location, path, offset, size, on_progress)
            except (Conflict, Unavailable):  # the origin may still be at what was sent before
                if attempt == _ATTEMPTS - 1:
                    raise
                await _pause(attempt)
                attempt += 1
            else:
                break
        return location.rstrip("/").rsplit("/", 1)[-1]

    async def video(self, video_id: str) -> VideoResource:
        """One video."""
        return await self._video("GET", _video_path(video_id))

    async def videos(self, *, limit: int = 50, query: str | None = None) -> list[VideoResource]:
        """The newest videos, at most `limit`."""
        found: list[VideoResource] = []
        parameters: dict[str, str] = {"q": query} if query else {}
        while len(found) < limit:
            parameters["limit"] = str(min(100, limit - len(found)))
            async with self._request("GET", "api/v1/videos", params=parameters) as response:
                page = await _parsed(response)
                found += map(_as_video, _member(page, "items"))
                cursor = _member(page, "next_cursor")
            if not cursor:
                break
            parameters["cursor"] = cursor
        return found

    async def repackage(self, video_id: str, options: Mapping[str, Any]) -> VideoResource:
        """Package a video anew, with these options; viewers get the old version until then.

        Raises:
            Conflict: It is not ready, or a new version is being made already.
        """
        path = _video_path(video_id, "/versions")
        return await self._video("POST", path, status=202, json=dict(options))

    async def add_subtitles(
        self,
        video_id: str,
        path: Path,
        *,
        language: str,
        label: str = "",
        is_default: bool = False,
        is_forced: bool = False,
    ) -> VideoResource:
        """Give a video the subtitles in a WebVTT or SubRip file.

        Raises:
            TooLarge: The file is larger than subtitles may be, or has no end.
        """
        async with aiofiles.open(path, "rb") as file:
            data = await file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise TooLarge(f"subtitles may have {MAX_BYTES} bytes at most")
        form = aiohttp.FormData()
        form.add_field("language", _as_utf8(language))
        form.add_field("label", _as_utf8(label))
        form.add_field("default", str(is_default).lower())
        form.add_field("forced", str(is_forced).lower())
        form.add_field("file", data, filename=_as_utf8(path.name))
        return await self._video("POST", _video_path(video_id, "/subtitles"), status=201, data=form)

    async def delete(self, video_id: str) -> None:
        """Delete a video with everything that was made of it."""
        async with self._request("DELETE", _video_path(video_id), status=204):
            pass

    async def purge(
        self, paths: Sequence[str], tags: Sequence[str] = (), *, is_soft: bool = False
    ) -> None:
        """Remove objects from the caches of all edges, or make them stale there.

        Args:
            paths: Of which objects; a path may end in `*`.
            tags: The tags of further ones.
            is_soft: They become stale.
        """
        wanted = {"paths": list(paths), "tags": list(tags), "soft": is_soft}
        async with self._request("POST", "api/v1/purges", status=202, json=wanted):
            pass

    async def events(self, video_id: str) -> AsyncIterator[VideoResource]:
        """The video each time it changes, until nothing more will (server-sent events).

        A stream that ends before, because the origin restarts, is opened again.

        Raises:
            Unavailable: The origin does not answer, or not again after a while.
        """
        # Who never answered is not waited for.
        attempt = 0 if self._has_answered else _ATTEMPTS
        while True:
            try:
                async for video in self._stream(video_id):
                    attempt = 0
                    yield video
            except Unavailable:
                if attempt == _ATTEMPTS:
                    raise
            else:
                return
            await _pause(attempt)
            attempt += 1

    async def _stream(self, video_id: str) -> AsyncIterator[VideoResource]:
        """The events of one connection; Unavailable when it ends too early."""
        path = _video_path(video_id, "/events")
        is_settled = False
        async with self._request("GET", path, timeout=_TRANSFER_TIMEOUT) as response:
            data: list[str] = []
            async for raw in response.content:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("data:"):
                    data.append(line[5:].lstrip())
                elif not line and data:
                    video = _as_video(json.loads("\n".join(data)))
                    is_settled = _is_settled(video)
                    yield video
                    data = []
        if not is_settled:
            raise Unavailable(f"{self.server} ended the stream of events")

    async def _create_upload(self, size: int, metadata: Mapping[str, str]) -> str:
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(size),
            "Upload-Metadata": ",".join(
                f"{key} {base64.b64encode(_as_utf8(value).encode()).decode()}"
                for key, value in metadata.items()
            ),
        }
        async with self._request("POST", "api/v1/uploads", status=201, headers=headers) as response:
            location: str = _member(response.headers, "Location")
            return urljoin(str(response.url), location)

    async def _is_there(self, location: str) -> bool:
        try:
            await self._upload_offset(location)
        except NotFound:
            return False
        return True

    async def _upload_offset(self, location: str) -> int:
        async with self._request("HEAD", location, headers={"Tus-Resumable": "1.0.0"}) as response:
            return int(_member(response.headers, "Upload-Offset"))

    async def _append(
        self,
        location: str,
        path: Path,
        offset: int,
        size: int,
        on_progress: Callable[[int, int], None],
    ) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            sent = offset
            while piece := await file.read(_PIECE_BYTES):
                yield piece
                sent += len(piece)
                on_progress(sent, size)

        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size - offset),
        }
        async with aiofiles.open(path, "rb") as file:
            await file.seek(offset)
            async with self._request(
                "PATCH",
                location,
                status=204,
                headers=headers,
                data=pieces(),
                timeout=_TRANSFER_TIMEOUT,
            ):
                pass

    async def _video(
        self, method: str, path: str, *, status: int = 200, **options: Any
    ) -> VideoResource:
        async with self._request(method, path, status=status, **options) as response:
            return _as_video(await _parsed(response))

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, *, status: int = 200, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer with the status that the API documents.

        Redirects are not followed: they would turn what writes into what reads, and the token is
        for this server alone.
        """
        if self._session is None:
            raise RuntimeError("ApiClient is used outside of its context")
        try:
            async with self._session.request(
                method, urljoin(self.server, path), allow_redirects=False, **options
            ) as response:
                if response.status != status:
                    raise await self._failure(response)
                self._has_answered = True
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unavailable(f"{self.server} does not answer: {_reason(error)}") from error

    async def _failure(self, response: aiohttp.ClientResponse) -> Exception:
        """What an answer with another status than that of success means."""
        if response.status < 300:
            return ValueError(_NO_ORIGIN)
        if response.status < 400:
            where = response.url.join(URL(_member(response.headers, "Location"))).origin()
            return InvalidInput(f"{self.server} sends requests on to {where}: name that server")
        kind = _FAILURES.get(response.status)
        if kind is None:
            kind = Unavailable if response.status >= 500 else InvalidInput
        try:
            problem = json.loads(await response.text())
            detail, code = str(problem["detail"]), problem.get("code")
        except (ValueError, KeyError, TypeError):
            detail, code = f"the server answered {response.status}", None
        return kind(detail, code=code)


def _video_path(video_id: str, below: str = "") -> str:
    """The path of a video's resource, or of one below it.

    Raises:
        NotFound: No video can have this id, which would be part of another path.
    """
    if not is_video_id(video_id):
        raise NotFound("there is no such video")
    return f"api/v1/videos/{video_id}{below}"


async def _parsed(response: aiohttp.ClientResponse) -> object:
    """What an answer says as JSON; ValueError where it is none."""
    try:
        return json.loads(await response.text())
    except ValueError as error:
        raise ValueError(_NO_ORIGIN) from error


def _as_video(answer: object) -> VideoResource:
    """A video as the origin describes it; ValueError where it is none."""
    if not isinstance(answer, dict) or not answer.keys() >= _SHOWN:
        raise ValueError(_NO_ORIGIN)
    return answer


def _member(answer: object, name: str) -> Any:
    """What an answer holds under a name; ValueError where it holds nothing."""
    if not isinstance(answer, Mapping) or name not in answer:
        raise ValueError(_NO_ORIGIN)
    return answer[name]


def _as_utf8(text: str) -> str:
    """The text, with a `?` for each byte of a file's name that is no UTF-8."""
    return text.encode(errors="replace").decode()


async def _pause(attempt: int) -> None:
    await asyncio.sleep(min(0.25 * 2**attempt, 10))


def _is_settled(video: VideoResource) -> bool:
    """Whether nothing more will happen to a video by itself."""
    making = video["repackaging"]
    is_making = making is not None and making["error"] is None
    return video["state"] in ("ready", "failed") and not is_making


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return os.strerror(error.errno) if error.errno > 0 else error.strerror
    return str(error) or type(error).__name__
