"""One video's packaging: durable steps, so that a worker that dies loses at most a chunk.

    probe ─┬─ first chunk ─┬─ the other chunks, as turns come up ─┬─ storyboard ─ finish
           │               └─ poster                              │
           └─ sound ─────────────────────────────── its end ──────┘

Every step can be done twice: objects are named by their bytes, and the catalog keeps what it has.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, StepOptions, StepReservation

from packager.core.ladder import build_ladder
from packager.core.mix import STEREO
from packager.core.plan import SEGMENT_SECONDS, Chunk, extend_plan, frame_grid, plan_chunks
from packager.core.progress import share_done
from packager.core.report import explain_empty
from packager.core.source import AudioTrack, SourceInfo, VideoTrack
from packager.ffmpeg import FfmpegError
from packager.inspection import inspect_source, sound_rendition_name
from packager.picture import PictureSource, encode_chunk
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
_REPORT_SECONDS = 0.5
_LEAD_URGENCY = -1.0
_P = ParamSpec("_P")
_T = TypeVar("_T")
_log = logging.getLogger("packager")


class Packaging:
    """The packaging of one video by one run of its workflow.

    Args:
        workshop: What to work with.
        video_id: The video.
        path: Its source.
    """

    def __init__(self, workshop: Workshop, video_id: str, path: Path) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._path = str(path)

    async def run(self) -> None:
        """Package the video from its first step, or from where an earlier run ended.

        Raises:
            SourceRejected: It cannot become a stream.
            FfmpegError: It cannot be converted.
            NotFound: It was deleted.
        """
        source = await _step(
            DBOS.reserve_step(), inspect_source, self._workshop, self._video_id, self._path
        )
        sound = _sound_source(self._path, source)
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
        pictures = PictureSource(
            path=self._path,
            source=source,
            video=video,
            grid=frame_grid(video.frame_rate),
            ladder=build_ladder(video),
        )
        run = _PictureRun(self._workshop, self._video_id, pictures)
        reserved = (DBOS.reserve_step(), DBOS.reserve_step())
        work = [run.encode()]
        if sound is not None:
            work.append(self._encode_sound(sound, reserved, run))
        reporting = asyncio.create_task(run.report_progress())
        try:
            await together(work)
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)
        seconds = await run.picture_seconds()
        await _optional(
            "storyboard",
            self._video_id,
            make_storyboard(self._workshop, self._video_id, pictures.ladder[0], float(seconds)),
        )
        return seconds

    async def _encode_sound(
        self,
        sound: SoundSource,
        reserved: tuple[StepReservation, StepReservation],
        run: "_PictureRun",
    ) -> None:
        end = await _step(reserved[0], encode_sound, self._workshop, self._video_id, sound)
        seconds = await run.picture_seconds()
        await _step(reserved[1], finish_sound, self._workshop, self._video_id, sound, end, seconds)

    async def _finish(self, duration_seconds: float) -> None:
        await self._workshop.catalog.finish(
            self._video_id, duration_seconds=duration_seconds, now=datetime.now(UTC)
        )


class _PictureRun:
    """All chunks of one video."""

    def __init__(self, workshop: Workshop, video_id: str, pictures: PictureSource) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._pictures = pictures
        self._names = [rung.name for rung in pictures.ladder]
        segments = pictures.grid.segments_in(pictures.source.duration_seconds)
        self._plan = plan_chunks(segments, self._names)
        self._reserved = [DBOS.reserve_step() for _ in self._plan]
        self._frames: dict[Chunk, int] = {}
        self._end_frame: int | None = None
        self._end_known = asyncio.Event()

    async def encode(self) -> None:
        """Encode every chunk: the first alone, the others as turns come up."""
        first, *rest = zip(self._plan, self._reserved, strict=True)
        await self._encode(*first)
        if self._end_frame == 0:
            raise explain_empty()
        poster = make_poster(self._workshop, self._video_id, self._pictures)
        others = [self._encode(chunk, reserved) for chunk, reserved in rest]
        await together([*others, _optional("poster", self._video_id, poster)])
        plan = [*self._plan]
        while self._end_frame is None:
            plan.append(extend_plan(plan, self._names))
            await self._encode(plan[-1], DBOS.reserve_step())
        self._end_known.set()

    async def picture_seconds(self) -> Fraction:
        """How long the picture lasts, as soon as that is certain."""
        await self._end_known.wait()
        return self._pictures.grid.seconds(self._end_frame or 0)

    async def report_progress(self) -> None:
        """Tell the catalog how far the work is, until cancelled."""
        reported = 0.0
        duration = self._pictures.source.duration_seconds
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            share = share_done(self._pictures.ladder, self._pictures.grid, duration, self._frames)
            if share > reported:
                reported = share
                with suppress(StreamerError):
                    await self._workshop.catalog.set_progress(self._video_id, share)

    async def _encode(self, chunk: Chunk, reserved: StepReservation) -> None:
        urgency = _LEAD_URGENCY if chunk.lead else float(chunk.start * SEGMENT_SECONDS)
        if chunk is self._plan[0]:
            # A viewer waits: it starts at once, beside whatever is running.
            await self._encode_now(chunk, reserved)
            return
        async with self._workshop.slots.turn(urgency) as turn:
            if not self._is_behind_the_end(chunk):
                await self._encode_now(chunk, reserved, turn.leads)

    async def _encode_now(
        self, chunk: Chunk, reserved: StepReservation, leads: asyncio.Event | None = None
    ) -> None:
        def note(frames: int) -> None:
            self._frames[chunk] = frames

        frames = await _step(
            reserved,
            encode_chunk,
            self._workshop,
            self._video_id,
            self._pictures,
            chunk,
            note,
            leads,
        )
        note(frames)
        begin = chunk.start * self._pictures.grid.segment_frames
        stop = chunk.stop * self._pictures.grid.segment_frames
        if begin + frames >= stop:
            return
        end = begin + frames
        self._end_frame = end if self._end_frame is None else min(self._end_frame, end)
        if frames:
            # The source ends inside this chunk. Where one is empty, it may end in another before.
            self._end_known.set()

    def _is_behind_the_end(self, chunk: Chunk) -> bool:
        begin = chunk.start * self._pictures.grid.segment_frames
        return self._end_frame is not None and begin >= self._end_frame


def _sound_source(path: str, source: SourceInfo) -> SoundSource | None:
    if source.audio is None:
        return None
    seconds = Fraction(SEGMENT_SECONDS)
    if source.video is not None:
        seconds = frame_grid(source.video.frame_rate).segment_seconds
    return SoundSource(
        path=path,
        source=source,
        audio=source.audio,
        mix=STEREO,
        rendition=sound_rendition_name(source.audio),
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
