"""What a player does first: the multivariant playlist, then picture and sound from their start."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urljoin

import aiohttp

from streamer.core.playlist import MediaPlaylist, MultivariantPlaylist
from streamer.core.playlist_reader import parse_playlist


async def fetch_start(session: aiohttp.ClientSession, url: str) -> int:
    """Fetch all that a player needs to show the first segment; returns the bytes of media.

    Raises:
        RuntimeError: The stream has no variant, or a media playlist no segment.
    """
    stream = parse_playlist((await _body(session, url)).decode())
    if not isinstance(stream, MultivariantPlaylist) or not stream.variants:
        raise RuntimeError(f"{url} lists no variant stream")
    sizes = await asyncio.gather(
        *(_fetch_track_start(session, urljoin(url, uri)) for uri in _tracks(stream))
    )
    return sum(sizes)


def _tracks(stream: MultivariantPlaylist) -> Iterator[str]:
    first = stream.variants[0]
    yield first.uri
    for audio in stream.audio:
        if audio.uri and audio.group == first.audio_group and audio.is_default:
            yield audio.uri


async def _fetch_track_start(session: aiohttp.ClientSession, url: str) -> int:
    playlist = parse_playlist((await _body(session, url)).decode())
    if not isinstance(playlist, MediaPlaylist) or not playlist.segments:
        raise RuntimeError(f"{url} lists no segment")
    segment = playlist.segments[0]
    wanted = [segment.init_uri, segment.uri] if segment.init_uri else [segment.uri]
    bodies = await asyncio.gather(*(_body(session, urljoin(url, uri)) for uri in wanted))
    return sum(map(len, bodies))


async def _body(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as response:
        response.raise_for_status()
        return await response.read()
