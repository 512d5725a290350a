"""Videos that the origin fetches from a URL by itself.

The URL is in the catalog, so a fetch that a crash or a stop ended is begun again, by whichever
origin is there. One origin at a time fetches a video (`lease`).
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from urllib.parse import unquote

import aiohttp
from yarl import URL

from streamer.core.errors import (
    InvalidInput,
    NotFound,
    SourceRejected,
    StorageFull,
    StreamerError,
    Unavailable,
)
from streamer.core.errors import TooLarge as TooLargeError
from streamer.core.video import Video, VideoState
from streamer.origin.choices import NO_CHOICE, Choices
from streamer.origin.errors import Locked
from streamer.origin.lease import Leases
from streamer.origin.outbound import AddressRule, PrivateAddress, check_url, open_session
from streamer.origin.pace import Pace, at_pace
from streamer.origin.tus import title_from_filename
from streamer.origin.uploads import Uploads, new_video_id
from streamer.shared.catalog import Catalog

_AT_ONCE = 4
_MAX_REDIRECTS = 5
_COMPRESSIONS = frozenset({"br", "compress", "deflate", "gzip", "x-compress", "x-gzip", "zstd"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 256 * 1024
_LEAST_PACE = Pace(size_bytes=480 * 1024, seconds=30)
_TOO_LATE = "The server did not answer in time."
_UNREADABLE = "The head of the server's answer is malformed or too large."
_NO_SUCH_NAME = "There is no server of that name."
_log = logging.getLogger(__name__)


class Fetches:
    """The fetches of this process; at most a few run at once, the others wait.

    Args:
        uploads: Where the bytes go.
        catalog: Holds the videos and their URLs.
        is_allowed: Judges every address before it is connected to.
        timeout_seconds: The longest that one fetch may take.
        least_pace: A server that is slower is given up; its answer must begin within as long.
    """

    def __init__(
        self,
        uploads: Uploads,
        catalog: Catalog,
        *,
        is_allowed: AddressRule,
        timeout_seconds: float,
        least_pace: Pace = _LEAST_PACE,
    ) -> None:
        self._uploads = uploads
        self._catalog = catalog
        self._is_allowed = is_allowed
        self._timeout_seconds = timeout_seconds
        self._least_pace = least_pace
        self._leases = Leases(catalog)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def create(
        self, text: str, *, title: str, now: datetime, choices: Choices = NO_CHOICE
    ) -> Video:
        """Make a video of what is at a URL, and begin to fetch it.

        Raises:
            InvalidInput: It is no http or https URL.
        """
        url = check_url(text)
        video = await self._catalog.create_video(
            new_video_id(),
            title=title or _title_of(url),
            now=now,
            source_url=text,
            priority=choices.priority,
            options=choices.options,
        )
        self.start(video.id, text)
        return video

    def start(self, video_id: str, url: str) -> None:
        """Begin to fetch, unless that is going on already."""
        if video_id not in self._tasks:
            task = asyncio.create_task(self._run(video_id, url), name=f"fetch {video_id}")
            self._tasks[video_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(video_id, None))

    async def keep(self, video_id: str) -> None:
        """Keep other origins from fetching what is here, complete, and not taken in yet."""
        with suppress(Locked, NotFound):
            await self._leases.take(video_id)

    async def cancel(self, video_id: str) -> None:
        """End a fetch, and return when it did."""
        if task := self._tasks.get(video_id):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """End all fetches; they are begun again by another origin, or when this one starts."""
        for video_id in list(self._tasks):
            await self.cancel(video_id)

    async def _run(self, video_id: str, url: str) -> None:
        try:
            async with self._slots:
                await self._fetch_alone(video_id, url)
        except Locked:  # another origin is at it
            return
        except NotFound:  # deleted meanwhile
            await self._uploads.discard(video_id)
        except StreamerError as error:
            _log.warning("fetch of %s is begun again later: %s", video_id, error)

    async def _fetch_alone(self, video_id: str, url: str) -> None:
        """Fetch a video that is still wanted; Locked when another origin does."""
        try:
            async with self._leases.kept(video_id):
                video = await self._catalog.get_video(video_id)
                if video.state is VideoState.UPLOADING:
                    await self._fetch_or_fail(video_id, url)
        finally:
            # What is complete here is taken in from here.
            if not await self._uploads.is_complete(video_id):
                await self._leases.release(video_id)

    async def _fetch_or_fail(self, video_id: str, url: str) -> None:
        try:
            await self._fetch_or_explain(video_id, url)
        except SourceRejected as error:
            await self._fail(video_id, error)
        except StorageFull:
            await self._fail(video_id, _failed("There is no room left for the file."))
        except StreamerError:
            raise
        except Exception:
            _log.exception("fetch of %s went wrong", video_id)
            await self._fail(video_id, _failed("Fetching it went wrong."))

    async def _fetch_or_explain(self, video_id: str, url: str) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._fetch(video_id, check_url(url))
        except TimeoutError as error:
            raise _failed(_TOO_LATE) from error
        except aiohttp.ClientConnectorError as error:
            raise _failed(connect_reason(error)) from error
        except aiohttp.ClientResponseError as error:
            raise _failed(_UNREADABLE) from error
        except UnicodeError as error:  # IDNA refuses the host, at first or in a redirect
            raise _failed(_NO_SUCH_NAME) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _failed("The connection to the server broke.") from error
        except InvalidInput as error:
            raise _failed("The URL leads to something that is no http or https URL.") from error
        except TooLargeError as error:
            raise SourceRejected("The file is larger than allowed.", code="too_large") from error

    async def _fetch(self, video_id: str, url: URL) -> None:
        async with open_session(self._is_allowed) as session:
            pieces = self._leased(video_id, self._follow(session, url))
            await self._uploads.receive_whole(video_id, pieces)

    async def _leased(self, video_id: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces; Locked behind the last one if another origin has begun anew."""
        async for piece in pieces:
            yield piece
        with suppress(Unavailable):  # it is taken in later then, as it is here
            await self._leases.take(video_id)

    async def _follow(self, session: aiohttp.ClientSession, url: URL) -> AsyncIterator[bytes]:
        """The bytes at `url`, or where it leads to by a few redirects."""
        for _ in range(_MAX_REDIRECTS + 1):
            async with await self._ask(session, url) as response:
                if response.status not in _REDIRECTS:
                    self._check(response)
                    async for piece in self._body(response):
                        yield piece
                    return
                url = _next_url(response)
        raise _failed("The URL redirects too often.")

    async def _ask(self, session: aiohttp.ClientSession, url: URL) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(self._least_pace.seconds):
                return await session.get(url, allow_redirects=False)
        except TimeoutError as error:
            raise _failed(_TOO_LATE) from error

    async def _body(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        pieces = response.content.iter_chunked(_PIECE_BYTES)
        try:
            async for piece in at_pace(pieces, self._least_pace):
                yield piece
        except TimeoutError as error:
            raise _failed("The server sends too slowly.") from error

    def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 200:
            raise _failed(f"The server answered {response.status}.")
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding in _COMPRESSIONS:
            raise _failed(
                f"The server sends the file compressed ({coding}), which was not asked for."
            )
        if (response.content_length or 0) > self._uploads.max_bytes:
            raise TooLargeError("the file is larger than allowed")

    async def _fail(self, video_id: str, error: SourceRejected) -> None:
        await self._leases.take(video_id)
        await self._uploads.give_up(video_id)
        await self._catalog.fail(video_id, code=error.code, message=error.detail)


def _next_url(response: aiohttp.ClientResponse) -> URL:
    location = response.headers.get("Location")
    if location is None:
        raise _failed(f"The server answered {response.status}, and not where to ask instead.")
    return check_url(location, base=response.url)


def connect_reason(error: aiohttp.ClientConnectorError) -> str:
    """Why there is no connection, in a sentence for a person."""
    if isinstance(error.os_error, PrivateAddress):
        return "The URL leads to an address that is not on the public Internet."
    if getattr(error.os_error, "errno", None) == socket.EAI_AGAIN:
        return "The server's name could not be looked up."
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _NO_SUCH_NAME
    return "The server could not be reached."


def _failed(reason: str) -> SourceRejected:
    return SourceRejected(reason, code="fetch_failed")


def _title_of(url: URL) -> str:
    name = unquote(url.raw_path.rpartition("/")[2])
    return title_from_filename(name or url.host or "")
