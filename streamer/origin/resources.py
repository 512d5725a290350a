"""What the API says of a video, and how that is made of what the catalog knows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from streamer.core import keys
from streamer.core.video import (
    MediaKind,
    Rendition,
    Repackaging,
    Video,
    VideoError,
    VideoState,
)
from streamer.origin.choices import OptionsResource, Priority
from streamer.origin.measures import Measure, Measures
from streamer.shared.catalog import Catalog


class RenditionResource(BaseModel):
    """One encoding of a video or of its sound, as far as it is published."""

    name: str = Field(examples=["720p"])
    kind: MediaKind
    width: int | None
    height: int | None
    frame_rate: float | None = Field(description="Frames a second.")
    codecs: str = Field(description="RFC 6381.", examples=["avc1.64001f"])
    language: str | None
    label: str | None = Field(description="What viewers choose it by.")
    channels: int | None = Field(description="Of sound.")
    is_default: bool = Field(description="Whether players choose it by themselves.")
    is_forced: bool = Field(description="Subtitles only of what everybody must read.")
    bandwidth: int = Field(description="Measured peak segment bit rate in bits a second.")
    segments: int = Field(description="How many segments are published.")

    @classmethod
    def of(cls, rendition: Rendition, measure: Measure) -> Self:
        """The resource for a rendition of which so much is published."""
        rate = rendition.frame_rate
        return cls(
            name=rendition.name,
            kind=rendition.kind,
            width=rendition.width,
            height=rendition.height,
            frame_rate=None if rate is None else round(float(rate), 3),
            codecs=rendition.codecs,
            language=rendition.language,
            label=rendition.label,
            channels=rendition.channels,
            is_default=rendition.is_default,
            is_forced=rendition.is_forced,
            bandwidth=measure.peak_bps,
            segments=measure.segments,
        )


class VideoErrorResource(BaseModel):
    """Why a video, or a new version of it, failed."""

    code: str = Field(examples=["not_a_video"])
    message: str

    @classmethod
    def of(cls, error: VideoError | None) -> Self | None:
        """What the API says of a failure."""
        return None if error is None else cls(code=error.code, message=error.message)


class ChapterResource(BaseModel):
    """A named part of a video; times in seconds from its beginning."""

    start_seconds: float
    end_seconds: float
    title: str


class RepackagingResource(BaseModel):
    """A new version in the making, or given up; viewers get the old one."""

    version: int
    progress: float = Field(ge=0, le=1)
    error: VideoErrorResource | None

    @classmethod
    def of(cls, repackaging: Repackaging) -> Self:
        """What the API says of a new version."""
        return cls(
            version=repackaging.version,
            progress=repackaging.progress,
            error=VideoErrorResource.of(repackaging.error),
        )


class PlaybackResource(BaseModel):
    """Where to watch a video. URLs of streams are relative unless a playback base URL is set."""

    hls: str = Field(examples=["/v/3kq0v1x7c2m9p4r8t6w5/index.m3u8"])
    dash: str
    player: str


class VideoResource(BaseModel):
    """A video and what became of it."""

    id: str
    title: str
    state: VideoState
    playable: bool = Field(description="Whether a viewer can start it now.")
    progress: float = Field(ge=0, le=1, description="0-1 over the whole packaging.")
    duration_seconds: float | None
    renditions: list[RenditionResource]
    error: VideoErrorResource | None
    playback: PlaybackResource
    created_at: datetime
    playable_at: datetime | None
    ready_at: datetime | None
    version: int = Field(description="Counts packagings; viewers get this one.")
    repackaging: RepackagingResource | None
    priority: Priority
    options: OptionsResource
    warnings: list[str] = Field(
        description="What was lost of a damaged source, or not passed through."
    )
    chapters: list[ChapterResource]

    def is_settled(self) -> bool:
        """Whether nothing more will happen by itself."""
        making = self.repackaging is not None and self.repackaging.error is None
        return self.state in (VideoState.READY, VideoState.FAILED) and not making


class VideoPage(BaseModel):
    """One page of videos, newest first."""

    items: list[VideoResource]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page.")


class Presenter:
    """Makes video resources.

    Args:
        catalog: Knows the renditions and segments.
        playback_base_url: Put before the paths of streams.
    """

    def __init__(self, catalog: Catalog, *, playback_base_url: str) -> None:
        self._catalog = catalog
        self._measures = Measures(catalog)
        self._base_url = playback_base_url.rstrip("/")

    async def present(self, video: Video) -> VideoResource:
        """The resource of a video as it stands."""
        (resource,) = await self.present_all([video])
        return resource

    async def present_all(self, videos: Sequence[Video]) -> list[VideoResource]:
        """The resources of videos as they stand, in their order."""
        renditions = await self._renditions(videos)
        return [self._resource(video, renditions.get(video.id, [])) for video in videos]

    def _resource(self, video: Video, renditions: list[RenditionResource]) -> VideoResource:
        return VideoResource(
            id=video.id,
            title=video.title,
            state=video.state,
            playable=video.playable,
            progress=video.progress,
            duration_seconds=video.duration_seconds,
            renditions=renditions,
            error=VideoErrorResource.of(video.error),
            playback=PlaybackResource(
                hls=self._base_url + keys.media_path(video.id, keys.MULTIVARIANT_PLAYLIST),
                dash=self._base_url + keys.media_path(video.id, keys.DASH_MANIFEST),
                player=f"/watch/{video.id}",
            ),
            created_at=video.created_at,
            playable_at=video.playable_at,
            ready_at=video.ready_at,
            version=video.version,
            repackaging=None
            if video.repackaging is None
            else RepackagingResource.of(video.repackaging),
            priority=video.priority,
            options=OptionsResource.of(video.options),
            warnings=list(video.warnings),
            chapters=[ChapterResource(**asdict(chapter)) for chapter in video.chapters],
        )

    async def _renditions(self, videos: Sequence[Video]) -> dict[str, list[RenditionResource]]:
        """The renditions of those that have any, read all at once: a page has many videos."""
        ids = [video.id for video in videos if _may_have_renditions(video)]
        if not ids:
            return {}
        renditions = await self._catalog.renditions_of(ids)
        extents = await self._catalog.extents_of(ids)
        found = {}
        for video_id in ids:
            measures = await self._measures.of(video_id, renditions[video_id], extents[video_id])
            found[video_id] = list(map(RenditionResource.of, renditions[video_id], measures))
        return found


def _may_have_renditions(video: Video) -> bool:
    beginning = (VideoState.UPLOADING, VideoState.PROBING)
    return video.playable_at is not None or video.state not in beginning
