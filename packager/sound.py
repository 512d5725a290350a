"""Encodes the sound of a video: once, whole, published while it runs."""

import logging
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from packager.core.fmp4 import FragmentReader
from packager.core.init_segment import InitSegment
from packager.core.mix import (
    AUDIO_RATE,
    STEREO,
    Mix,
    gain_to,
    loudness_argv,
    read_loudness,
    silence_argv,
    sound_argv,
)
from packager.core.sound import FRAME_TICKS, Cutting, SoundCutter, SoundSegment, heard_frames
from packager.core.source import AudioTrack, SourceInfo
from packager.ffmpeg import FfmpegError, FfmpegInterruptedError
from packager.patience import insist
from packager.standing import Standing
from packager.workshop import Track, Workshop, publish

# Behind the first pictures, which take longer; ahead of all that nobody waits for yet.
_NICE = 5
_OTHERS_NICE = 10
_PUBLISH_SECONDS = 0.5
# A stated duration may leave out the last packets.
_TOLERATED_SECONDS = 1
# Of a measurement, which ends with its result.
_MEASURED_BYTES = 1024
_log = logging.getLogger("packager")


@dataclass(frozen=True, slots=True)
class SoundSource:
    """A mix of a source's sound, and the segments it is cut into."""

    path: str
    source: SourceInfo
    audio: AudioTrack
    mix: Mix
    rendition: str
    segment_seconds: Fraction

    @property
    def is_first(self) -> bool:
        """Whether it is the one that viewers wait for."""
        return self.audio == self.source.audio and self.mix == STEREO

    def within_file(self, seconds: Fraction) -> Fraction:
        """A moment, or the latest at which it may be over by the file's own words."""
        stated = self.source.stated_seconds
        return min(seconds, Fraction(stated) + _TOLERATED_SECONDS) if stated else seconds

    def cutting(self, priming_frames: int) -> Cutting:
        """Where it is cut, once the encoder has told its priming."""
        return Cutting(self.segment_seconds, AUDIO_RATE, priming_frames, self.mix.silent_frame)


@dataclass(frozen=True, slots=True)
class SoundEnd:
    """What is left of the sound until the end of the picture is known.

    Attributes:
        number: The segment that is not complete.
        rest: Its frames.
        priming_frames: Frames before time 0.
        init: The init segment.
        is_damaged: Some of it could not be decoded.
    """

    number: int
    rest: tuple[bytes, ...]
    priming_frames: int
    init: InitSegment
    is_damaged: bool

    def seconds(self, sound: SoundSource) -> Fraction:
        """How long the sound lasts."""
        cutting = sound.cutting(self.priming_frames)
        frames = cutting.boundary(self.number) + len(self.rest) - self.priming_frames
        return Fraction(max(0, frames) * FRAME_TICKS, AUDIO_RATE)


async def encode_sound(workshop: Workshop, video_id: str, sound: SoundSource) -> SoundEnd:
    """Encode and publish all complete segments of the sound.

    Sound that cannot be decoded becomes silence when there is a picture to see, or another sound.

    Raises:
        FfmpegError: There is nothing else, and it cannot be decoded.
        FfmpegInterruptedError: Its ffmpeg was killed or stood still.
        NotFound: The video was deleted.
    """
    gain_db = await _measure_gain(workshop, video_id, sound)

    def argv(targets: Sequence[str]) -> list[str]:
        return sound_argv(sound.path, sound.source, sound.audio, sound.mix, targets[0], gain_db)

    def silence(targets: Sequence[str]) -> list[str]:
        return silence_argv(sound.mix, targets[0])

    source = sound.source
    is_all_there_is = source.video is None and sound.is_first
    standing = Standing(_NICE if sound.is_first else _OTHERS_NICE)
    track = _SoundTrack(workshop, video_id, sound)
    is_damaged = True
    try:
        report = await workshop.ffmpeg.run(argv, [track.read], standing=standing)
        is_damaged = report.tells_damage
    except FfmpegInterruptedError:
        raise
    except FfmpegError as error:
        if is_all_there_is:
            raise
        _log.warning("video %s: the sound is damaged: %s", video_id, error.report)
    if not track.has_begun and not is_all_there_is:
        is_damaged = True
        track = _SoundTrack(workshop, video_id, sound)
        await workshop.ffmpeg.run(silence, [track.read], standing=standing)
    await track.settle(source)
    return track.end(is_damaged=is_damaged)


async def finish_sound(
    workshop: Workshop,
    video_id: str,
    sound: SoundSource,
    end: SoundEnd,
    picture_seconds: Fraction,
) -> None:
    """Publish the last segments, with silence up to the end of the picture.

    Raises:
        NotFound: The video was deleted.
    """
    cutter = SoundCutter(sound.cutting(end.priming_frames), end.number)
    track = Track(workshop, video_id, sound.rendition)
    await track.put_init(end.init)
    await _store(track, cutter.feed(end.rest))
    await _store(track, cutter.finish(picture_seconds))
    await publish(workshop, video_id, [track])
    await insist(lambda: workshop.catalog.complete(video_id, [sound.rendition]))


class _SoundTrack:
    """Turns ffmpeg's small fragments into segments, and publishes them as they come."""

    def __init__(self, workshop: Workshop, video_id: str, sound: SoundSource) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._sound = sound
        self._reader = FragmentReader()
        self._cutter: SoundCutter | None = None
        self._track = Track(workshop, video_id, sound.rendition)
        self._complete: list[SoundSegment] = []
        self._published_at = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether there was any sound."""
        return self._cutter is not None

    async def read(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            for fragment in self._reader.feed(piece):
                await self._keep(heard_frames(fragment))
        await publish(self._workshop, self._video_id, [self._track])

    async def settle(self, source: SourceInfo) -> None:
        """Publish what is complete: the first segment too when the picture goes on behind it.

        A viewer could not start before the end of the picture is known otherwise.
        """
        cutter, _ = self._begun()
        goes_on = source.duration_seconds > 2 * self._sound.segment_seconds
        if source.video is not None and cutter.number == 0 and goes_on:
            self._complete += cutter.complete()
        await self._store()
        await publish(self._workshop, self._video_id, [self._track])

    def end(self, *, is_damaged: bool) -> SoundEnd:
        """What is left."""
        cutter, init = self._begun()
        priming_frames = init.start_ticks // FRAME_TICKS
        return SoundEnd(cutter.number, cutter.rest, priming_frames, init, is_damaged)

    async def _keep(self, frames: Iterable[bytes]) -> None:
        if self._cutter is None:
            self._cutter = await self._begin()
        self._complete += self._cutter.feed(frames)
        await self._store()
        now = time.monotonic()
        if self._track.segments and now - self._published_at >= _PUBLISH_SECONDS:
            self._published_at = now
            await publish(self._workshop, self._video_id, [self._track])

    async def _store(self) -> None:
        while self._complete:
            await _store(self._track, self._complete[:1])
            del self._complete[0]

    async def _begin(self) -> SoundCutter:
        init = self._reader.init
        if init is None or init.timescale != AUDIO_RATE:
            raise FfmpegError("the sound has no description")
        await self._track.put_init(init)
        priming = init.start_ticks // FRAME_TICKS
        return SoundCutter(self._sound.cutting(priming))

    def _begun(self) -> tuple[SoundCutter, InitSegment]:
        if self._cutter is None or self._reader.init is None:
            raise FfmpegError("no sound could be decoded")
        return self._cutter, self._reader.init


async def _measure_gain(workshop: Workshop, video_id: str, sound: SoundSource) -> float:
    """What brings the sound to the loudness that was chosen, in dB; it is heard once for that.

    Sound that cannot be measured is left as it is: what is wrong with it will be told.
    """
    chosen = (await workshop.catalog.get_video(video_id)).options.loudness_lufs
    target = workshop.settings.loudness_lufs if chosen is None else chosen
    if not target:
        return 0.0
    tail = b""

    async def keep(pieces: AsyncIterator[bytes]) -> None:
        nonlocal tail
        async for piece in pieces:
            tail = (tail + piece)[-_MEASURED_BYTES:]

    try:
        await workshop.ffmpeg.run(
            lambda targets: loudness_argv(
                sound.path, sound.source, sound.audio, sound.mix, targets[0]
            ),
            [keep],
            standing=Standing(_NICE),
        )
    except FfmpegInterruptedError:
        raise
    except FfmpegError:
        return 0.0
    return gain_to(target, read_loudness(tail.decode("ascii", "replace")))


async def _store(track: Track, segments: Iterable[SoundSegment]) -> None:
    for segment in segments:
        await track.put_segment(
            segment.number, segment.start_ticks, segment.duration_ticks, segment.samples
        )
