"""A video's life: its states, the legal moves between them, and what each rendition holds."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Self

from streamer.core.options import Encryption, PackagingOptions


class VideoState(StrEnum):
    """Where a video stands. `ready` and `failed` are final, until it is packaged anew."""

    UPLOADING = "uploading"
    PROBING = "probing"
    PACKAGING = "packaging"
    READY = "ready"
    FAILED = "failed"


# The version of what is of every version: uploaded subtitles.
EVERY_VERSION = 0

TRANSITIONS: dict[VideoState, frozenset[VideoState]] = {
    VideoState.UPLOADING: frozenset({VideoState.PROBING, VideoState.PACKAGING, VideoState.FAILED}),
    VideoState.PROBING: frozenset({VideoState.PACKAGING, VideoState.FAILED}),
    VideoState.PACKAGING: frozenset({VideoState.PROBING, VideoState.READY, VideoState.FAILED}),
    VideoState.READY: frozenset(),
    VideoState.FAILED: frozenset({VideoState.PROBING}),
}


class MediaKind(StrEnum):
    """What a rendition carries."""

    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLES = "subtitles"


@dataclass(frozen=True, slots=True)
class VideoError:
    """Why a video failed: a code for machines, a sentence for its owner."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named part of a video; times in seconds from its beginning."""

    start_seconds: float
    end_seconds: float
    title: str


@dataclass(frozen=True, slots=True)
class Repackaging:
    """A new version in the making, while viewers get the old one.

    `progress` is 0 to 1. `error` says why it was given up; the old version stays.
    """

    version: int
    progress: float
    error: VideoError | None = None


@dataclass(frozen=True, slots=True)
class Video:
    """One uploaded file and what became of it.

    `progress` is 0 to 1 over the whole packaging. `playable_at` is when the first segments were
    published. `revision` grows with every change of the row or of its segments.

    `version` counts packagings from 1: viewers get its renditions. `priority` weighs its work
    against other videos' (1 is usual, 2 gets twice as far ahead). `received_bytes` of
    `length_bytes` are in the store while it is uploading; the length is None until it is known.
    `warnings` are sentences about what was lost of a damaged source.
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
    version: int = 1
    repackaging: Repackaging | None = None
    priority: int = 1
    options: PackagingOptions = field(default_factory=PackagingOptions)
    received_bytes: int = 0
    length_bytes: int | None = None
    warnings: tuple[str, ...] = ()
    chapters: tuple[Chapter, ...] = ()

    @property
    def playable(self) -> bool:
        """Whether a viewer can start it now."""
        return self.playable_at is not None and self.state is not VideoState.FAILED

    @property
    def is_being_packaged_anew(self) -> bool:
        """Whether a new version is in the making."""
        return self.repackaging is not None and self.repackaging.error is None


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoding of a video, of its sound, or one text of its subtitles.

    `name` is a path component (`240p`, `1080p`, `audio-eng`), unlike that of any rendition of
    another version; `version` of uploaded subtitles is EVERY_VERSION. `timescale` is in ticks a
    second. Video renditions carry width, height and frame_rate; audio and subtitle renditions
    language, label and is_default, audio also channels.
    `init_name` is known once the first chunk was published; subtitles have none: they are one
    WebVTT segment. `is_complete` once its last segment is published.
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
    is_forced: bool = False
    version: int = 1
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class ContentKey:
    """What segments are encrypted with, and how: 16 bytes each, the id is no secret."""

    key_id: bytes
    key: bytes = field(repr=False)
    method: Encryption = Encryption.AES_128

    @property
    def vector(self) -> bytes:
        """The constant initialization vector of `cbcs`, no secret either."""
        return self.key_id


@dataclass(frozen=True, slots=True)
class Segment:
    """One published segment.

    `number` counts from 0 in its rendition; `duration_ticks` is in the rendition's timescale;
    `name` is relative to the video, as in `core.keys`. `key_frame_bytes` is how much of it, from
    its beginning, holds its first key frame; None where there is none alone to play.
    """

    rendition: str
    number: int
    name: str
    duration_ticks: int
    size_bytes: int
    key_frame_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a rendition is published, gaps or not; another after each publication.

    `segments` is their number, `ticks` and `size_bytes` are their sums, `longest_ticks` is what the
    longest of them lasts.
    """

    segments: int
    ticks: int
    size_bytes: int
    longest_ticks: int

    @classmethod
    def of(cls, segments: Sequence[Segment]) -> Self:
        """That of these segments; there is at least one."""
        durations = [segment.duration_ticks for segment in segments]
        sizes = [segment.size_bytes for segment in segments]
        return cls(len(segments), sum(durations), sum(sizes), max(durations))


def end_seconds(state: VideoState, duration_seconds: float | None) -> float:
    """Where a video ends; infinite until that is known."""
    if state is not VideoState.READY or duration_seconds is None:
        return math.inf
    return duration_seconds


def chapters_until(end: float, chapters: Iterable[Chapter]) -> Iterator[Chapter]:
    """The chapters that begin before an end, none of them longer than until then."""
    for chapter in chapters:
        if chapter.start_seconds < end:
            yield replace(chapter, end_seconds=min(chapter.end_seconds, end))
