"""A video's life: its states, the legal moves between them, and what each rendition holds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction


class VideoState(StrEnum):
    """Where a video stands. `ready` and `failed` are final (until it is packaged anew)."""

    UPLOADING = "uploading"
    PROBING = "probing"
    PACKAGING = "packaging"
    READY = "ready"
    FAILED = "failed"


TRANSITIONS: dict[VideoState, frozenset[VideoState]] = {
    VideoState.UPLOADING: frozenset({VideoState.PROBING, VideoState.FAILED}),
    VideoState.PROBING: frozenset({VideoState.PACKAGING, VideoState.FAILED}),
    VideoState.PACKAGING: frozenset({VideoState.READY, VideoState.FAILED}),
    VideoState.READY: frozenset(),
    VideoState.FAILED: frozenset(),
}


class MediaKind(StrEnum):
    """What a rendition carries."""

    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class VideoError:
    """Why a video failed: a code for machines, a sentence for its owner."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Video:
    """One uploaded file and what became of it.

    `progress` is 0 to 1 over the whole packaging. `playable_at` is when the first segments were
    published. `revision` grows with every change of the row or of its segments.
    """

    id: str
    title: str
    state: VideoState
    progress: float
    duration_seconds: float | None
    error: VideoError | None
    has_poster: bool
    has_storyboard: bool
    source_bytes: int | None
    source_url: str | None
    created_at: datetime
    playable_at: datetime | None
    ready_at: datetime | None
    revision: int

    @property
    def playable(self) -> bool:
        """Whether a viewer can start it now."""
        return self.playable_at is not None and self.state is not VideoState.FAILED


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoding of a video, or of its sound.

    `name` is a path component (`240p`, `1080p`, `audio-eng`). `timescale` is in ticks a second.
    Video renditions carry width, height and frame_rate; audio renditions language, label,
    channels and is_default. `init_name` is known once the first chunk was published.
    """

    name: str
    kind: MediaKind
    codecs: str
    timescale: int
    init_name: str | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    language: str | None = None
    label: str | None = None
    channels: int | None = None
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """One published segment.

    `number` counts from 0 in its rendition; `duration_ticks` is in the rendition's timescale;
    `name` is relative to the video, as in `core.keys`.
    """

    rendition: str
    number: int
    name: str
    duration_ticks: int
    size_bytes: int
