"""The packaging of one version of a video, by one run of its workflow.

    probe ─┬─ first chunk ─┬─ the other chunks, by any worker ─┬─ storyboard ─ finish
           │               ├─ poster                           │
           │               └─ subtitles                        │
           └─ first sound ─── the other sounds ─── their ends ─┘

Every step can be done twice: objects are named by their bytes, and the catalog keeps what it has.
"""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, StepReservation

from packager.analysis import revise_ladder
from packager.attempts import Attempts, EndsWorkersError
from packager.core.conformance import describe_refusal
from packager.core.damage import describe_end, describe_omission
from packager.core.pace import measured_speed, processors_to_encode
from packager.core.plan import SEGMENT_SECONDS, frame_grid
from packager.core.recipe import Recipe, in_step, with_copied_top, with_ladder
from packager.core.renditions import plan_sounds, plan_subtitles
from packager.core.report import explain_empty
from packager.core.source import SourceInfo
from packager.ffmpeg import FfmpegError
from packager.inspection import Inspection, inspect_source, plan_renditions, tell_chapters
from packager.passthrough import find_reason_against
from packager.patience import outlast
from packager.picture_run import PictureRun, encode_first_chunk
from packager.picture_source import PictureSource, readable_path
from packager.sound import SoundSource
from packager.sound_run import SoundRun
from packager.sources import Source
from packager.steps import run_step
from packager.stills import make_poster, make_storyboard, make_waveform
from packager.subtitles import extract_subtitles
from packager.together import together
from packager.workshop import Workshop

_log = logging.getLogger("packager")
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Packaging:
    """The packaging of one version.

    Args:
        workshop: What to work with.
        video_id: The video.
        version: Its version.
        source: Its source.
        attempts: The worker's at this version.
    """

    def __init__(
        self,
        workshop: Workshop,
        video_id: str,
        version: int,
        source: Source,
        attempts: Attempts,
    ) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._version = version
        self._source = source
        self._attempts = attempts

    async def run(self) -> None:
        """Package the version from its first step, or from where an earlier run ended.

        Raises:
            SourceRejected: It cannot become a stream.
            FfmpegError: It cannot be converted.
            NotFound: The video was deleted.
        """
        inspection = await run_step(
            DBOS.reserve_step(),
            self._attempts.at("probe", inspect_source),
            self._workshop,
            self._video_id,
            self._version,
            self._source,
        )
        info = inspection.info
        sounds = SoundRun(self._workshop, self._video_id, self._sound_sources(info), self._attempts)
        if inspection.recipe is not None:
            ending = await self._package_pictures(inspection.recipe, inspection, sounds)
        else:
            ending = await self._package_sound(inspection, sounds)
        await self._source.data.wait_until_complete()
        await run_step(DBOS.reserve_step(), self._finish, ending)

    async def _package_sound(self, inspection: Inspection, sounds: SoundRun) -> "_Ending":
        info = inspection.info
        seconds = await sounds.encode_alone()
        await self._extract_subtitles(info)
        await self._tell_chapters(inspection)
        path = readable_path(self._source, info)
        await self._optional(
            "poster", make_waveform, self._workshop, self._video_id, path, info.audios[0]
        )
        end = describe_end("sound", info.stated_seconds, float(seconds))
        return _Ending(float(seconds), (*sounds.warnings, *end))

    async def _package_pictures(
        self, recipe: Recipe, inspection: Inspection, sounds: SoundRun
    ) -> "_Ending":
        run = PictureRun(
            self._workshop, self._video_id, self._version, recipe, self._source, sounds
        )
        encode = self._encode_pictures(
            recipe, inspection, run, DBOS.reserve_step(), DBOS.reserve_step()
        )
        await together([encode, sounds.encode(run.picture_seconds)])
        seconds = await run.picture_seconds()
        catalog = self._workshop.catalog
        # Pictures in the clear would tell what an encrypted video shows.
        if await outlast(lambda: catalog.content_key(self._video_id, self._version)) is None:
            await self._optional(
                "storyboard",
                make_storyboard,
                self._workshop,
                self._video_id,
                self._version,
                recipe.ladder[0],
                float(seconds),
            )
        return _Ending(float(seconds), (*run.warnings, *sounds.warnings))

    async def _encode_pictures(
        self,
        recipe: Recipe,
        inspection: Inspection,
        run: PictureRun,
        encoding: StepReservation,
        judging: StepReservation,
    ) -> None:
        pictures = PictureSource.of(self._source, recipe)
        # A viewer waits: it starts at once, beside whatever is running.
        first = await run_step(
            encoding,
            self._attempts.at("first pictures", encode_first_chunk),
            self._workshop,
            self._video_id,
            pictures,
            run.first,
        )
        if first.frames == 0:
            raise explain_empty(first.report)
        speed = measured_speed(
            recipe.video, recipe.ladder[0], recipe.preset, first.frames, first.processor_seconds
        )
        processors = processors_to_encode(inspection.processors, speed, inspection.arrival)

        async def judge() -> Recipe:
            judged = await run_step(judging, self._attempts.at("samples", self._judge), recipe)
            return in_step(judged, processors)

        await together(
            [
                run.encode(in_step(recipe, processors), first, judge),
                self._optional("poster", self._make_poster, recipe),
                self._extract_subtitles(recipe.source),
                self._tell_chapters(inspection),
            ]
        )

    async def _judge(self, recipe: Recipe) -> Recipe:
        """The recipe with the ladder that the pictures ask for, if all of them are there to see."""
        is_copied = recipe.is_copyable and await self._may_be_copied(recipe)
        judged = with_ladder(recipe, recipe.ladder)
        if recipe.is_open and self._source.data.is_complete and not recipe.source.in_order:
            judged = await revise_ladder(self._workshop.ffmpeg, self._source.any_part, recipe)
        if is_copied:
            judged = with_copied_top(judged)
        renditions = plan_renditions(judged.source, judged, self._version)
        await self._workshop.catalog.plan_renditions(
            self._video_id, renditions, version=self._version
        )
        return judged

    async def _may_be_copied(self, recipe: Recipe) -> bool:
        """Whether the source's own pictures conform; a warning says why they do not."""
        reason: str | None = "the file had not arrived whole when it was playable"
        if recipe.source.clock_shifts:
            reason = "the clock of the file jumps"
        elif self._source.data.is_complete and not recipe.source.in_order:
            path = self._source.any_part
            reason = await find_reason_against(self._workshop.ffmpeg, path, recipe)
        if reason is not None:
            warnings = [describe_refusal(reason)]
            await self._workshop.catalog.describe_source(self._video_id, warnings=warnings)
        return reason is None

    async def _make_poster(self, recipe: Recipe) -> None:
        if not recipe.source.index_first:
            await self._source.data.wait_until_complete()
        pictures = PictureSource.of(self._source, recipe)
        await make_poster(self._workshop, self._video_id, pictures)

    async def _extract_subtitles(self, info: SourceInfo) -> None:
        planned = plan_subtitles(info.subtitles, self._version)
        if planned:
            path = readable_path(self._source, info)
            lost = await self._optional(
                "subtitles", extract_subtitles, self._workshop, self._video_id, path, info, planned
            )
            if lost is None:
                names = [subtitles.rendition.name for subtitles in planned]
                lost = [describe_omission(names, "reading failed")]
            catalog = self._workshop.catalog
            await outlast(lambda: catalog.describe_source(self._video_id, warnings=lost))

    async def _tell_chapters(self, inspection: Inspection) -> None:
        """Tell those that could not be known before the last byte."""
        if inspection.is_early:
            await self._source.data.wait_until_complete()
            await self._optional(
                "chapters",
                tell_chapters,
                self._workshop,
                self._video_id,
                self._source,
                inspection.info.zero_seconds,
            )

    async def _optional(
        self,
        task: str,
        work: Callable[_P, Coroutine[Any, Any, _T]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T | None:
        """What a video can do without; None if it must."""
        try:
            return await outlast(lambda: self._attempts.at(task, work)(*args, **kwargs))
        except (FfmpegError, EndsWorkersError) as error:
            _log.warning("video %s: no %s: %s", self._video_id, task, error)
            return None

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

    def _sound_sources(self, info: SourceInfo) -> list[SoundSource]:
        seconds = Fraction(SEGMENT_SECONDS)
        if info.video is not None:
            seconds = frame_grid(info.video.frame_rate).segment_seconds
        return [
            SoundSource(
                path=readable_path(self._source, info),
                source=info,
                audio=sound.audio,
                mix=sound.mix,
                rendition=sound.rendition.name,
                segment_seconds=seconds,
            )
            for sound in plan_sounds(info.audios, self._version)
        ]


@dataclass(frozen=True, slots=True)
class _Ending:
    """How long a version lasts, and what was lost of its source."""

    duration_seconds: float
    warnings: tuple[str, ...]
