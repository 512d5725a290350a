"""The catalog's renditions and segments: how a video becomes playable, piece by piece."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    delete,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core import keys
from streamer.core.errors import Conflict
from streamer.core.video import (
    EVERY_VERSION,
    Extent,
    MediaKind,
    Rendition,
    Segment,
    Video,
    VideoState,
)
from streamer.core.webhooks import EventType
from streamer.shared.outbox import record_event
from streamer.shared.purges import (
    append_purges,
    manifest_purges,
    storyboard_purges,
    uploaded_purges,
)
from streamer.shared.records import Records, change_video, move_video, read_video
from streamer.shared.rows import from_rendition, from_segment, to_rendition, to_segment
from streamer.shared.tables import content_keys, renditions, segments, videos

# What viewers get, and what is of every version.
_VIEWED = renditions.c.version.in_((videos.c.version, EVERY_VERSION))


class Publication(Records):
    """What viewers may play of the videos in a catalog."""

    async def begin_packaging(
        self,
        video_id: str,
        *,
        duration_seconds: float,
        renditions: Sequence[Rendition],
        version: int = 1,
    ) -> Video:
        """The source was probed: probing becomes packaging, with these renditions.

        A video that is still uploading stays so, and takes segments from now on; one that is ready
        stays so for its new version. Beginning again with the same renditions changes nothing.

        Raises:
            Conflict: The video is in another state, has no such version in the making, or is being
                packaged into other renditions.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if video.state is VideoState.PROBING and version == video.version:
                moved = await move_video(
                    connection, video, VideoState.PACKAGING, duration_seconds=duration_seconds
                )
                await _add_renditions(connection, video_id, renditions)
                return moved
            _check_takes(video, version)
            if await _renditions(connection, video_id, version):
                await _check_same(connection, video_id, renditions, version)
                return video
            await _add_renditions(connection, video_id, renditions)
            if version != video.version:
                return video
            return await change_video(connection, video_id, duration_seconds=duration_seconds)

    async def plan_renditions(
        self, video_id: str, renditions: Sequence[Rendition], *, version: int = 1
    ) -> None:
        """Replace the planned renditions of a version; those with segments stay as they are.

        Raises:
            Conflict: The video takes no segments of this version.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            _check_takes(video, version)
            known = await _renditions(connection, video_id, version)
            kept = {r.name for r in known} & await _names_with_segments(connection, video_id)
            await _remove_renditions(connection, video_id, {r.name for r in known} - kept)
            await _add_renditions(connection, video_id, renditions, kept)
            await change_video(connection, video_id)

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
        work may be done twice, unless it ended earlier than this one. The video is playable from
        `now` once segment 0 is there of the default audio rendition and of a video rendition, if it
        has any.

        Args:
            video_id: The video, which is uploading or being packaged, maybe into a new version.
            segments: What was uploaded to the store.
            init_names: The init segment's name for each rendition named here.
            now: The instant.
            codecs: RFC 6381 codec strings by rendition, as measured from its init segment.

        Raises:
            Conflict: The video takes no segments of this version, has no such rendition, or a
                rendition had another init segment before.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if video.state is VideoState.READY and await _has_all(connection, video_id, segments):
                return
            known = await _all_renditions(connection, video_id)
            named = {s.rendition for s in segments} | init_names.keys()
            _check_known(known, named)
            for version in {rendition.version for rendition in known if rendition.name in named}:
                _check_takes(video, version)
            await _describe(connection, video_id, known, init_names, codecs or {})
            await self._add_segments(connection, video_id, segments)
            await _note_publication(connection, video, now)

    async def complete(self, video_id: str, names: Collection[str]) -> None:
        """All segments of these renditions are published: their playlists end.

        Saying so again changes nothing.

        Raises:
            NotFound: There is no such video.
        """
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            completed = await connection.execute(
                update(renditions)
                .where(
                    renditions.c.video_id == video_id,
                    renditions.c.name.in_(names),
                    ~renditions.c.is_complete,
                )
                .values(is_complete=True)
            )
            if completed.rowcount:
                await change_video(connection, video_id)

    async def leave_out(self, video_id: str, names: Collection[str]) -> None:
        """Forget these renditions of a version in the making, with their segments.

        Doing so again changes nothing.

        Raises:
            NotFound: There is no such video.
        """
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            await _remove_renditions(connection, video_id, names)
            await change_video(connection, video_id)

    async def finish(
        self, video_id: str, *, duration_seconds: float, now: datetime, version: int = 1
    ) -> Video:
        """Everything of a version is published: the video is ready, viewers get this version.

        Subtitles of which nothing is published are forgotten. Finishing again changes nothing.
        Edges forget the manifests and the storyboard of the old version; its renditions stay until
        `forget_version`: some viewers are in the middle of it. They forget uploaded subtitles,
        which may need a playback token from now on. An encrypted version has no storyboard, which
        would show it.

        Raises:
            Conflict: The video is in another state, has no such version in the making, or one of
                its renditions lacks a segment.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if video.state is VideoState.READY and version == video.version:
                return video
            await _check_no_gaps(connection, video_id, version)
            await _remove_empty_subtitles(connection, video_id, version)
            if video.state is VideoState.READY:
                _check_takes(video, version)
                await record_event(connection, video_id, EventType.VERSION_READY)
                outdated = [
                    *manifest_purges(video_id),
                    *storyboard_purges(video_id),
                    *uploaded_purges(video_id),
                ]
                await append_purges(connection, outdated, now=now)
                is_encrypted = await _is_encrypted(connection, video_id, version)
                return await change_video(
                    connection,
                    video_id,
                    version=version,
                    next_version=None,
                    next_progress=None,
                    has_storyboard=video.has_storyboard and not is_encrypted,
                    duration_seconds=duration_seconds,
                    ready_at=now,
                )
            return await move_video(
                connection,
                video,
                VideoState.READY,
                progress=1.0,
                duration_seconds=duration_seconds,
                playable_at=await _begin_playing(connection, video, now),
                ready_at=now,
            )

    async def renditions(self, video_id: str, version: int | None = None) -> list[Rendition]:
        """A version's renditions: video by height, lowest first, then audio, then subtitles.

        None before probing. Without a `version`, it is the one that viewers get, and what is of
        every version.
        """
        async with self._database.reading() as connection:
            return await _renditions(connection, video_id, version)

    async def renditions_of(self, video_ids: Collection[str]) -> dict[str, list[Rendition]]:
        """What `renditions` returns for each of these videos, without a version."""
        async with self._database.reading() as connection:
            return await _read_renditions(connection, video_ids, _VIEWED)

    async def segments(self, video_id: str, rendition: str) -> list[Segment]:
        """The published segments of a rendition, from 0 up to the first that is missing."""
        query = _visible_segments(video_id).where(segments.c.rendition == rendition)
        async with self._database.reading() as connection:
            return _contiguous(to_segment(row) for row in await connection.execute(query))

    async def has_segment(self, video_id: str, name: str) -> bool:
        """Whether a segment of this name is published, of any version that is kept."""
        query = _visible_segments(video_id).where(
            segments.c.rendition == keys.rendition_of(name), segments.c.name == name
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query)).first() is not None

    async def all_segments(self, video_id: str) -> dict[str, list[Segment]]:
        """What `segments` returns for every rendition that has any."""
        by_rendition: dict[str, list[Segment]] = {}
        async with self._database.reading() as connection:
            for row in await connection.execute(_visible_segments(video_id)):
                by_rendition.setdefault(row.rendition, []).append(to_segment(row))
        prefixes = {name: _contiguous(found) for name, found in by_rendition.items()}
        return {name: prefix for name, prefix in prefixes.items() if prefix}

    async def extents(self, video_id: str) -> dict[str, Extent]:
        """How much is published of every rendition that has any segments."""
        return (await self.extents_of([video_id]))[video_id]

    async def extents_of(self, video_ids: Collection[str]) -> dict[str, dict[str, Extent]]:
        """What `extents` returns for each of these videos."""
        query = (
            select(
                segments.c.video_id,
                segments.c.rendition,
                func.count(),
                func.sum(segments.c.duration_ticks),
                func.sum(segments.c.size_bytes),
                func.max(segments.c.duration_ticks),
            )
            .join(videos, videos.c.id == segments.c.video_id)
            .where(videos.c.id.in_(video_ids), videos.c.deleted_at.is_(None))
            .group_by(segments.c.video_id, segments.c.rendition)
        )
        found: dict[str, dict[str, Extent]] = {video_id: {} for video_id in video_ids}
        async with self._database.reading() as connection:
            for video_id, name, *values in await connection.execute(query):
                found[video_id][name] = Extent(*map(int, values))
        return found

    async def _add_segments(
        self, connection: AsyncConnection, video_id: str, published: Sequence[Segment]
    ) -> None:
        if published:
            statement = self._database.insert(segments)
            new = statement.excluded
            longer = statement.on_conflict_do_update(
                index_elements=list(segments.primary_key),
                set_={column: new[column.name] for column in segments.columns},
                where=new.duration_ticks > segments.c.duration_ticks,
            )
            await connection.execute(longer, [from_segment(video_id, s) for s in published])


def _check_takes(video: Video, version: int) -> None:
    """Conflict unless segments of this version may be published."""
    being_made = video.repackaging
    if video.state in (VideoState.UPLOADING, VideoState.PACKAGING):
        takes = version == video.version
    else:
        takes = (
            video.state is VideoState.READY
            and being_made is not None
            and being_made.error is None
            and version == being_made.version
        )
    if not takes:
        raise Conflict(f"a video that is {video.state} takes no segments of version {version}")


async def _renditions(
    connection: AsyncConnection, video_id: str, version: int | None = None
) -> list[Rendition]:
    """The renditions of a version; without one, of what viewers get."""
    wanted = _VIEWED if version is None else renditions.c.version == version
    return (await _read_renditions(connection, [video_id], wanted))[video_id]


async def _all_renditions(connection: AsyncConnection, video_id: str) -> list[Rendition]:
    return (await _read_renditions(connection, [video_id], true()))[video_id]


async def _read_renditions(
    connection: AsyncConnection, video_ids: Collection[str], condition: ColumnElement[bool]
) -> dict[str, list[Rendition]]:
    kinds = case(
        {kind.value: place for place, kind in enumerate(MediaKind)}, value=renditions.c.kind
    )
    query = (
        select(renditions)
        .join(videos, videos.c.id == renditions.c.video_id)
        .where(videos.c.id.in_(video_ids), videos.c.deleted_at.is_(None), condition)
        .order_by(kinds, renditions.c.height, renditions.c.position)
    )
    found: dict[str, list[Rendition]] = {video_id: [] for video_id in video_ids}
    for row in await connection.execute(query):
        found[row.video_id].append(to_rendition(row))
    return found


async def _remove_renditions(
    connection: AsyncConnection, video_id: str, names: Iterable[str]
) -> None:
    await connection.execute(
        delete(renditions).where(
            renditions.c.video_id == video_id, renditions.c.name.in_(list(names))
        )
    )


async def _remove_empty_subtitles(connection: AsyncConnection, video_id: str, version: int) -> None:
    known = await _renditions(connection, video_id, version)
    subtitles = {r.name for r in known if r.kind is MediaKind.SUBTITLES}
    empty = subtitles - await _names_with_segments(connection, video_id)
    await _remove_renditions(connection, video_id, empty)


async def _add_renditions(
    connection: AsyncConnection,
    video_id: str,
    wanted: Sequence[Rendition],
    kept: Collection[str] = (),
) -> None:
    """Add renditions in this order, in which those of them that are kept take their place."""
    rows = []
    for position, rendition in enumerate(wanted):
        if rendition.name in kept:
            await connection.execute(
                update(renditions)
                .where(renditions.c.video_id == video_id, renditions.c.name == rendition.name)
                .values(position=position)
            )
        else:
            rows.append(from_rendition(video_id, position, rendition))
    if rows:
        await connection.execute(insert(renditions), rows)


async def _check_same(
    connection: AsyncConnection, video_id: str, wanted: Sequence[Rendition], version: int
) -> None:
    def as_planned(rendition: Rendition) -> Rendition:
        """Without what publication finds out."""
        return replace(rendition, init_name=None, codecs="", is_complete=False)

    known = {
        as_planned(rendition) for rendition in await _renditions(connection, video_id, version)
    }
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


async def _note_publication(connection: AsyncConnection, video: Video, now: datetime) -> None:
    playable_at = video.playable_at
    if playable_at is None and await _is_playable(connection, video):
        playable_at = await _begin_playing(connection, video, now)
    await change_video(connection, video.id, playable_at=playable_at)


async def _begin_playing(connection: AsyncConnection, video: Video, now: datetime) -> datetime:
    """Since when viewers can start it: from now on, which is told, unless they could before."""
    if video.playable_at is not None:
        return video.playable_at
    await record_event(connection, video.id, EventType.PLAYABLE)
    return now


async def _is_playable(connection: AsyncConnection, video: Video) -> bool:
    """Whether what viewers get has begun; renditions of a version given up before do not count."""
    known = await _renditions(connection, video.id, video.version)
    query = (
        select(segments.c.rendition)
        .join(renditions)
        .where(
            segments.c.video_id == video.id,
            segments.c.number == 0,
            renditions.c.version == video.version,
        )
    )
    begun = set((await connection.execute(query)).scalars())
    pictures = {r.name for r in known if r.kind is MediaKind.VIDEO}
    sounds = [r for r in known if r.kind is MediaKind.AUDIO]
    heard = {r.name for r in sounds if r.is_default} or {r.name for r in sounds}
    return bool(begun) and heard <= begun and (not pictures or bool(pictures & begun))


async def _check_no_gaps(connection: AsyncConnection, video_id: str, version: int) -> None:
    query = (
        select(segments.c.rendition)
        .join(renditions)
        .where(segments.c.video_id == video_id, renditions.c.version == version)
        .group_by(segments.c.rendition)
        .having(func.count() <= func.max(segments.c.number))
        .order_by(segments.c.rendition)
    )
    name = (await connection.execute(query)).scalars().first()
    if name is not None:
        raise Conflict(f"a segment of {name} is missing", code="encode_failed")


async def _is_encrypted(connection: AsyncConnection, video_id: str, version: int) -> bool:
    query = select(content_keys.c.key_id).where(
        content_keys.c.video_id == video_id, content_keys.c.version == version
    )
    return (await connection.execute(query)).first() is not None


async def _names_with_segments(connection: AsyncConnection, video_id: str) -> set[str]:
    query = select(segments.c.rendition).where(segments.c.video_id == video_id).distinct()
    return set((await connection.execute(query)).scalars())


async def _has_all(connection: AsyncConnection, video_id: str, wanted: Sequence[Segment]) -> bool:
    query = select(segments).where(segments.c.video_id == video_id)
    known = {
        (row.rendition, row.number): row.duration_ticks for row in await connection.execute(query)
    }
    return all(known.get((s.rendition, s.number), 0) >= s.duration_ticks for s in wanted)


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
