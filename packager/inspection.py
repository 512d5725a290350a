"""The first step: what the source is, and which renditions it becomes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from packager.core.ladder import Rung, build_ladder
from packager.core.plan import Grid, frame_grid
from packager.core.probe import container_formats, read_probe
from packager.core.renditions import plan_sounds, plan_subtitles
from packager.core.source import SourceInfo, VideoTrack
from packager.core.unreadable import explain_unreadable
from packager.ffmpeg import FfmpegError
from packager.mp4_layout import read_mp4_layout
from packager.sources import Source
from packager.workshop import Workshop
from streamer.core.keys import rendition_name
from streamer.core.video import MediaKind, Rendition

_HEAD_BYTES = 64
# The beginning of an upload over a slow line.
_ARRIVAL_SECONDS = 600.0


async def inspect_source(
    workshop: Workshop, video_id: str, version: int, source: Source
) -> SourceInfo:
    """Probe the source and tell the catalog which renditions to expect.

    Raises:
        SourceRejected: It cannot become a stream.
        NotFound: The video was deleted.
    """
    probe = await _probe(workshop, source)
    info = read_probe(probe, max_duration_seconds=workshop.settings.max_duration_seconds)
    warnings: Sequence[str] = ()
    if "mov" in container_formats(probe):
        layout = await read_mp4_layout(source.data)
        info = replace(info, index_first=layout.index_first)
        warnings = layout.warnings
    await workshop.catalog.begin_packaging(
        video_id,
        duration_seconds=info.duration_seconds,
        renditions=_renditions(info, version),
        version=version,
    )
    await workshop.catalog.describe_source(video_id, warnings=warnings, chapters=info.chapters)
    return info


async def _probe(workshop: Workshop, source: Source) -> dict[str, Any]:
    data = source.data
    if not data.is_complete:
        # What cannot be read yet may be readable once the rest is there.
        with suppress(FfmpegError):
            return await workshop.ffmpeg.probe(
                source.from_the_beginning, deadline_seconds=_ARRIVAL_SECONDS
            )
        await data.wait_until_complete()
    try:
        return await workshop.ffmpeg.probe(source.any_part)
    except FfmpegError as error:
        head = await data.read_available(0, _HEAD_BYTES)
        raise explain_unreadable(head, data.length_bytes, error.report) from error


def version_ladder(video: VideoTrack, version: int) -> tuple[Rung, ...]:
    """The ladder with the names that its renditions have in a version."""
    return tuple(
        replace(rung, name=rendition_name(rung.name, version)) for rung in build_ladder(video)
    )


def _renditions(source: SourceInfo, version: int) -> list[Rendition]:
    renditions = []
    if source.video is not None:
        grid = frame_grid(source.video.frame_rate)
        renditions = [_picture(rung, grid) for rung in version_ladder(source.video, version)]
    sounds, texts = plan_sounds(source.audios, version), plan_subtitles(source.subtitles, version)
    renditions += [sound.rendition for sound in sounds]
    renditions += [text.rendition for text in texts]
    return [replace(rendition, version=version) for rendition in renditions]


def _picture(rung: Rung, grid: Grid) -> Rendition:
    return Rendition(
        name=rung.name,
        kind=MediaKind.VIDEO,
        # Read from the encoder's output when the first chunk is published.
        codecs="",
        timescale=grid.timescale,
        width=rung.width,
        height=rung.height,
        frame_rate=grid.frame_rate,
    )
