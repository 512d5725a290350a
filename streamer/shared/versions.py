"""The catalog's versions of a video: begun, forgotten, encrypted with their keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Table, and_, case, delete, false, func, or_, select, union

from streamer.core.errors import Conflict, NotFound
from streamer.core.keys import is_rendition_name, is_video_id
from streamer.core.options import Encryption, PackagingOptions
from streamer.core.video import EVERY_VERSION, ContentKey, Video, VideoState
from streamer.shared.chunks import forget_recipe
from streamer.shared.records import Records, change_video, move_video, read_video
from streamer.shared.tables import content_keys, renditions, videos

_IN_THE_MAKING = (VideoState.UPLOADING, VideoState.PROBING, VideoState.PACKAGING)


class Versions(Records):
    """The versions of the videos in a catalog."""

    async def repackage(self, video_id: str, options: PackagingOptions) -> Video:
        """Begin a new version with other choices: of a ready video, or of a failed one's source.

        Viewers of a ready one keep the old version. The packaging gives the warnings that hold for
        the new one: those of the old one are forgotten.

        Raises:
            Conflict: The video is neither ready nor failed, a new version is being made, or the
                source never arrived.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            values = {"options": options.to_json(), "warnings": []}
            if video.state is VideoState.FAILED:
                if video.source_bytes is None:
                    raise Conflict("the video's source never arrived")
                return await move_video(
                    connection,
                    video,
                    VideoState.PROBING,
                    **values,
                    version=video.version + 1,
                    progress=0.0,
                    error_code=None,
                    error_message=None,
                    playable_at=None,
                )
            if video.state is not VideoState.READY or video.is_being_packaged_anew:
                raise Conflict("only a ready or failed video can be packaged anew, once at a time")
            # A version that was given up may have left objects and jobs: its number is not reused.
            last = video.version if video.repackaging is None else video.repackaging.version
            return await change_video(
                connection,
                video_id,
                **values,
                next_version=last + 1,
                next_progress=0.0,
                next_error_code=None,
                next_error_message=None,
            )

    async def renew_version(self, video_id: str, version: int) -> int | None:
        """Begin a version that nobody can go on with as another one, from its source.

        Returns the other one's number; None if this one is not in the making.
        """
        async with self._database.writing() as connection:
            try:
                video = await read_video(connection, video_id, lock=True)
            except NotFound:
                return None
            making = video.repackaging
            if video.is_being_packaged_anew and making is not None and making.version == version:
                await change_video(
                    connection, video_id, next_version=version + 1, next_progress=0.0
                )
            elif video.version == version and video.state in _IN_THE_MAKING:
                values = {"version": version + 1, "progress": 0.0, "playable_at": None}
                if video.state is VideoState.PACKAGING:
                    await move_video(connection, video, VideoState.PROBING, **values)
                else:
                    await change_video(connection, video_id, **values)
            else:
                return None
            await forget_recipe(connection, video_id, version)
            return version + 1

    async def in_the_making(self) -> list[tuple[str, int]]:
        """The videos' ids and versions that are made of a whole source, oldest videos first."""
        is_packaged_anew = and_(
            videos.c.next_version.is_not(None), videos.c.next_error_code.is_(None)
        )
        has_source = videos.c.state.in_((VideoState.PROBING, VideoState.PACKAGING))
        query = (
            select(
                videos.c.id,
                case((is_packaged_anew, videos.c.next_version), else_=videos.c.version),
            )
            .where(videos.c.deleted_at.is_(None), or_(is_packaged_anew, has_source))
            .order_by(videos.c.created_at, videos.c.id)
        )
        async with self._database.reading() as connection:
            return [(row[0], row[1]) for row in await connection.execute(query)]

    async def forgettable_versions(self, *, before: datetime) -> list[tuple[str, int]]:
        """The videos' ids and versions that nobody needs: failed, or replaced before then."""
        query = union(*(_forgettable(table, before) for table in (renditions, content_keys)))
        async with self._database.reading() as connection:
            rows = await connection.execute(query)
            return sorted((row.video_id, row.version) for row in rows)

    async def forget_version(self, video_id: str, version: int) -> None:
        """Forget a version that viewers do not get, with its key.

        Raises:
            Conflict: It is the one they get, or one in the making.
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            making = video.repackaging
            served = set() if video.state is VideoState.FAILED else {video.version}
            if version in {*served, EVERY_VERSION} or (
                video.is_being_packaged_anew and making is not None and making.version == version
            ):
                raise Conflict("this version is needed")
            await connection.execute(
                delete(renditions).where(
                    renditions.c.video_id == video_id, renditions.c.version == version
                )
            )
            await connection.execute(
                delete(content_keys).where(
                    content_keys.c.video_id == video_id, content_keys.c.version == version
                )
            )

    async def version_of(self, video_id: str, rendition: str) -> int | None:
        """The version that has a rendition of this name; None when there is none."""
        if not (is_video_id(video_id) and is_rendition_name(rendition)):
            return None
        query = select(renditions.c.version).where(
            renditions.c.video_id == video_id, renditions.c.name == rendition
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def content_key(self, video_id: str, version: int) -> ContentKey | None:
        """The key that a version is encrypted with; None when it is not."""
        query = select(content_keys).where(
            content_keys.c.video_id == video_id, content_keys.c.version == version
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _to_key(row)

    async def is_encrypted(self, video_id: str) -> bool:
        """Whether the version that viewers get is encrypted."""
        query = (
            select(content_keys.c.key_id)
            .join(
                videos,
                and_(
                    videos.c.id == content_keys.c.video_id,
                    videos.c.version == content_keys.c.version,
                ),
            )
            .where(videos.c.id == video_id)
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query)).first() is not None

    async def key_by_id(self, video_id: str, key_id: bytes) -> ContentKey | None:
        """The key of this id, of whichever version that is still kept."""
        query = select(content_keys).where(
            content_keys.c.video_id == video_id, content_keys.c.key_id == key_id
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _to_key(row)

    async def rendition_key(self, video_id: str, rendition: str) -> ContentKey | None:
        """The key that a rendition is encrypted with, which is its version's."""
        query = (
            select(content_keys)
            .join(
                renditions,
                and_(
                    renditions.c.video_id == content_keys.c.video_id,
                    renditions.c.version == content_keys.c.version,
                ),
            )
            .where(renditions.c.video_id == video_id, renditions.c.name == rendition)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _to_key(row)

    async def keep_content_key(self, video_id: str, version: int, key: ContentKey) -> ContentKey:
        """The key of a version: the one kept before, or this one from now on."""
        row = {
            "video_id": video_id,
            "version": version,
            "key_id": key.key_id,
            "key": key.key,
            "method": key.method,
        }
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            statement = self._database.insert(content_keys).on_conflict_do_nothing()
            await connection.execute(statement, [row])
        return await self.content_key(video_id, version) or key


def _forgettable(table: Table, before: datetime) -> Select[tuple[str, int]]:
    """The versions that have rows in a table and are needed by nobody."""
    version = table.c.version
    is_in_the_making = and_(videos.c.next_error_code.is_(None), version == videos.c.next_version)
    was_replaced = and_(version < videos.c.version, videos.c.ready_at < before)
    was_given_up = and_(version > videos.c.version, ~func.coalesce(is_in_the_making, false()))
    has_failed = and_(videos.c.state == VideoState.FAILED, version <= videos.c.version)
    return (
        select(table.c.video_id, version)
        .join(videos, videos.c.id == table.c.video_id)
        .where(
            videos.c.deleted_at.is_(None),
            version != EVERY_VERSION,
            or_(was_replaced, was_given_up, has_failed),
        )
    )


def _to_key(row: Row[Any]) -> ContentKey:
    return ContentKey(row.key_id, row.key, Encryption(row.method))
