"""Chunks beside one unchunked two-pass encode of the same preset: VMAF at equal bit rates."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.quality import CLIPS_VARIABLE, Point, bd_vmaf, clips, media_seconds, run_ffmpeg, score
from bench.report import Goal, Measure, Report
from packager.core.ladder import Rung
from packager.core.plan import plan_chunks
from packager.core.recipe import Recipe
from packager.inspection import inspect_source
from packager.picture import encode_chunk
from packager.picture_source import PictureSource
from packager.settings import PackagerSettings
from packager.workshop import Workshop
from streamer.core.keys import media_key, source_key
from streamer.shared.settings import SharedSettings

GOAL_LOSS = 0.5
_QUALITIES = (23.0, 27.0, 31.0, 35.0)
_QUICK_QUALITIES = (25.0, 31.0)
_PRESET = "veryfast"
_VIDEO = "benchvideo"


async def run(directory: Path, quick: bool) -> Report:
    """Encode every clip's largest rendition in chunks at some qualities, and whole beside it."""
    qualities = _QUICK_QUALITIES if quick else _QUALITIES
    losses, notes = [], []
    for clip in clips():
        ours, whole = [], []
        for quality in qualities:
            place = directory / f"{clip.stem}-{quality:g}"
            place.mkdir()
            point, rung, gop = await _in_chunks(clip, quality, place)
            ours.append(point)
            whole.append(await _two_pass(clip, rung, point.bps, gop, place))
        losses.append(-bd_vmaf(ours, whole))
        pairs = zip(ours, whole, strict=True)
        notes.append(
            f"{clip.stem}: "
            + ", ".join(f"{a.bps / 1000:.0f}k {a.vmaf:.1f} ({b.vmaf:.1f})" for a, b in pairs)
        )
    loss = Measure("BD-VMAF lost by chunks", "VMAF", tuple(losses))
    return Report(
        "Chunks beside one two-pass encode",
        (loss,),
        (Goal(loss, GOAL_LOSS),),
        (
            *notes,
            "the same preset, lookahead, GOP and size; two passes at our bit rate;"
            f" clips: {CLIPS_VARIABLE}",
        ),
    )


async def _in_chunks(clip: Path, quality: float, place: Path) -> tuple[Point, Rung, int]:
    async with _workshop(place) as workshop:
        await workshop.catalog.create_video(_VIDEO, title="bench", now=datetime.now(UTC))
        stored = await workshop.store.put_file(source_key(_VIDEO), clip)
        await workshop.catalog.accept_source(_VIDEO, size_bytes=stored.size_bytes)
        async with workshop.sources.open(_VIDEO) as source:
            recipe = (await inspect_source(workshop, _VIDEO, 1, source)).recipe
            if recipe is None:
                raise RuntimeError(f"{clip} has no pictures")
            # The cap is for players; here it would make the points alike.
            top = replace(recipe.ladder[-1], quality=quality, max_bps=100_000_000)
            recipe = replace(recipe, ladder=(top,))
            await _encode(workshop, PictureSource.of(source, recipe), recipe)
        track = place / "track.mp4"
        size_bytes = await _join(workshop, top.name, track)
        point = Point(
            size_bytes * 8 / recipe.source.duration_seconds, await score(track, clip, top)
        )
    return point, top, recipe.grid.segment_frames


async def _encode(workshop: Workshop, pictures: PictureSource, recipe: Recipe) -> None:
    segments = recipe.grid.segments_in(recipe.source.duration_seconds)
    for chunk in plan_chunks(segments, [rung.name for rung in recipe.ladder]):
        await encode_chunk(workshop, _VIDEO, pictures, chunk, lambda frames: None)


async def _join(workshop: Workshop, rendition: str, target: Path) -> int:
    """Write a rendition as one file; returns the bytes of its segments."""
    segments = await workshop.catalog.segments(_VIDEO, rendition)
    renditions = await workshop.catalog.renditions(_VIDEO)
    (init,) = [r.init_name for r in renditions if r.name == rendition]
    data = bytearray()
    for name in [init or "", *(segment.name for segment in segments)]:
        async with workshop.store.get(media_key(_VIDEO, name)) as body:
            async for piece in body.chunks:
                data += piece
    await asyncio.to_thread(target.write_bytes, data)
    return sum(segment.size_bytes for segment in segments)


async def _two_pass(clip: Path, rung: Rung, bps: float, gop: int, place: Path) -> Point:
    target, log = place / "whole.mp4", place / "passes"
    for number in ("1", "2"):
        await run_ffmpeg(
            *("-i", str(clip), "-an", "-vf", f"scale={rung.width}:{rung.height}:flags=bicubic"),
            *("-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", _PRESET, "-profile:v", "high"),
            *("-rc-lookahead", "40"),
            *("-b:v", str(round(bps)), "-g", str(gop), "-keyint_min", str(gop)),
            *("-sc_threshold", "0", "-flags:v", "+cgop", "-pass", number),
            *(
                "-passlogfile",
                str(log),
                *(("-f", "null", "-") if number == "1" else (str(target),)),
            ),
        )
    # Two passes miss the bit rate a little: it is theirs that counts.
    seconds = await media_seconds(target)
    return Point(target.stat().st_size * 8 / seconds, await score(target, clip, rung))


@asynccontextmanager
async def _workshop(place: Path) -> AsyncIterator[Workshop]:
    async with AsyncExitStack() as stack:
        shared = SharedSettings(data_dir=place / "data")
        (place / "data").mkdir()
        yield await Workshop.open(PackagerSettings(shared=shared), stack)
