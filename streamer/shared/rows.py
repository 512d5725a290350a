"""Rows of the catalog as the values of `streamer.core`, and back."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from sqlalchemy import Row

from streamer.core.edges import Edge
from streamer.core.options import PackagingOptions
from streamer.core.video import (
    Chapter,
    MediaKind,
    Rendition,
    Repackaging,
    Segment,
    Video,
    VideoError,
    VideoState,
    chapters_until,
    end_seconds,
)


def to_video(row: Row[Any]) -> Video:
    """The video of a row of `videos`."""
    return Video(
        id=row.id,
        title=row.title,
        state=VideoState(row.state),
        progress=float(row.progress),
        duration_seconds=row.duration_seconds,
        error=_error(row.error_code, row.error_message),
        has_poster=row.has_poster,
        has_storyboard=row.has_storyboard,
        source_bytes=row.source_bytes,
        source_url=row.source_url,
        created_at=row.created_at,
        playable_at=row.playable_at,
        ready_at=row.ready_at,
        revision=row.revision,
        version=row.version,
        repackaging=None
        if row.next_version is None
        else Repackaging(
            version=row.next_version,
            progress=float(row.next_progress or 0.0),
            error=_error(row.next_error_code, row.next_error_message),
        ),
        priority=row.priority,
        options=PackagingOptions.from_json(row.options),
        received_bytes=row.received_bytes,
        length_bytes=row.length_bytes,
        warnings=tuple(row.warnings),
        chapters=tuple(_chapters(row)),
    )


def _chapters(row: Row[Any]) -> Iterator[Chapter]:
    end = end_seconds(VideoState(row.state), row.duration_seconds)
    return chapters_until(end, (Chapter(**stated) for stated in row.chapters))


def _error(code: str | None, message: str | None) -> VideoError | None:
    return None if code is None else VideoError(code, message or "")


def to_rendition(row: Row[Any]) -> Rendition:
    """The rendition of a row of `renditions`."""
    numerator, denominator = row.frame_rate_numerator, row.frame_rate_denominator
    return Rendition(
        name=row.name,
        kind=MediaKind(row.kind),
        codecs=row.codecs,
        timescale=row.timescale,
        init_name=row.init_name,
        width=row.width,
        height=row.height,
        frame_rate=None if numerator is None else Fraction(numerator, denominator),
        language=row.language,
        label=row.label,
        channels=row.channels,
        is_default=row.is_default,
        is_forced=row.is_forced,
        version=row.version,
        is_complete=row.is_complete,
    )


def from_rendition(video_id: str, position: int, rendition: Rendition) -> Mapping[str, Any]:
    """The row of `renditions` for a rendition of a video; `position` keeps the caller's order."""
    rate = rendition.frame_rate
    return {
        "video_id": video_id,
        "name": rendition.name,
        "position": position,
        "kind": rendition.kind,
        "codecs": rendition.codecs,
        "timescale": rendition.timescale,
        "init_name": rendition.init_name,
        "width": rendition.width,
        "height": rendition.height,
        "frame_rate_numerator": None if rate is None else rate.numerator,
        "frame_rate_denominator": None if rate is None else rate.denominator,
        "language": rendition.language,
        "label": rendition.label,
        "channels": rendition.channels,
        "is_default": rendition.is_default,
        "is_forced": rendition.is_forced,
        "version": rendition.version,
        "is_complete": rendition.is_complete,
    }


def to_segment(row: Row[Any]) -> Segment:
    """The segment of a row of `segments`."""
    # There are thousands: by place is three times as fast as by name.
    values: tuple[Any, ...] = tuple(row)
    return Segment(*values[1:])


def from_segment(video_id: str, segment: Segment) -> Mapping[str, Any]:
    """The row of `segments` for a segment of a video."""
    return {
        "video_id": video_id,
        "rendition": segment.rendition,
        "number": segment.number,
        "name": segment.name,
        "duration_ticks": segment.duration_ticks,
        "size_bytes": segment.size_bytes,
        "key_frame_bytes": segment.key_frame_bytes,
    }


def to_edge(row: Row[Any]) -> Edge:
    """The edge of a row of `edges`."""
    return Edge(
        id=row.id,
        region=row.region,
        url=row.url,
        version=row.version,
        started_at=row.started_at,
        seen_at=row.seen_at,
    )
