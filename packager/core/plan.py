"""The plan: a video cut into chunks on frame numbers, and who is encoded first.

Every rendition is cut at the same frames, so a segment number means the same moment everywhere.
Chunks grow: the first is one segment, so that a viewer can start; later ones are long enough for
the start of an encoder not to matter.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, chain, pairwise

SEGMENT_SECONDS = 4
# The lead's own chunks: together as long as two processors need for the same moments in all
# renditions of 1080p, so that nobody who starts at once runs out before the others are there. Each
# is small enough to begin soon while its source still arrives.
_LEAD_GROWTH = (1, 1, 2, 2)
LEAD_SECONDS = SEGMENT_SECONDS * sum(_LEAD_GROWTH)
_GROWTH = (3, 3, 6)
# Towards the end no chunk is longer than this share of what is left: no worker ends long after
# the others.
_LAST_SHARE = 3
# Encoded beyond the duration that the container states, in case it is wrong.
_TAIL_SEGMENTS = 1
# A source's own pictures are reordered over so many frames at most. A rest as long as half a second
# would make a segment longer than its playlist says.
_REST_FRAMES = 4
_REST_SECONDS = Fraction(9, 20)
# Sound often goes on for some hundredths of a second, or for the rest of one of its packets.
_HELD_SECONDS = Fraction(1, 2)
ENDINGS = range(2**31 - 64, 2**31)
"""The numbers of the chunks that `plan_endings` returns, which are behind all others."""
# Ticks a second below which time would be told too coarsely.
_SMALLEST_TIMESCALE = 1000


@dataclass(frozen=True, slots=True)
class Grid:
    """The frame grid all renditions share.

    Frame n is shown at n / frame_rate; every segment but the last has `segment_frames` frames.
    """

    frame_rate: Fraction
    segment_frames: int

    @property
    def timescale(self) -> int:
        """Ticks a second in which every frame lasts a whole number of ticks."""
        numerator = self.frame_rate.numerator
        return numerator if numerator >= _SMALLEST_TIMESCALE else numerator * _SMALLEST_TIMESCALE

    @property
    def frame_ticks(self) -> int:
        """Ticks of one frame."""
        return int(self.timescale / self.frame_rate)

    @property
    def segment_seconds(self) -> Fraction:
        """How long every segment but the last one lasts."""
        return self.segment_frames / self.frame_rate

    @property
    def rest_frames(self) -> int:
        """At most so many frames are no segment of their own: they end the one before.

        Players that leave out edit lists (hls.js) take a segment to begin later, by as many frames
        as its pictures are reordered; of one that is over before, they wait for ever.
        """
        return min(_REST_FRAMES, int(_REST_SECONDS * self.frame_rate))

    def seconds(self, frame: int) -> Fraction:
        """When frame `frame` is shown."""
        return frame / self.frame_rate

    def segments_in(self, seconds: float) -> int:
        """How many segments a video of this duration has; at least one."""
        return max(1, -(-round(Fraction(seconds) * self.frame_rate) // self.segment_frames))


@dataclass(frozen=True, slots=True)
class Chunk:
    """The segments `start` to `stop` (exclusive) of some renditions, encoded in one run.

    Attributes:
        renditions: Names, as in the ladder.
        lead: A viewer waits for it: the first segments of the lowest rendition.
        wave: 0 for what viewers need who start at once. Nobody waits for what comes later, one
            wave behind the other: renditions that are offered once they are complete.
        held_to: Up to this frame (exclusive) the last picture stands still, instead of ending.
    """

    start: int
    stop: int
    renditions: tuple[str, ...]
    lead: bool = False
    wave: int = 0
    held_to: int | None = None

    def frames(self, grid: Grid) -> range:
        """The numbers of its frames, as planned."""
        stop = self.stop * grid.segment_frames if self.held_to is None else self.held_to
        return range(self.start * grid.segment_frames, stop)


def frame_grid(frame_rate: Fraction) -> Grid:
    """The grid whose segments last `SEGMENT_SECONDS`, to the nearest frame."""
    return Grid(frame_rate=frame_rate, segment_frames=max(1, round(SEGMENT_SECONDS * frame_rate)))


def plan_chunks(segments: int, renditions: Sequence[str]) -> tuple[Chunk, ...]:
    """The chunks of a video, in the order in which viewers need them.

    Args:
        segments: How many segments the stated duration makes.
        renditions: The ladder's names, lowest first; the lowest leads.

    Returns:
        The lead's first segment; the lead's next ones; the other renditions of those; then whole
        chunks. The chunks that reach the stated end go a little beyond it.
    """
    stated = max(1, segments)
    lead, others = renditions[0], tuple(renditions[1:])
    stops = [min(stop, stated) for stop in accumulate(_LEAD_GROWTH)]
    spans = [(start, stop) for start, stop in pairwise([0, *stops]) if start < stop]
    head = stops[-1]
    chunks = [Chunk(start, stop, (lead,), lead=True) for start, stop in spans]
    if others:
        # One chunk: who plays on after the lead needs the one behind it, which begins beside it.
        chunks.append(Chunk(0, head, others))
    chunks += [Chunk(start, stop, tuple(renditions)) for start, stop in _whole(head, stated)]
    return tuple(_beyond(chunk, stated) for chunk in chunks)


def plan_waves(segments: int, waves: Sequence[Sequence[str]]) -> list[Chunk]:
    """The chunks of all renditions of a video; a chunk's number is its place here."""
    first, *later = waves
    chunks = [
        plan_later(segments, renditions, wave) for wave, renditions in enumerate(later, start=1)
    ]
    return [*plan_chunks(segments, first), *chain.from_iterable(chunks)]


def plan_later(segments: int, renditions: Sequence[str], wave: int) -> tuple[Chunk, ...]:
    """The chunks of renditions for which nobody waits."""
    stated = max(1, segments)
    chunks = [Chunk(start, stop, tuple(renditions), wave=wave) for start, stop in _whole(0, stated)]
    return tuple(_beyond(chunk, stated) for chunk in chunks)


def extend_plan(
    plan: Sequence[Chunk], waves: Sequence[Sequence[str]], stated_stop: int
) -> tuple[Chunk, ...]:
    """The chunks after the last of `plan`, for a source that is longer than it says.

    They double what was added to the chunks that were planned up to `stated_stop`: all workers
    soon have a part of a source that says nothing.
    """
    start = max(chunk.stop for chunk in plan)
    stop = start + max(_GROWTH[-1], start - stated_stop)
    return tuple(
        Chunk(begin, begin + _GROWTH[-1], tuple(renditions), wave=wave)
        for wave, renditions in enumerate(waves)
        for begin in range(start, stop, _GROWTH[-1])
    )


def is_held(grid: Grid, frames: int, sound_seconds: Fraction) -> bool:
    """Whether the sound goes on so long after so many frames that the last one is held."""
    return sound_seconds - grid.seconds(frames) >= _HELD_SECONDS


def plan_endings(
    grid: Grid, frames: int, sound_seconds: Fraction, waves: Sequence[Sequence[str]]
) -> tuple[Chunk, ...]:
    """The chunks that end a video otherwise than its source's pictures do, one for each wave.

    The last picture is held as long as the sound goes on, and what is too short to be a segment of
    its own ends the one before. They begin with the segment that ended early, encoded anew. There
    are none if there is no need.

    Args:
        grid: The frame grid.
        frames: How many there are until the pictures end; at least one.
        sound_seconds: How long the sound lasts.
        waves: The names of the renditions of each.
    """
    start = last = (frames - 1) // grid.segment_frames
    if is_held(grid, frames, sound_seconds):
        held_to = math.ceil(sound_seconds * grid.frame_rate)
        stop = -(-held_to // grid.segment_frames)
    elif last and frames - last * grid.segment_frames <= grid.rest_frames:
        start, stop, held_to = last - 1, last, frames
    else:
        return ()
    return tuple(
        Chunk(start, stop, tuple(renditions), wave=wave, held_to=held_to)
        for wave, renditions in enumerate(waves)
    )


def needed_seconds(plan: Sequence[Chunk], chunk: Chunk, grid: Grid) -> float:
    """The position of a viewer who needs a chunk.

    Until the lead ends it plays the lead: the other renditions of that time are needed then. What
    nobody waits for comes after all of the rest.
    """
    leads = [other.stop for other in plan if other.lead]
    start = chunk.start if chunk.lead else max(chunk.start, max(leads, default=0))
    start += chunk.wave * max(other.stop for other in plan)
    return float(start * grid.segment_seconds)


def _whole(start: int, stop: int) -> Iterator[tuple[int, int]]:
    sizes = iter(_GROWTH)
    size = _GROWTH[-1]
    while start < stop:
        size = next(sizes, size)
        end = start + min(size, -(-(stop - start) // _LAST_SHARE))
        yield start, end
        start = end


def _beyond(chunk: Chunk, stated: int) -> Chunk:
    if chunk.stop < stated:
        return chunk
    return replace(chunk, stop=chunk.stop + _TAIL_SEGMENTS)
