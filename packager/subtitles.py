"""Publishes the subtitles inside a source."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from packager.core.renditions import Subtitles
from packager.core.source import SourceInfo, SubtitleTrack
from packager.core.subtitles import read_cues, subtitles_argv
from packager.standing import Standing
from packager.workshop import Workshop
from streamer.core.errors import InvalidInput
from streamer.core.keys import media_key, subtitles_name
from streamer.core.video import Segment
from streamer.core.webvtt import MAX_BYTES, Cue, render_webvtt

# Nobody waits for them as long as for pictures and sound.
_NICE = 10
_log = logging.getLogger("packager")


async def extract_subtitles(
    workshop: Workshop,
    video_id: str,
    path: str,
    source: SourceInfo,
    planned: Sequence[Subtitles],
) -> None:
    """Publish every track of text as WebVTT; one that holds nothing readable is left out.

    Raises:
        FfmpegError: The source cannot be read.
        NotFound: The video was deleted.
    """
    tracks = [subtitles.track for subtitles in planned]
    texts = [bytearray() for _ in tracks]

    def argv(targets: Sequence[str]) -> list[str]:
        return subtitles_argv(path, tracks, targets)

    sinks = [partial(_keep, text) for text in texts]
    await workshop.ffmpeg.run(argv, sinks, standing=Standing(_NICE))
    for subtitles, text in zip(planned, texts, strict=True):
        # Tens of thousands of cues take seconds, in which others' chunks would wait.
        cues = await asyncio.to_thread(_read, video_id, subtitles.track, source, bytes(text))
        if cues:
            data = (await asyncio.to_thread(render_webvtt, cues)).encode()
            duration_ms = max(cue.end_ms for cue in cues)
            await _publish(workshop, video_id, subtitles.rendition.name, data, duration_ms)


async def _keep(text: bytearray, pieces: AsyncIterator[bytes]) -> None:
    """Keep as much as may be; what is longer is refused when it is read."""
    async for piece in pieces:
        text.extend(piece[: MAX_BYTES + 1 - len(text)])


def _read(video_id: str, track: SubtitleTrack, source: SourceInfo, text: bytes) -> tuple[Cue, ...]:
    try:
        if len(text) > MAX_BYTES:
            raise InvalidInput(f"Subtitles may have {MAX_BYTES} bytes at most.")
        return read_cues(text.decode("utf-8", "replace"), track, source)
    except InvalidInput as error:
        _log.warning("video %s: subtitles %d left out: %s", video_id, track.index, error.detail)
        return ()


async def _publish(
    workshop: Workshop, video_id: str, rendition: str, data: bytes, duration_ms: int
) -> None:
    name = subtitles_name(rendition, sha256(data).hexdigest())
    await workshop.store.put(media_key(video_id, name), data)
    segment = Segment(rendition, 0, name, duration_ms, len(data))
    await workshop.catalog.publish(
        video_id, [segment], init_names={}, codecs={}, now=datetime.now(UTC)
    )
