"""The first step: what the source is, and which renditions it becomes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from secrets import token_bytes
from typing import Any

from packager.clock_shifts import find_shifts, has_packets
from packager.core.arrival import Arrival
from packager.core.chapter_tracks import chapter_tracks
from packager.core.damage import describe_beginning
from packager.core.duration import guess_seconds
from packager.core.frame_rate import losing_none
from packager.core.input import Window
from packager.core.ladder import Rung
from packager.core.mended import Shift
from packager.core.mp4_times import decoding_seconds
from packager.core.plan import Grid
from packager.core.probe import (
    check_duration,
    container_formats,
    describe_others,
    read_chapters,
    read_probe,
    without_tracks,
)
from packager.core.probe_values import read_seconds
from packager.core.recipe import Recipe, plan_recipe
from packager.core.renditions import plan_sounds, plan_subtitles
from packager.core.source import SourceInfo, VideoTrack
from packager.core.unreadable import explain_unreadable
from packager.entries import has_entries, measure_seconds
from packager.ffmpeg import FfmpegError, FfmpegInterruptedError
from packager.mp4_layout import Mp4Layout, read_mp4_layout
from packager.processors import usable_processors
from packager.source_bytes import SourceBytes
from packager.sources import Source
from packager.workshop import Workshop
from streamer.core.options import Encryption
from streamer.core.video import ContentKey, MediaKind, Rendition

_HEAD_BYTES = 64
# Where pictures may follow each other faster than in the beginning: a 2 h film is looked at in a
# second.
_WINDOWS, _WINDOW_SECONDS = 16, 3
_BEGINNING_SECONDS = 60
# So much is looked at as a whole.
_SMALL_SECONDS, _SMALL_BYTES = 600, 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a source is, and what its pictures become, if it has any.

    Attributes:
        info: The source.
        recipe: What its pictures become.
        processors: What the worker has of them.
        arrival: How the source arrives.
        is_early: Whether not all of it was there to be probed.
    """

    info: SourceInfo
    recipe: Recipe | None
    processors: float
    arrival: Arrival
    is_early: bool


async def inspect_source(
    workshop: Workshop, video_id: str, version: int, source: Source
) -> Inspection:
    """Probe the source and tell the catalog which renditions to expect.

    Raises:
        SourceRejected: It cannot become a stream.
        NotFound: The video was deleted.
    """
    is_early = not source.data.is_complete
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
    arrival = await source.data.arrival()
    return Inspection(info, recipe, usable_processors(), arrival, is_early)


async def tell_chapters(
    workshop: Workshop, video_id: str, source: Source, zero_seconds: Fraction
) -> None:
    """Tell the catalog the chapters of a source that was probed early, now that all of it is there.

    `zero_seconds` is the time of its clock from which they count.

    Raises:
        FfmpegError: It cannot be read.
        NotFound: The video was deleted.
    """
    probe = await workshop.ffmpeg.probe(source.any_part)
    chapters = read_chapters(probe, zero_seconds)
    await workshop.catalog.describe_source(video_id, chapters=chapters)


async def _describe(workshop: Workshop, source: Source) -> tuple[SourceInfo, Sequence[str]]:
    """What a source is, and sentences about what is missing of it."""
    if not source.data.is_complete:
        path = source.from_the_beginning
        try:
            probe = await workshop.ffmpeg.probe(path)
        except FfmpegError:
            # What cannot be read yet may be readable once the rest is there.
            await source.data.wait_until_complete()
        else:
            return await _describe_probed(workshop, source, probe, arrives=True)
    shifts = await find_shifts(source.data)
    path = source.from_the_beginning if shifts else source.any_part
    try:
        probe = await workshop.ffmpeg.probe(path)
    except FfmpegInterruptedError:
        raise
    except FfmpegError as error:
        head = await source.data.read_available(0, _HEAD_BYTES)
        raise explain_unreadable(head, source.data.length_bytes, error.report) from error
    return await _describe_probed(workshop, source, probe, shifts=shifts)


async def _describe_probed(
    workshop: Workshop,
    source: Source,
    probe: Mapping[str, Any],
    *,
    arrives: bool = False,
    shifts: Sequence[Shift] = (),
) -> tuple[SourceInfo, Sequence[str]]:
    """The same, of what ffprobe told, and the bytes themselves.

    `arrives` says that it was probed while it arrived, `shifts` correct its clock.
    """
    in_order = bool(shifts) or (arrives and await has_packets(source.data))
    max_seconds = workshop.settings.max_duration_seconds
    layout, formats = Mp4Layout(), container_formats(probe)
    if "mov" in formats:
        layout = await read_mp4_layout(source.data)
        # What cannot be sought in is not asked for its chapters: ffprobe has their titles for text.
        probe = without_tracks(probe, chapter_tracks(layout.index))
    info = read_probe(probe, max_duration_seconds=max_seconds)
    info = replace(
        info, in_order=in_order, clock_shifts=tuple(shifts), index_first=layout.index_first
    )
    states_duration = layout.states_duration and info.duration_seconds > 0 and not shifts
    warnings = [*describe_others(probe), *_describe_picture(info), *layout.warnings]
    if info.video is not None:
        video = await _losing_none(
            workshop, source, info, info.video, layout, states_rate="matroska" in formats
        )
        info = replace(info, video=video)
    if in_order or (arrives and not info.index_first):
        info = replace(info, has_entries=await has_entries(source.data))
    if info.duration_seconds <= 0 or ((arrives or shifts) and not states_duration):
        seconds = await _guess_duration(workshop, source, shifts)
        info = replace(info, duration_seconds=seconds, is_duration_guessed=True)
    if not arrives:
        check_duration(info.duration_seconds, max_seconds)
    return info, warnings


async def _losing_none(
    workshop: Workshop,
    source: Source,
    info: SourceInfo,
    video: VideoTrack,
    layout: Mp4Layout,
    *,
    states_rate: bool,
) -> VideoTrack:
    """The picture of a source, at a rate, and with frames due when they lose none of its pictures.

    `states_rate` says that its rate is what the container states, not what was measured.
    """
    rate, delay = video.frame_rate, Fraction(0)
    if video.is_rate_certain and states_rate:
        # Most files whose pictures come at another rate show it at once.
        beginning = (None, info.first_picture_seconds + _WINDOW_SECONDS)
        rate, delay = losing_none(rate, await _look(workshop, source, video, beginning))
    if not video.is_rate_certain or rate != video.frame_rate or delay:
        told = decoding_seconds(layout.index, video.index)
        if told is None:
            told = await _look(workshop, source, video, *_windows(info, source.data))
        # Two million times take seconds, in which others' chunks would wait.
        rate, delay = await asyncio.to_thread(losing_none, video.frame_rate, told)
    # One frame is due with the first picture, however late that is.
    beside = video.late_seconds - round(video.late_seconds * rate) / rate
    start = video.start_seconds + beside + delay / rate
    return replace(video, frame_rate=rate, start_seconds=start)


def _describe_picture(info: SourceInfo) -> Sequence[str]:
    """Sentences about what of the pictures is not shown as, or when, it should be."""
    if info.video is None:
        return []
    beginning = describe_beginning(info.video.late_seconds, info.lead_seconds)
    return [*beginning, info.video.caveat] if info.video.caveat else beginning


async def _look(
    workshop: Workshop, source: Source, video: VideoTrack, *windows: Window
) -> Sequence[float]:
    """When pictures are shown, in seconds, in some windows of what is there of a source."""
    try:
        packets = await workshop.ffmpeg.key_packets(source.arrived, video.index, *windows)
    except FfmpegError:
        return ()
    return [float(read_seconds(packet["pts_time"])) for packet in packets if "pts_time" in packet]


def _windows(info: SourceInfo, data: SourceBytes) -> Sequence[Window]:
    start, seconds = info.format_start_seconds, info.duration_seconds
    if data.length_bytes <= _SMALL_BYTES and seconds <= _SMALL_SECONDS:
        return [(None, start + _SMALL_SECONDS)]
    beginning = (None, info.first_picture_seconds + _BEGINNING_SECONDS)
    if not data.is_complete or info.in_order or seconds <= _BEGINNING_SECONDS:
        return [beginning]
    step = Fraction(seconds) / _WINDOWS
    starts = (start + step * number for number in range(_WINDOWS))
    return [(begin, begin + _WINDOW_SECONDS) for begin in starts]


async def _guess_duration(workshop: Workshop, source: Source, shifts: Sequence[Shift]) -> float:
    """How long a source may last; 0 if what is there of it does not tell."""
    if shifts and (seconds := await measure_seconds(source.data, shifts)):
        return seconds
    try:
        packets = await workshop.ffmpeg.first_packets(source.arrived)
    except FfmpegError:
        return 0.0
    return guess_seconds(packets, source.data.length_bytes)


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
