"""Looks through a source whether its own pictures can be the highest rendition as they are."""

from collections.abc import AsyncIterator
from fractions import Fraction

from packager.core.boxes import MediaFormatError
from packager.core.conformance import ConformanceCheck, NotConformantError
from packager.core.copying import copy_argv, is_left_out, number_frames
from packager.core.fmp4 import FragmentReader
from packager.core.plan import is_held
from packager.core.recipe import Recipe
from packager.ffmpeg import Ffmpeg, FfmpegError
from packager.standing import Standing

# Behind the first pictures, which a viewer waits for.
_NICE = 5


async def find_reason_against(ffmpeg: Ffmpeg, path: str, recipe: Recipe) -> str | None:
    """Why a complete source's pictures cannot be passed through; None when they can.

    They are all read, as they would be to be copied, until the first reason is found.
    """
    if len(recipe.ladder) == 1:
        # Viewers have begun with it.
        return "the only rendition is the one that is playable first"
    if recipe.video.obstacle is not None:
        return recipe.video.obstacle
    try:
        frames = await _look_through(ffmpeg, path, recipe)
    except NotConformantError as error:
        return str(error)
    except (FfmpegError, MediaFormatError) as error:
        return f"they cannot be copied ({error})"
    source = recipe.source
    if source.audio and is_held(recipe.grid, frames, Fraction(source.duration_seconds)):
        return "the sound goes on after the last of them"
    return None


async def _look_through(ffmpeg: Ffmpeg, path: str, recipe: Recipe) -> int:
    """How many frames there are."""
    check = ConformanceCheck(recipe.grid, recipe.ladder[-1])
    reader = FragmentReader()

    async def look(pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            for fragment in reader.feed(piece):
                for frame in number_frames(fragment, recipe.video, recipe.grid):
                    check.look_at(frame)

    async def look_for_cuts(pieces: AsyncIterator[bytes]) -> None:
        line = b""
        async for piece in pieces:
            *lines, line = (line + piece).split(b"\n")
            if any(is_left_out(line) for line in lines):
                raise NotConformantError("the file leaves out some of them")

    await ffmpeg.run(
        lambda targets: copy_argv(path, recipe.video, recipe.grid, *targets),
        [look, look_for_cuts],
        standing=Standing(_NICE),
    )
    reader.finish()
    return check.finish()
