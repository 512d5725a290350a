"""All sounds of a version: the one to begin with first, the others one after the other.

None ends before all are encoded: the last picture stands as long as the longest goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from fractions import Fraction

from dbos import DBOS

from packager.attempts import Attempts
from packager.core.damage import describe_lost_sound
from packager.sound import SoundEnd, SoundSource, encode_sound, finish_sound
from packager.steps import run_step
from packager.workshop import Workshop

Duration = Callable[[], Awaitable[Fraction]]
"""Tells how long something lasts, as soon as that is certain."""


class SoundRun:
    """The sounds of one version, from their beginning to the end of the picture.

    Args:
        workshop: What to work with.
        video_id: The video.
        sounds: What is to be encoded; viewers wait for the first.
        attempts: The worker's at this version.
    """

    def __init__(
        self,
        workshop: Workshop,
        video_id: str,
        sounds: Sequence[SoundSource],
        attempts: Attempts,
    ) -> None:
        self._workshop = workshop
        self._video_id = video_id
        self._sounds = sounds
        self._attempts = attempts
        self._encodings = [DBOS.reserve_step() for _ in sounds]
        self._finishings = [DBOS.reserve_step() for _ in sounds]
        self._damaged: dict[int, str] = {}
        self._end_known = asyncio.Event()
        self._seconds = Fraction(0)

    @property
    def warnings(self) -> list[str]:
        """A sentence for each sound of which something was lost."""
        return list(dict.fromkeys(self._damaged.values()))

    @property
    def is_end_known(self) -> bool:
        """Whether `seconds` returns at once."""
        return self._end_known.is_set()

    async def seconds(self) -> Fraction:
        """How long the longest sound goes on, as soon as that is certain; 0 when there is none.

        Never longer than the file says: what is behind that are mistakes in its clock.
        """
        await self._end_known.wait()
        return self._seconds

    async def encode(self, duration: Duration) -> None:
        """Encode every sound, and end it where the picture ends.

        Raises:
            NotFound: The video was deleted.
        """
        ends = await self._begin_all()
        lengths = zip(self._sounds, ends, strict=True)
        self._seconds = max(
            (sound.within_file(end.seconds(sound)) for sound, end in lengths), default=Fraction(0)
        )
        self._end_known.set()
        await self._finish(ends, duration)

    async def encode_alone(self) -> Fraction:
        """Encode every sound of a source without pictures; returns how long the longest lasts.

        Raises:
            FfmpegError: There is nothing to hear.
            NotFound: The video was deleted.
        """
        ends = await self._begin_all()
        lengths = zip(self._sounds, ends, strict=True)
        seconds = max(end.seconds(sound) for sound, end in lengths)

        async def duration() -> Fraction:
            return seconds

        await self._finish(ends, duration)
        return seconds

    async def _begin_all(self) -> Sequence[SoundEnd]:
        return [await self._begin(number) for number in range(len(self._sounds))]

    async def _begin(self, number: int) -> SoundEnd:
        sound = self._sounds[number]
        reserved = self._encodings[number]
        encode = self._attempts.at(f"sound {sound.rendition}", encode_sound)
        end = await run_step(reserved, encode, self._workshop, self._video_id, sound)
        if end.is_damaged:
            self._damaged[number] = describe_lost_sound(sound.audio)
        return end

    async def _finish(self, ends: Sequence[SoundEnd], duration: Duration) -> None:
        if not ends:
            return
        seconds = await duration()
        for number, end in enumerate(ends):
            await run_step(
                self._finishings[number],
                finish_sound,
                self._workshop,
                self._video_id,
                self._sounds[number],
                end,
                seconds,
            )
