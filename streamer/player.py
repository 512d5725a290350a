"""A headless player: it asks for what a player asks for, in a player's order, and decodes nothing.

It starts at the first segment, keeps a bounded buffer, consumes it at a chosen speed and reloads
growing playlists, so that what it counts (hits, stalls) is what a viewer meets.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

import aiohttp

from streamer.core.errors import Unavailable
from streamer.core.playlist import MediaPlaylist, MediaSegment, MultivariantPlaylist
from streamer.core.playlist_reader import parse_playlist

_BUFFER_SECONDS = 12.0
_RELOAD_SECONDS = 1.0
_PATIENCE_SECONDS = 120.0


@dataclass(slots=True)
class PlaybackReport:
    """What one playback met; bytes are body bytes of segments and init segments."""

    segments: int = 0
    media_seconds: float = 0.0
    bytes: int = 0
    edge_hits: int = 0
    edge_misses: int = 0
    prefetched_used: int = 0
    stalls: int = 0
    first_byte_seconds: list[float] = field(default_factory=list)


class HeadlessPlayer:
    """Plays one stream once.

    Args:
        session: The HTTP session to fetch with.
        speed: Media seconds consumed in a second.
        highest: Take the last variant of the multivariant playlist rather than the first.
    """

    def __init__(
        self, session: aiohttp.ClientSession, *, speed: float = 1.0, highest: bool = False
    ) -> None:
        self._session = session
        self._speed = speed
        self._highest = highest
        self._report = PlaybackReport()

    async def play(self, url: str) -> PlaybackReport:
        """Play the stream behind a multivariant playlist to its end.

        Raises:
            Unavailable: An answer was not 200, or a growing playlist stopped growing.
        """
        stream = parse_playlist(await self._text(url))
        if not isinstance(stream, MultivariantPlaylist) or not stream.variants:
            raise Unavailable(f"{url} is no multivariant playlist")
        variant = stream.variants[-1 if self._highest else 0]
        tracks = [urljoin(url, variant.uri)]
        tracks += [
            urljoin(url, audio.uri)
            for audio in stream.audio
            if audio.uri and audio.group == variant.audio_group and audio.is_default
        ]
        await asyncio.gather(
            *(self._play_track(track, leads=index == 0) for index, track in enumerate(tracks))
        )
        return self._report

    async def _play_track(self, playlist_url: str, *, leads: bool) -> None:
        loop = asyncio.get_running_loop()
        plays_until = loop.time()
        init_uri: str | None = None
        async for segment in self._segments(playlist_url):
            ahead = plays_until - loop.time()
            if ahead * self._speed > _BUFFER_SECONDS:
                await asyncio.sleep(ahead - _BUFFER_SECONDS / self._speed)
            if segment.init_uri and segment.init_uri != init_uri:
                init_uri = segment.init_uri
                await self._fetch(urljoin(playlist_url, init_uri))
            await self._fetch(urljoin(playlist_url, segment.uri))
            if leads:
                self._report.segments += 1
                self._report.media_seconds += segment.duration_seconds
                self._report.stalls += self._report.segments > 1 and loop.time() > plays_until
            plays_until = max(plays_until, loop.time()) + segment.duration_seconds / self._speed

    async def _segments(self, playlist_url: str) -> AsyncIterator[MediaSegment]:
        position = 0
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while True:
            playlist = parse_playlist(await self._text(playlist_url))
            if not isinstance(playlist, MediaPlaylist):
                raise Unavailable(f"{playlist_url} is no media playlist")
            for segment in playlist.segments[position:]:
                yield segment
                deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
            position = len(playlist.segments)
            if playlist.ended:
                return
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(f"{playlist_url} does not grow any more")
            await asyncio.sleep(_RELOAD_SECONDS)

    async def _text(self, url: str) -> str:
        async with self._session.get(url) as response:
            if response.status != 200:
                raise Unavailable(f"{url} answered {response.status}")
            return await response.text()

    async def _fetch(self, url: str) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        async with self._session.get(url) as response:
            self._report.first_byte_seconds.append(loop.time() - asked_at)
            if response.status != 200:
                raise Unavailable(f"{url} answered {response.status}")
            async for piece in response.content.iter_any():
                self._report.bytes += len(piece)
            self._count(response.headers.get("Cache-Status", ""))

    def _count(self, cache_status: str) -> None:
        nearest = cache_status.rsplit(",", 1)[-1]
        parameters = [part.strip() for part in nearest.split(";")[1:]]
        if "hit" in parameters:
            self._report.edge_hits += 1
        else:
            self._report.edge_misses += 1
        if "detail=prefetched" in parameters:
            self._report.prefetched_used += 1
