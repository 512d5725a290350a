"""Chunks of videos as work for any worker: what is to be done, and by when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class ChunkState(StrEnum):
    """Where a chunk stands. `done` and `failed` are final."""

    # Workers before release 10 take what is "waiting" or "running", of whatever release it is.
    WAITING = "offered"
    RUNNING = "claimed"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether it stays so."""
        return self in (ChunkState.DONE, ChunkState.FAILED)


@dataclass(frozen=True, slots=True)
class ChunkOrder:
    """The segments `start` to `stop` (exclusive) of some renditions, to be encoded in one run.

    `number` is its place in the video's plan. `needed_seconds` is the position of a viewer who
    needs it. Of a source that still arrives, it waits for `needed_bytes`. The last picture of the
    source stands still up to the frame `held_to` (exclusive), if that is set.
    """

    number: int
    start: int
    stop: int
    renditions: tuple[str, ...]
    needed_seconds: float
    needed_bytes: int = 0
    held_to: int | None = None


@dataclass(frozen=True, slots=True)
class ClaimedChunk:
    """A chunk that one worker is to encode now.

    `recipe` says how, in the packager's words. `tries` counts this one.
    """

    video_id: str
    version: int
    order: ChunkOrder
    recipe: str
    deadline: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class ChunkStatus:
    """How far a chunk is: `frames` of each rendition are encoded; `reason` says why it failed.

    `is_damaged` says that something in it could not be decoded.
    """

    number: int
    state: ChunkState
    frames: int
    reason: str | None
    is_damaged: bool = False


def deadline(begun_at: datetime, needed_seconds: float, priority: int) -> datetime:
    """When a viewer who starts at `begun_at` needs what is shown at `needed_seconds`.

    Serving the earliest deadline first is fair: of two videos, the one of which less is ready goes
    on, and what waits long comes before what is new. A priority of 2 is as a viewer who watches at
    twice the speed.
    """
    return begun_at + timedelta(seconds=needed_seconds / priority)


def may_begin(earlier_tries: int, running: Collection[int]) -> bool:
    """Whether a worker may begin a chunk beside those it encodes, whose tries are `running`.

    What was tried before is encoded alone: should it end its worker, that is no try of another.
    """
    return not running or (earlier_tries == 0 and max(running) <= 1)
