"""The catalog's renditions and segments: how a video becomes playable, piece by piece."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core.errors import Conflict
from streamer.core.video import MediaKind, Rendition, Segment, Video, VideoState
from streamer.shared.records import Records, change_video, move_video, read_video
from streamer.shared.rows import from_rendition, from_segment, to_rendition, to_segment
from streamer.shared.tables import renditions, segments, videos


class Publication(Records):
    """What viewers may play of the videos in a catalog."""

    async def begin_packaging(
        self, video_id: str, *, duration_seconds: float, renditions: Sequence[Rendition]
    ) -> Video:
        """The source was probed: probing becomes packaging, with these renditions.

        Beginning again with the same renditions, while packaging, changes nothing.

        Raises:
            Conflict: The video is in another state, or is being packaged into other renditions.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if video.state is VideoState.PACKAGING:
                await _check_same(connection, video_id, renditions)
                return video
            packaging = await move_video(
                connection, video, VideoState.PACKAGING, duration_seconds=duration_seconds
            )
            await _add_renditions(connection, video_id, renditions)
            return packaging

    async def publish(
        self,
        video_id: str,
        segments: Sequence[Segment],
        *,
        init_names: Mapping[str, str],
        now: datetime,
        codecs: Mapping[str, str] | None = None,
    ) -> None:
        """Let viewers see segments, all of them or, on any failure, none.

        A segment that was published before under its rendition and number stays as it is, so that
        work may be done twice. The video is playable from `now` once segment 0 is there of every
        audio rendition and of a video rendition, if it has any.

        Args:
            video_id: The video, which is being packaged.
            segments: What was uploaded to the store.
            init_names: The init segment's name for each rendition named here.
            now: The instant.
            codecs: RFC 6381 codec strings by rendition, as measured from its init segment.

        Raises:
            Conflict: The video is not being packaged, has no such rendition, or a rendition had
                another init segment before.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if video.state is VideoState.READY and await _has_all(connection, video_id, segments):
                return
            if video.state is not VideoState.PACKAGING:
                raise Conflict(f"a video that is {video.state} takes no segments")
            known = await _renditions(connection, video_id)
            _check_known(known, {s.rendition for s in segments} | init_names.keys())
            await _describe(connection, video_id, known, init_names, codecs or {})
            await self._add_segments(connection, video_id, segments)
            await _note_publication(connection, video, known, now)

    async def finish(self, video_id: str, *, duration_seconds: float, now: datetime) -> Video:
        """Everything is published: packaging becomes ready. A ready video stays as it is.

        Raises:
            Conflict: The video is in another state.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if video.state is VideoState.READY:
                return video
            return await move_video(
                connection,
                video,
                VideoState.READY,
                progress=1.0,
                duration_seconds=duration_seconds,
                ready_at=now,
            )

    async def renditions(self, video_id: str) -> list[Rendition]:
        """A video's renditions: video by height, lowest first, then audio. None before probing."""
        async with self._database.reading() as connection:
            return await _renditions(connection, video_id)

    async def segments(self, video_id: str, rendition: str) -> list[Segment]:
        """The published segments of a rendition, from 0 up to the first that is missing."""
        query = _visible_segments(video_id).where(segments.c.rendition == rendition)
        async with self._database.reading() as connection:
            return _contiguous(to_segment(row) for row in await connection.execute(query))

    async def all_segments(self, video_id: str) -> dict[str, list[Segment]]:
        """What `segments` returns for every rendition that has any."""
        by_rendition: dict[str, list[Segment]] = {}
        async with self._database.reading() as connection:
            for row in await connection.execute(_visible_segments(video_id)):
                by_rendition.setdefault(row.rendition, []).append(to_segment(row))
        prefixes = {name: _contiguous(found) for name, found in by_rendition.items()}
        return {name: prefix for name, prefix in prefixes.items() if prefix}

    async def _add_segments(
        self, connection: AsyncConnection, video_id: str, published: Sequence[Segment]
    ) -> None:
        if published:
            statement = self._database.insert(segments).on_conflict_do_nothing()
            await connection.execute(statement, [from_segment(video_id, s) for s in published])


async def _renditions(connection: AsyncConnection, video_id: str) -> list[Rendition]:
    query = (
        select(renditions)
        .join(videos, videos.c.id == renditions.c.video_id)
        .where(videos.c.id == video_id, videos.c.deleted_at.is_(None))
        .order_by(renditions.c.kind != MediaKind.VIDEO, renditions.c.height, renditions.c.position)
    )
    return [to_rendition(row) for row in await connection.execute(query)]


async def _add_renditions(
    connection: AsyncConnection, video_id: str, wanted: Sequence[Rendition]
) -> None:
    rows = [from_rendition(video_id, position, r) for position, r in enumerate(wanted)]
    if rows:
        await connection.execute(insert(renditions), rows)


async def _check_same(
    connection: AsyncConnection, video_id: str, wanted: Sequence[Rendition]
) -> None:
    def as_planned(rendition: Rendition) -> Rendition:
        """Without what publication finds out."""
        return replace(rendition, init_name=None, codecs="")

    known = {as_planned(rendition) for rendition in await _renditions(connection, video_id)}
    if known != {as_planned(rendition) for rendition in wanted}:
        raise Conflict("the video is being packaged into other renditions")


def _check_known(known: Sequence[Rendition], named: Iterable[str]) -> None:
    if unknown := set(named) - {rendition.name for rendition in known}:
        raise Conflict(f"the video has no rendition {min(unknown)!a}")


async def _describe(
    connection: AsyncConnection,
    video_id: str,
    known: Sequence[Rendition],
    init_names: Mapping[str, str],
    codecs: Mapping[str, str],
) -> None:
    """Write down the init segments and codecs of renditions that had none."""
    for rendition in known:
        init_name = init_names.get(rendition.name, rendition.init_name)
        if rendition.init_name not in (None, init_name):
            raise Conflict(f"the init segment of {rendition.name} changed", code="init_changed")
        described = {"init_name": init_name, "codecs": codecs.get(rendition.name, rendition.codecs)}
        if described != {"init_name": rendition.init_name, "codecs": rendition.codecs}:
            await connection.execute(
                update(renditions)
                .where(renditions.c.video_id == video_id, renditions.c.name == rendition.name)
                .values(described)
            )


async def _note_publication(
    connection: AsyncConnection, video: Video, known: Sequence[Rendition], now: datetime
) -> None:
    playable_at = video.playable_at
    if playable_at is None and await _is_playable(connection, video.id, known):
        playable_at = now
    await change_video(connection, video.id, playable_at=playable_at)


async def _is_playable(
    connection: AsyncConnection, video_id: str, known: Sequence[Rendition]
) -> bool:
    query = select(segments.c.rendition).where(
        segments.c.video_id == video_id, segments.c.number == 0
    )
    begun = set((await connection.execute(query)).scalars())
    pictures = {r.name for r in known if r.kind is MediaKind.VIDEO}
    sounds = {r.name for r in known if r.kind is MediaKind.AUDIO}
    return bool(begun) and sounds <= begun and (not pictures or bool(pictures & begun))


async def _has_all(connection: AsyncConnection, video_id: str, wanted: Sequence[Segment]) -> bool:
    query = select(segments.c.rendition, segments.c.number).where(segments.c.video_id == video_id)
    known = {(row.rendition, row.number) for row in await connection.execute(query)}
    return {(segment.rendition, segment.number) for segment in wanted} <= known


def _visible_segments(video_id: str) -> Select[Any]:
    return (
        select(segments)
        .join(videos, videos.c.id == segments.c.video_id)
        .where(videos.c.id == video_id, videos.c.deleted_at.is_(None))
        .order_by(segments.c.rendition, segments.c.number)
    )


def _contiguous(published: Iterable[Segment]) -> list[Segment]:
    """The segments before the first gap."""
    prefix: list[Segment] = []
    for segment in published:
        if segment.number != len(prefix):
            break
        prefix.append(segment)
    return prefix
