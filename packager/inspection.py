"""The first step: what the source is, and which renditions it becomes."""

from dataclasses import replace
from pathlib import Path

from packager.core.ladder import Rung, build_ladder
from packager.core.plan import Grid, frame_grid
from packager.core.probe import container_formats, read_probe
from packager.core.renditions import plan_sounds, plan_subtitles
from packager.core.source import SourceInfo, VideoTrack
from packager.core.unreadable import explain_unreadable
from packager.ffmpeg import FfmpegError
from packager.mp4_check import check_mp4
from packager.source_file import read_head
from packager.workshop import Workshop
from streamer.core.keys import rendition_name
from streamer.core.video import MediaKind, Rendition


async def inspect_source(workshop: Workshop, video_id: str, version: int, path: str) -> SourceInfo:
    """Probe the source and tell the catalog which renditions to expect.

    Raises:
        SourceRejected: It cannot become a stream.
        NotFound: The video was deleted.
    """
    try:
        probe = await workshop.ffmpeg.probe(path)
    except FfmpegError as error:
        head, size_bytes = await read_head(Path(path))
        raise explain_unreadable(head, size_bytes) from error
    is_mp4 = "mov" in container_formats(probe)
    warnings = await check_mp4(Path(path)) if is_mp4 else []
    source = read_probe(probe, max_duration_seconds=workshop.settings.max_duration_seconds)
    await workshop.catalog.begin_packaging(
        video_id,
        duration_seconds=source.duration_seconds,
        renditions=_renditions(source, version),
        version=version,
    )
    await workshop.catalog.describe_source(video_id, warnings=warnings, chapters=source.chapters)
    return source


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
