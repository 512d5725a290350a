"""The first step: what the source is, and which renditions it becomes."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import Any

from packager.core.ladder import Rung
from packager.core.plan import Grid
from packager.core.probe import container_formats, read_probe
from packager.core.recipe import Recipe, plan_recipe
from packager.core.renditions import plan_sounds, plan_subtitles
from packager.core.source import SourceInfo
from packager.core.unreadable import explain_unreadable
from packager.ffmpeg import FfmpegError
from packager.mp4_layout import read_mp4_layout
from packager.sources import Source
from packager.workshop import Workshop
from streamer.core.errors import SourceRejected
from streamer.core.options import Encryption
from streamer.core.video import ContentKey, MediaKind, Rendition

_HEAD_BYTES = 64
# The beginning of an upload over a slow line.
_ARRIVAL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a source is, and what its pictures become, if it has any."""

    info: SourceInfo
    recipe: Recipe | None


async def inspect_source(
    workshop: Workshop, video_id: str, version: int, source: Source
) -> Inspection:
    """Probe the source and tell the catalog which renditions to expect.

    Raises:
        SourceRejected: It cannot become a stream.
        NotFound: The video was deleted.
    """
    info, warnings = await _describe(workshop, source)
    chosen = (await workshop.catalog.get_video(video_id)).options
    settings = workshop.settings
    options = chosen.over(settings.options)
    recipe = plan_recipe(info, options, settings.encoder, version)
    if options.encryption not in (None, Encryption.NONE):
        key = ContentKey(token_bytes(16), token_bytes(16), options.encryption)
        await workshop.catalog.keep_content_key(video_id, version, key)
    await workshop.catalog.begin_packaging(
        video_id,
        duration_seconds=info.duration_seconds,
        renditions=plan_renditions(info, recipe, version),
        version=version,
    )
    await workshop.catalog.describe_source(video_id, warnings=warnings, chapters=info.chapters)
    return Inspection(info, recipe)


async def _describe(workshop: Workshop, source: Source) -> tuple[SourceInfo, Sequence[str]]:
    """What a source is, and sentences about what is missing of it."""
    arrives = not source.data.is_complete
    probe = await _probe(workshop, source)
    info = read_probe(probe, max_duration_seconds=workshop.settings.max_duration_seconds)
    states_duration = info.duration_seconds > 0
    warnings: Sequence[str] = ()
    if "mov" in container_formats(probe):
        layout = await read_mp4_layout(source.data)
        info = replace(info, index_first=layout.index_first)
        states_duration &= layout.states_duration
        warnings = layout.warnings
    if arrives and not states_duration:
        seconds = await _guess_duration(workshop, source)
        info = replace(info, duration_seconds=seconds, is_duration_guessed=True)
    return info, warnings


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


async def _guess_duration(workshop: Workshop, source: Source) -> float:
    """How long a source may last, by how long what has arrived lasts; 0 if that does not tell."""
    data = source.data
    arrived, times = source.arrived, data.length_bytes / max(1, data.received_bytes)
    try:
        info = read_probe(await workshop.ffmpeg.probe(arrived), max_duration_seconds=math.inf)
    except (FfmpegError, SourceRejected):
        return 0.0
    return info.duration_seconds * times


def plan_renditions(source: SourceInfo, recipe: Recipe | None, version: int) -> list[Rendition]:
    """All renditions of a version: pictures, sounds and subtitles."""
    renditions = []
    if recipe is not None:
        renditions = [_picture(rung, recipe.grid) for rung in recipe.rungs]
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
