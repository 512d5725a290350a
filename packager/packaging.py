"""The packaging of one version of a video, by one run of its workflow.

    probe ─┬─ first chunk ─┬─ the other chunks, by any worker ─┬─ storyboard ─ finish
           │               └─ poster                           │
           └─ sound ─────────────────────── its end ───────────┘

Every step can be done twice: objects are named by their bytes, and the catalog keeps what it has.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, StepOptions, StepReservation

from packager.core.mix import STEREO
from packager.core.plan import SEGMENT_SECONDS, frame_grid
from packager.core.recipe import Recipe
from packager.core.report import explain_empty
from packager.core.source import AudioTrack, SourceInfo, VideoTrack
from packager.ffmpeg import FfmpegError
from packager.inspection import inspect_source, sound_rendition_name, version_ladder
from packager.picture import PictureSource
from packager.picture_run import PictureRun, encode_first_chunk
from packager.sound import SoundSource, encode_sound, finish_sound
from packager.stills import make_poster, make_storyboard, make_waveform
from packager.together import together
from packager.workshop import Workshop
from streamer.core.errors import StreamerError

_OPTIONS: StepOptions = {
    "retries_allowed": True,
    "should_retry": lambda error: isinstance(error, StreamerError) and error.retryable,
    "interval_seconds": 2.0,
    "max_attempts": 12,
    # A deleted video's processes end within a second.
    "preemptible": True,
}
_P = ParamSpec("_P")
_T = TypeVar("_T")
_log = logging.getLogger("packager")


class Packaging:
    """The packaging of one version.

    Args:
        workshop: What to work with.
        video_id: The video.
        version: Its version.
        path: Its source.
    """

    def __init__(self, workshop: Workshop, video_id: str, version: int, path: str) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._version = version
        self._path = path

    async def run(self) -> None:
        """Package the version from its first step, or from where an earlier run ended.

        Raises:
            SourceRejected: It cannot become a stream.
            FfmpegError: It cannot be converted.
            NotFound: The video was deleted.
        """
        source = await _step(
            DBOS.reserve_step(),
            inspect_source,
            self._workshop,
            self._video_id,
            self._version,
            self._path,
        )
        sound = self._sound_source(source)
        if source.video is not None:
            duration = await self._package_pictures(source, source.video, sound)
        elif sound is not None and source.audio is not None:
            duration = await self._package_sound(sound, source.audio)
        else:
            raise explain_empty()
        await _step(DBOS.reserve_step(), self._finish, float(duration))

    async def _package_sound(self, sound: SoundSource, audio: AudioTrack) -> Fraction:
        end = await _step(DBOS.reserve_step(), encode_sound, self._workshop, self._video_id, sound)
        duration = end.seconds(sound)
        await _step(
            DBOS.reserve_step(), finish_sound, self._workshop, self._video_id, sound, end, duration
        )
        waveform = make_waveform(self._workshop, self._video_id, self._path, audio)
        await _optional("poster", self._video_id, waveform)
        return duration

    async def _package_pictures(
        self, source: SourceInfo, video: VideoTrack, sound: SoundSource | None
    ) -> Fraction:
        grid = frame_grid(video.frame_rate)
        recipe = Recipe(source, video, grid, version_ladder(video, self._version))
        pictures = PictureSource(self._path, recipe)
        run = PictureRun(self._workshop, self._video_id, self._version, recipe)
        first, *reserved = (DBOS.reserve_step() for _ in range(3))
        work = [self._encode_pictures(pictures, run, first)]
        if sound is not None:
            work.append(self._encode_sound(sound, (reserved[0], reserved[1]), run))
        await together(work)
        seconds = await run.picture_seconds()
        await _optional(
            "storyboard",
            self._video_id,
            make_storyboard(self._workshop, self._video_id, recipe.ladder[0], float(seconds)),
        )
        return seconds

    async def _encode_pictures(
        self, pictures: PictureSource, run: PictureRun, reserved: StepReservation
    ) -> None:
        # A viewer waits: it starts at once, beside whatever is running.
        frames = await _step(
            reserved, encode_first_chunk, self._workshop, self._video_id, pictures, run.first
        )
        if frames == 0:
            raise explain_empty()
        poster = make_poster(self._workshop, self._video_id, pictures)
        await together([run.encode(frames), _optional("poster", self._video_id, poster)])

    async def _encode_sound(
        self,
        sound: SoundSource,
        reserved: tuple[StepReservation, StepReservation],
        run: PictureRun,
    ) -> None:
        end = await _step(reserved[0], encode_sound, self._workshop, self._video_id, sound)
        seconds = await run.picture_seconds()
        await _step(reserved[1], finish_sound, self._workshop, self._video_id, sound, end, seconds)

    async def _finish(self, duration_seconds: float) -> None:
        catalog = self._workshop.catalog
        await catalog.finish(
            self._video_id,
            duration_seconds=duration_seconds,
            now=datetime.now(UTC),
            version=self._version,
        )
        await catalog.end_version(self._video_id, self._version)

    def _sound_source(self, source: SourceInfo) -> SoundSource | None:
        if source.audio is None:
            return None
        seconds = Fraction(SEGMENT_SECONDS)
        if source.video is not None:
            seconds = frame_grid(source.video.frame_rate).segment_seconds
        return SoundSource(
            path=self._path,
            source=source,
            audio=source.audio,
            mix=STEREO,
            rendition=sound_rendition_name(source.audio, self._version),
            segment_seconds=seconds,
        )


async def _step(
    reserved: StepReservation,
    work: Callable[_P, Coroutine[Any, Any, _T]],
    *args: _P.args,
    **kwargs: _P.kwargs,
) -> _T:
    """What `work` returns: from the record when an earlier run finished it."""
    return await reserved.run_async(_OPTIONS, work, *args, **kwargs)


async def _optional(what: str, video_id: str, work: Awaitable[None]) -> None:
    """A picture that a video can do without."""
    try:
        await work
    except FfmpegError as error:
        _log.warning("video %s: no %s: %s", video_id, what, error.report)
