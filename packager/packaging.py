"""The packaging of one version of a video, by one run of its workflow.

    probe ─┬─ first chunk ─┬─ the other chunks, by any worker ─┬─ storyboard ─ finish
           │               ├─ poster                           │
           │               └─ subtitles                        │
           └─ first sound ─┬─ its end ─────────────────────────┤
                           └─ the other sounds ─ their ends ───┘

Every step can be done twice: objects are named by their bytes, and the catalog keeps what it has.
"""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from dbos import DBOS, StepReservation

from packager.core.damage import describe_end
from packager.core.plan import SEGMENT_SECONDS, frame_grid
from packager.core.recipe import Recipe
from packager.core.renditions import plan_sounds, plan_subtitles
from packager.core.report import explain_empty
from packager.core.source import SourceInfo, VideoTrack
from packager.ffmpeg import FfmpegError
from packager.inspection import inspect_source, version_ladder
from packager.picture import PictureSource
from packager.picture_run import PictureRun, encode_first_chunk
from packager.sound import SoundSource
from packager.sound_run import SoundRun
from packager.steps import run_step
from packager.stills import make_poster, make_storyboard, make_waveform
from packager.subtitles import extract_subtitles
from packager.together import together
from packager.workshop import Workshop

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
        source = await run_step(
            DBOS.reserve_step(),
            inspect_source,
            self._workshop,
            self._video_id,
            self._version,
            self._path,
        )
        sounds = SoundRun(self._workshop, self._video_id, self._sound_sources(source))
        if source.video is not None:
            ending = await self._package_pictures(source, source.video, sounds)
        else:
            ending = await self._package_sound(source, sounds)
        await run_step(DBOS.reserve_step(), self._finish, ending)

    async def _package_sound(self, source: SourceInfo, sounds: SoundRun) -> "_Ending":
        seconds = await sounds.encode_alone()
        await self._extract_subtitles(source)
        waveform = make_waveform(self._workshop, self._video_id, self._path, source.audios[0])
        await _optional("poster", self._video_id, waveform)
        end = describe_end(source.duration_seconds, float(seconds))
        return _Ending(float(seconds), (*sounds.warnings, *end))

    async def _package_pictures(
        self, source: SourceInfo, video: VideoTrack, sounds: SoundRun
    ) -> "_Ending":
        grid = frame_grid(video.frame_rate)
        recipe = Recipe(source, video, grid, version_ladder(video, self._version))
        pictures = PictureSource(self._path, recipe)
        run = PictureRun(self._workshop, self._video_id, self._version, recipe)
        encode = self._encode_pictures(pictures, run, DBOS.reserve_step())
        await together([encode, sounds.encode(run.picture_seconds)])
        seconds = await run.picture_seconds()
        await _optional(
            "storyboard",
            self._video_id,
            make_storyboard(self._workshop, self._video_id, recipe.ladder[0], float(seconds)),
        )
        return _Ending(float(seconds), (*run.warnings, *sounds.warnings))

    async def _encode_pictures(
        self, pictures: PictureSource, run: PictureRun, reserved: StepReservation
    ) -> None:
        # A viewer waits: it starts at once, beside whatever is running.
        first = await run_step(
            reserved, encode_first_chunk, self._workshop, self._video_id, pictures, run.first
        )
        if first.frames == 0:
            raise explain_empty(first.report)
        poster = make_poster(self._workshop, self._video_id, pictures)
        await together(
            [
                run.encode(first),
                _optional("poster", self._video_id, poster),
                self._extract_subtitles(pictures.recipe.source),
            ]
        )

    async def _extract_subtitles(self, source: SourceInfo) -> None:
        planned = plan_subtitles(source.subtitles, self._version)
        if planned:
            extraction = extract_subtitles(
                self._workshop, self._video_id, self._path, source, planned
            )
            await _optional("subtitles", self._video_id, extraction)

    async def _finish(self, ending: "_Ending") -> None:
        catalog = self._workshop.catalog
        await catalog.describe_source(self._video_id, warnings=ending.warnings)
        await catalog.finish(
            self._video_id,
            duration_seconds=ending.duration_seconds,
            now=datetime.now(UTC),
            version=self._version,
        )
        await catalog.end_version(self._video_id, self._version)

    def _sound_sources(self, source: SourceInfo) -> list[SoundSource]:
        seconds = Fraction(SEGMENT_SECONDS)
        if source.video is not None:
            seconds = frame_grid(source.video.frame_rate).segment_seconds
        return [
            SoundSource(
                path=self._path,
                source=source,
                audio=sound.audio,
                mix=sound.mix,
                rendition=sound.rendition.name,
                segment_seconds=seconds,
            )
            for sound in plan_sounds(source.audios, self._version)
        ]


@dataclass(frozen=True, slots=True)
class _Ending:
    """How long a version lasts, and what was lost of its source."""

    duration_seconds: float
    warnings: tuple[str, ...]


async def _optional(what: str, video_id: str, work: Awaitable[None]) -> None:
    """A picture that a video can do without."""
    try:
        await work
    except FfmpegError as error:
        _log.warning("video %s: no %s: %s", video_id, what, error.report)
