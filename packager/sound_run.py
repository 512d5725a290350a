"""All sounds of a version: the one to begin with first, the others one after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from fractions import Fraction

from dbos import DBOS

from packager.attempts import Attempts
from packager.core.damage import describe_lost_sound
from packager.sound import SoundEnd, SoundSource, encode_sound, finish_sound
from packager.steps import run_step
from packager.together import together
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
        if not sounds:
            self._end_known.set()

    @property
    def warnings(self) -> list[str]:
        """A sentence for each sound of which something was lost."""
        return list(dict.fromkeys(self._damaged.values()))

    async def seconds(self) -> Fraction:
        """How long the first sound goes on, as soon as that is certain; 0 when there is none.

        Never longer than the file says: what is behind that are mistakes in its clock.
        """
        await self._end_known.wait()
        return self._seconds

    async def encode(self, duration: Duration) -> None:
        """Encode every sound, and end it where the picture ends.

        Raises:
            NotFound: The video was deleted.
        """
        if not self._sounds:
            return
        end = await self._begin(0)
        self._seconds = self._sounds[0].within_file(end.seconds(self._sounds[0]))
        self._end_known.set()
        await together([self._finish({0: end}, duration), self._encode_others(duration)])

    async def encode_alone(self) -> Fraction:
        """Encode every sound of a source without pictures; returns how long the first lasts.

        Raises:
            FfmpegError: There is nothing to hear.
            NotFound: The video was deleted.
        """
        end = await self._begin(0)
        seconds = end.seconds(self._sounds[0])

        async def duration() -> Fraction:
            return seconds

        await self._finish({0: end}, duration)
        await self._encode_others(duration)
        return seconds

    async def _encode_others(self, duration: Duration) -> None:
        ends = {number: await self._begin(number) for number in range(1, len(self._sounds))}
        await self._finish(ends, duration)

    async def _begin(self, number: int) -> SoundEnd:
        sound = self._sounds[number]
        reserved = self._encodings[number]
        encode = self._attempts.at(f"sound {sound.rendition}", encode_sound)
        end = await run_step(reserved, encode, self._workshop, self._video_id, sound)
        if end.is_damaged:
            self._damaged[number] = describe_lost_sound(sound.audio)
        return end

    async def _finish(self, ends: dict[int, SoundEnd], duration: Duration) -> None:
        seconds = await duration()
        for number, end in ends.items():
            await run_step(
                self._finishings[number],
                finish_sound,
                self._workshop,
                self._video_id,
                self._sounds[number],
                end,
                seconds,
            )
