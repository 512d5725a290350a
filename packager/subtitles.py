"""Publishes the subtitles inside a source."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from packager.core.damage import describe_lost_texts, describe_omission
from packager.core.renditions import Subtitles
from packager.core.source import SourceInfo, SubtitleTrack
from packager.core.subtitles import read_cues, subtitles_argv
from packager.ffmpeg import FfmpegError, FfmpegInterruptedError
from packager.standing import Standing
from packager.workshop import Workshop
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
) -> list[str]:
    """Publish every track of text as WebVTT; sentences tell what is left out of them.

    Raises:
        FfmpegInterruptedError: Reading them was interrupted.
        NotFound: The video was deleted.
    """
    lost: list[str] = []
    texts = await _convert(workshop, path, [subtitles.track for subtitles in planned])
    for subtitles, text in zip(planned, texts, strict=True):
        # Tens of thousands of cues take seconds, in which others' chunks would wait.
        cues, sentences = await asyncio.to_thread(_read, subtitles, source, text)
        lost += sentences
        if cues:
            data = (await asyncio.to_thread(render_webvtt, cues)).encode()
            duration_ms = max(cue.end_ms for cue in cues)
            await _publish(workshop, video_id, subtitles.rendition.name, data, duration_ms)
    return lost


async def _convert(
    workshop: Workshop, path: str, tracks: Sequence[SubtitleTrack]
) -> list[bytes | None]:
    """What ffmpeg writes for each track; None for one that it cannot read."""
    texts = [bytearray() for _ in tracks]

    def argv(targets: Sequence[str]) -> list[str]:
        return subtitles_argv(path, tracks, targets)

    sinks = [partial(_keep, text) for text in texts]
    try:
        await workshop.ffmpeg.run(argv, sinks, standing=Standing(_NICE))
    except FfmpegInterruptedError:
        raise
    except FfmpegError as error:
        if len(tracks) == 1:
            _log.warning("subtitles cannot be read: %s", error.report)
            return [None]
        # One that cannot be read has ended the run of all.
        return [text for track in tracks for text in await _convert(workshop, path, [track])]
    return [bytes(text) for text in texts]


async def _keep(text: bytearray, pieces: AsyncIterator[bytes]) -> None:
    """Keep as much as may be; what is longer is left out when it is read."""
    async for piece in pieces:
        text.extend(piece[: MAX_BYTES + 1 - len(text)])


def _read(
    subtitles: Subtitles, source: SourceInfo, text: bytes | None
) -> tuple[tuple[Cue, ...], list[str]]:
    """The cues of a text, and sentences about what is left out of it."""
    name = subtitles.rendition.name
    if text is None:
        return (), [describe_omission([name], "reading failed")]
    if len(text) > MAX_BYTES:
        return (), [describe_omission([name], f"Subtitles may have {MAX_BYTES} bytes at most")]
    reasons: list[str] = []
    cues = read_cues(text.decode("utf-8", "replace"), subtitles.track, source, reasons.append)
    lost = [describe_lost_texts(name, n, reason) for reason, n in Counter(reasons).items()]
    return cues, lost if cues or lost else [describe_omission([name], "there is no text in it")]


async def _publish(
    workshop: Workshop, video_id: str, rendition: str, data: bytes, duration_ms: int
) -> None:
    name = subtitles_name(rendition, sha256(data).hexdigest())
    await workshop.store.put(media_key(video_id, name), data)
    segment = Segment(rendition, 0, name, duration_ms, len(data))
    await workshop.catalog.publish(
        video_id, [segment], init_names={}, codecs={}, now=datetime.now(UTC)
    )
