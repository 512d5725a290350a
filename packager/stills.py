"""Makes and publishes the poster and the storyboard."""

from collections.abc import AsyncIterator, Callable, Sequence
from fractions import Fraction
from hashlib import sha256

from packager.core.ladder import Rung
from packager.core.pictures import (
    plan_storyboard,
    poster_argv,
    poster_positions,
    render_storyboard,
    split_jpegs,
    storyboard_argv,
    waveform_argv,
)
from packager.core.source import AudioTrack
from packager.ffmpeg import FfmpegError
from packager.picture_source import PictureSource
from packager.standing import Standing
from packager.workshop import Workshop
from streamer.core.keys import POSTER, STORYBOARD, media_key, sprite_name
from streamer.core.video import Rendition

_LARGEST_STILLS_BYTES = 64 * 1024 * 1024
_NICE = 10


async def make_poster(workshop: Workshop, video_id: str, pictures: PictureSource) -> None:
    """Publish a typical picture of the video.

    Raises:
        FfmpegError: None can be decoded.
        NotFound: The video was deleted.
    """
    recipe = pictures.recipe
    top = recipe.ladder[-1]
    for position in poster_positions(recipe.source):

        def argv(targets: Sequence[str], position: Fraction = position) -> list[str]:
            path = pictures.source.any_part
            return poster_argv(path, recipe.video, top, position, targets[0])

        jpegs = split_jpegs(await _read(workshop, argv))
        if jpegs:
            await _publish_poster(workshop, video_id, jpegs[0])
            return
    raise FfmpegError("no picture came out")


async def make_waveform(workshop: Workshop, video_id: str, path: str, audio: AudioTrack) -> None:
    """Publish a picture of the sound as poster.

    Raises:
        FfmpegError: It cannot be decoded.
        NotFound: The video was deleted.
    """
    jpegs = split_jpegs(
        await _read(workshop, lambda targets: waveform_argv(path, audio, targets[0]))
    )
    if not jpegs:
        raise FfmpegError("no picture came out")
    await _publish_poster(workshop, video_id, jpegs[0])


async def make_storyboard(
    workshop: Workshop, video_id: str, version: int, rung: Rung, duration_seconds: float
) -> None:
    """Publish sheets of small pictures and their WebVTT, out of a published rendition.

    Raises:
        FfmpegError: They cannot be made.
        NotFound: The video was deleted.
    """
    storyboard = plan_storyboard(duration_seconds, rung)
    renditions = await workshop.catalog.renditions(video_id, version)
    rendition = next((r for r in renditions if r.name == rung.name and r.init_name), None)
    if rendition is None:
        return
    data = await _read(
        workshop,
        lambda targets: storyboard_argv(storyboard, targets[0]),
        feed=_published(workshop, video_id, rendition),
    )
    names = []
    for number, sheet in enumerate(split_jpegs(data)):
        names.append(sprite_name(number, sha256(sheet).hexdigest()))
        await workshop.store.put(media_key(video_id, names[-1]), sheet)
    text = render_storyboard(storyboard, names, duration_seconds)
    await workshop.store.put(media_key(video_id, STORYBOARD), text.encode())
    await workshop.catalog.set_pictures(video_id, has_storyboard=True)


async def _publish_poster(workshop: Workshop, video_id: str, jpeg: bytes) -> None:
    await workshop.store.put(media_key(video_id, POSTER), jpeg)
    await workshop.catalog.set_pictures(video_id, has_poster=True)


async def _read(
    workshop: Workshop,
    argv: Callable[[Sequence[str]], list[str]],
    feed: AsyncIterator[bytes] | None = None,
) -> bytes:
    data = bytearray()

    async def keep(pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            if len(data) + len(piece) > _LARGEST_STILLS_BYTES:
                raise FfmpegError("the pictures are too large")
            data.extend(piece)

    await workshop.ffmpeg.run(argv, [keep], feed=feed, standing=Standing(_NICE))
    return bytes(data)


async def _published(
    workshop: Workshop, video_id: str, rendition: Rendition
) -> AsyncIterator[bytes]:
    """A rendition's init segment and all its segments."""
    segments = await workshop.catalog.segments(video_id, rendition.name)
    for name in [rendition.init_name or "", *(segment.name for segment in segments)]:
        async with workshop.store.get(media_key(video_id, name)) as body:
            async for piece in body.chunks:
                yield piece
