"""The catalog's videos: made, listed, moved from state to state, deleted."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core.errors import Conflict, InvalidInput, NotFound
from streamer.core.keys import is_video_id
from streamer.core.options import PackagingOptions
from streamer.core.titles import folded
from streamer.core.video import Chapter, Video, VideoState
from streamer.core.webhooks import EventType
from streamer.shared.chunks import change_deadlines
from streamer.shared.outbox import record_event
from streamer.shared.records import Records, change_video, check_text, move_video, read_video
from streamer.shared.rows import to_video
from streamer.shared.tables import renditions, videos

_MAX_PAGE = 1000
_NO_CHOICE = PackagingOptions()


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to some videos: those that changed, and the ids of those that are gone."""

    videos: tuple[Video, ...]
    gone: frozenset[str]


class Videos(Records):
    """The videos of a catalog. Deleted ones are not found, whatever is asked."""

    async def create_video(
        self,
        video_id: str,
        *,
        title: str,
        now: datetime,
        source_url: str | None = None,
        priority: int = 1,
        options: PackagingOptions = _NO_CHOICE,
    ) -> Video:
        """Make a video in state uploading.

        Raises:
            InvalidInput: The id or the title cannot be stored.
            Conflict: The id is taken, or was by a video whose objects are still being deleted.
        """
        if not is_video_id(video_id):
            raise InvalidInput("not a video id")
        values = {
            "id": video_id,
            "title": check_text(title),
            "title_folded": folded(title),
            "state": VideoState.UPLOADING,
            "progress": 0.0,
            "has_poster": False,
            "has_storyboard": False,
            "source_url": None if source_url is None else check_text(source_url),
            "created_at": now,
            "priority": priority,
            "options": options.to_json(),
            "revision": 1,
        }
        try:
            async with self._database.writing() as connection:
                made = await connection.execute(insert(videos).values(values).returning(videos))
                await record_event(connection, video_id, EventType.UPLOADING)
                return to_video(made.one())
        except IntegrityError as error:
            raise Conflict("the video id is taken") from error

    async def get_video(self, video_id: str) -> Video:
        """The video; NotFound when there is none."""
        async with self._database.reading() as connection:
            return await read_video(connection, video_id)

    async def list_videos(
        self, *, limit: int, cursor: str | None = None, query: str | None = None
    ) -> tuple[list[Video], str | None]:
        """A page of videos, newest first, and the cursor of the next page, None at the end.

        Videos made while somebody turns the pages neither repeat nor hide others.

        Args:
            limit: The most videos on the page, 1 to 1000.
            cursor: From the previous page.
            query: Text that the title must contain, in any case and spelling (`titles.folded`).

        Raises:
            InvalidInput: A limit, cursor or query that cannot be.
        """
        if not 1 <= limit <= _MAX_PAGE:
            raise InvalidInput(f"the limit must be from 1 to {_MAX_PAGE}")
        page = _newest_first(cursor, query).limit(limit + 1)
        async with self._database.reading() as connection:
            found = [to_video(row) for row in await connection.execute(page)]
        if len(found) <= limit:
            return found, None
        return found[:limit], _cursor_after(found[limit - 1])

    async def in_state(self, *states: VideoState) -> list[Video]:
        """The videos in any of the states, oldest first."""
        query = (
            select(videos)
            .where(videos.c.state.in_(states), videos.c.deleted_at.is_(None))
            .order_by(videos.c.created_at, videos.c.id)
        )
        async with self._database.reading() as connection:
            return [to_video(row) for row in await connection.execute(query)]

    async def changes_since(self, revision_by_id: Mapping[str, int]) -> Changes:
        """The videos whose revision is higher than the one given, and the ids that are gone."""
        known = [video_id for video_id in revision_by_id if is_video_id(video_id)]
        query = select(videos).where(videos.c.id.in_(known), videos.c.deleted_at.is_(None))
        async with self._database.reading() as connection:
            found = [to_video(row) for row in await connection.execute(query)]
        return Changes(
            videos=tuple(v for v in found if v.revision > revision_by_id[v.id]),
            gone=frozenset(revision_by_id) - {video.id for video in found},
        )

    async def set_title(self, video_id: str, title: str) -> Video:
        """Give a video another title."""
        values = {"title": check_text(title), "title_folded": folded(title)}
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            return await change_video(connection, video_id, **values)

    async def set_pictures(
        self, video_id: str, *, has_poster: bool | None = None, has_storyboard: bool | None = None
    ) -> None:
        """Note which pictures a video has; None leaves one as it is."""
        pictures = {"has_poster": has_poster, "has_storyboard": has_storyboard}
        known = {name: value for name, value in pictures.items() if value is not None}
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            await change_video(connection, video_id, **known)

    async def accept_source(self, video_id: str, *, size_bytes: int) -> Video:
        """The source is complete: uploading becomes probing, or packaging if that has begun.

        Raises:
            Conflict: The video is not uploading (somebody else accepted it already).
        """
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if video.state is not VideoState.UPLOADING:
                raise Conflict(f"a video that is {video.state} takes no source")
            has_begun = await _has_begun(connection, video)
            state = VideoState.PACKAGING if has_begun else VideoState.PROBING
            values = {"source_bytes": size_bytes, "received_bytes": size_bytes}
            return await move_video(connection, video, state, length_bytes=size_bytes, **values)

    async def note_received(
        self, video_id: str, *, received_bytes: int, length_bytes: int | None
    ) -> None:
        """Note how much of an uploading video's source is in the store.

        Nothing happens to a video that is in another state; NotFound when there is none.
        """
        query = (
            update(videos)
            .where(videos.c.id == video_id, videos.c.state == VideoState.UPLOADING)
            .values(received_bytes=received_bytes, length_bytes=length_bytes)
        )
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            await connection.execute(query)

    async def describe_source(
        self, video_id: str, *, warnings: Sequence[str] = (), chapters: Sequence[Chapter] = ()
    ) -> None:
        """Add warnings that are not known yet, and set the chapters, if there are any."""
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            values: dict[str, Any] = {
                "warnings": list(dict.fromkeys([*video.warnings, *map(check_text, warnings)]))
            }
            if chapters:
                for chapter in chapters:
                    check_text(chapter.title)
                values["chapters"] = [asdict(chapter) for chapter in chapters]
            await change_video(connection, video_id, **values)

    async def amend_video(
        self,
        video_id: str,
        *,
        title: str | None = None,
        priority: int | None = None,
        options: PackagingOptions | None = None,
    ) -> Video:
        """Give a video another title, priority or other choices; None leaves one as it is.

        Its chunks that wait get the deadlines of their new priority.

        Raises:
            InvalidInput: The title cannot be stored.
            Conflict: Other choices come too late: its packaging has begun. Nothing is changed.
        """
        values: dict[str, Any] = {}
        if title is not None:
            values |= {"title": check_text(title), "title_folded": folded(title)}
        if priority is not None:
            values["priority"] = priority
        if options is not None:
            values["options"] = options.to_json()
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if options is not None and await _has_begun(connection, video):
                raise Conflict("packaging has begun; other options make a new version")
            if priority is not None:
                await change_deadlines(connection, video_id, priority)
            return await change_video(connection, video_id, **values)

    async def fail(self, video_id: str, *, code: str, message: str, version: int = 1) -> None:
        """Move a video to failed; nothing happens to one that is ready, failed or gone.

        Of a ready video only the new version in the making fails.
        """
        values = {"error_code": check_text(code), "error_message": check_text(message)}
        async with self._database.writing() as connection:
            try:
                video = await read_video(connection, video_id, lock=True)
                if video.repackaging is not None and video.repackaging.version == version:
                    await change_video(
                        connection, video_id, next_error_code=code, next_error_message=message
                    )
                    await record_event(connection, video_id, EventType.VERSION_FAILED)
                    return
                if version == video.version:
                    await move_video(connection, video, VideoState.FAILED, **values)
            except (NotFound, Conflict):
                return

    async def delete_video(self, video_id: str, *, now: datetime) -> None:
        """Make a video invisible at once; its rows stay until `forget`."""
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            await change_video(connection, video_id, deleted_at=now)
            await record_event(connection, video_id, EventType.DELETED)

    async def tombstones(self) -> dict[str, datetime]:
        """When each video was deleted that is not forgotten yet, oldest deletion first."""
        query = (
            select(videos.c.id, videos.c.deleted_at)
            .where(videos.c.deleted_at.is_not(None))
            .order_by(videos.c.deleted_at, videos.c.id)
        )
        async with self._database.reading() as connection:
            return {row.id: row.deleted_at for row in await connection.execute(query)}

    async def forget(self, video_id: str) -> None:
        """Remove every row of a video; one that is not there is no error."""
        if is_video_id(video_id):
            async with self._database.writing() as connection:
                await connection.execute(delete(videos).where(videos.c.id == video_id))

    async def set_progress(self, video_id: str, progress: float, *, version: int = 1) -> None:
        """Note how much of a version is packaged, 0 to 1; it never goes back.

        Nothing happens to one that is not being made or gone.
        """
        share = min(progress, 1.0)
        row = and_(videos.c.id == video_id, videos.c.deleted_at.is_(None))
        first = and_(
            videos.c.version == version,
            videos.c.state.in_((VideoState.UPLOADING, VideoState.PACKAGING)),
            videos.c.progress < share,
        )
        next_one = and_(videos.c.next_version == version, videos.c.next_progress < share)
        query = (
            update(videos)
            .where(row, or_(first, next_one))
            .values(
                progress=case((first, share), else_=videos.c.progress),
                next_progress=case((next_one, share), else_=videos.c.next_progress),
                revision=videos.c.revision + 1,
            )
        )
        if is_video_id(video_id):
            async with self._database.writing() as connection:
                await connection.execute(query)


async def _has_begun(connection: AsyncConnection, video: Video) -> bool:
    """Whether the packaging of the version that viewers get, or will get first, has begun."""
    query = (
        select(renditions.c.name)
        .where(renditions.c.video_id == video.id, renditions.c.version == video.version)
        .limit(1)
    )
    return (await connection.execute(query)).first() is not None


def _newest_first(cursor: str | None, query: str | None) -> Select[Any]:
    page = (
        select(videos)
        .where(videos.c.deleted_at.is_(None))
        .order_by(videos.c.created_at.desc(), videos.c.id.desc())
    )
    if query:
        wanted = folded(check_text(query))
        page = page.where(videos.c.title_folded.contains(wanted, autoescape=True))
    if cursor is not None:
        page = page.where(_after(cursor))
    return page


def _cursor_after(video: Video) -> str:
    place = f"{video.created_at.isoformat()} {video.id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _after(cursor: str) -> ColumnElement[bool]:
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        instant, _, video_id = place.partition(" ")
        created_at = datetime.fromisoformat(instant).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("the cursor is not one of this list") from error
    if not is_video_id(video_id):
        raise InvalidInput("the cursor is not one of this list")
    older = videos.c.created_at < created_at
    return or_(older, and_(videos.c.created_at == created_at, videos.c.id < video_id))
