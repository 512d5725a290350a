"""Sound cut into segments at the moments where the picture is cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from packager.core.fmp4 import Fragment, Sample

FRAME_TICKS = 1024
# Sound that ends this much before the picture needs no silence behind it.
_TOLERATED_SHORTFALL_FRAMES = 2


@dataclass(frozen=True, slots=True)
class SoundSegment:
    """One segment of AAC frames.

    `start_ticks` is a decode time; `duration_ticks` is how long it is heard, without priming.
    """

    number: int
    start_ticks: int
    duration_ticks: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Cutting:
    """Where sound is cut: at the whole AAC frame nearest to each of the picture's boundaries.

    Attributes:
        segment_seconds: The picture's segment duration.
        rate: Samples a second, which is the timescale too.
        priming_frames: Frames before time 0, heard by nobody.
        silent_frame: A frame of silence.
    """

    segment_seconds: Fraction
    rate: int
    priming_frames: int
    silent_frame: bytes

    def boundary(self, number: int) -> int:
        """The first frame of segment `number`."""
        if number == 0:
            return 0
        return self.priming_frames + self.frames_in(number * self.segment_seconds)

    def frames_in(self, seconds: Fraction) -> int:
        """The whole frames nearest to a duration."""
        return round(seconds * self.rate / FRAME_TICKS)


def heard_frames(fragment: Fragment) -> list[bytes]:
    """The AAC frames of a fragment of ffmpeg's.

    Where a source changes its channels, ffmpeg begins again at time 0, with silence up to the
    moment it had come to; the muxer, whose time cannot go back, gives those frames one tick each.
    """
    return [sample.data for sample in fragment.samples if sample.duration_ticks > 1]


class SoundCutter:
    """AAC frames in, segments out.

    Args:
        cutting: Where to cut.
        start: The first segment's number.
    """

    def __init__(self, cutting: Cutting, start: int = 0) -> None:
        self._cutting = cutting
        self._number = start
        self._frames: list[bytes] = []

    @property
    def number(self) -> int:
        """The number of the segment that is being filled."""
        return self._number

    @property
    def rest(self) -> tuple[bytes, ...]:
        """The frames of the segment that is being filled."""
        return tuple(self._frames)

    @property
    def missing(self) -> int:
        """How many frames that segment lacks."""
        first, end = map(self._cutting.boundary, (self._number, self._number + 1))
        return end - first - len(self._frames)

    def feed(self, frames: Iterable[bytes]) -> list[SoundSegment]:
        """The segments completed by `frames`."""
        self._frames += frames
        segments = []
        while self.missing <= 0:
            length = len(self._frames) + self.missing
            segments.append(self._segment(self._frames[:length]))
            del self._frames[:length]
            self._number += 1
        return segments

    def complete(self) -> list[SoundSegment]:
        """The segment that is being filled, with silence to its end."""
        return self.feed([self._cutting.silent_frame] * self.missing)

    def finish(self, picture_seconds: Fraction) -> list[SoundSegment]:
        """The last segments: silence up to the end of the picture, nothing after it."""
        cutting = self._cutting
        have = cutting.boundary(self._number) + len(self._frames)
        short = cutting.priming_frames + cutting.frames_in(picture_seconds) - have
        if short < 0:
            self._frames = self._frames[:short]
        silence = short if short > _TOLERATED_SHORTFALL_FRAMES else 0
        if self._number and len(self._frames) + silence == 1:
            # Players that leave out edit lists (hls.js) would take it to begin where it ends.
            silence += 1
        segments = self.feed([cutting.silent_frame] * silence)
        if self._frames:
            segments.append(self._segment(self._frames))
            self._frames = []
        return segments

    def _segment(self, frames: Sequence[bytes]) -> SoundSegment:
        heard = len(frames) - (self._cutting.priming_frames if self._number == 0 else 0)
        return SoundSegment(
            number=self._number,
            start_ticks=self._cutting.boundary(self._number) * FRAME_TICKS,
            duration_ticks=max(1, heard) * FRAME_TICKS,
            samples=tuple(Sample(FRAME_TICKS, 0, 0x02000000, frame) for frame in frames),
        )
