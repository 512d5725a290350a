"""The catalog's uploaded subtitles, which are of every version of their video."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core.errors import Conflict, NotFound
from streamer.core.keys import is_rendition_name
from streamer.core.video import EVERY_VERSION, MediaKind, Rendition, Segment, VideoState
from streamer.shared.purges import append_purges, subtitles_purges
from streamer.shared.records import Records, change_video, check_text, read_video
from streamer.shared.rows import from_rendition, from_segment
from streamer.shared.tables import renditions, segments

# Behind those that came with the source.
_POSITION = 1000


class Subtitles(Records):
    """The uploaded subtitles of the videos in a catalog."""

    async def add_subtitles(
        self, video_id: str, rendition: Rendition, segment: Segment, *, now: datetime
    ) -> str | None:
        """Let viewers choose subtitles, and edges ask for manifests again.

        Those of the same name are replaced; the name of their object is returned, unless it is
        the same. Where the new ones are chosen by default, no others are any more.

        Raises:
            Conflict: The video is neither being packaged nor playable.
        """
        check_text(rendition.label or "")
        async with self._database.writing() as connection:
            video = await read_video(connection, video_id, lock=True)
            if not (video.playable or video.state is VideoState.PACKAGING):
                raise Conflict(f"a video that is {video.state} takes no subtitles")
            replaced = await _remove(connection, video_id, rendition.name)
            if rendition.is_default:
                await _unset_default(connection, video_id)
            row = from_rendition(video_id, _POSITION, rendition)
            await connection.execute(insert(renditions).values(row))
            await connection.execute(insert(segments).values(from_segment(video_id, segment)))
            await append_purges(connection, subtitles_purges(video_id, rendition.name), now=now)
            await change_video(connection, video_id)
        return None if replaced == segment.name else replaced

    async def remove_subtitles(self, video_id: str, name: str, *, now: datetime) -> str:
        """Take uploaded subtitles away again; returns the name of their object.

        Raises:
            NotFound: No such were uploaded.
        """
        async with self._database.writing() as connection:
            await read_video(connection, video_id, lock=True)
            known = is_rendition_name(name)
            removed = await _remove(connection, video_id, name) if known else None
            if removed is None:
                raise NotFound("no such subtitles were uploaded")
            await append_purges(connection, subtitles_purges(video_id, name), now=now)
            await change_video(connection, video_id)
        return removed


async def _remove(connection: AsyncConnection, video_id: str, name: str) -> str | None:
    query = (
        select(segments.c.name)
        .join(
            renditions,
            (renditions.c.video_id == segments.c.video_id)
            & (renditions.c.name == segments.c.rendition),
        )
        .where(
            renditions.c.video_id == video_id,
            renditions.c.name == name,
            renditions.c.version == EVERY_VERSION,
        )
    )
    found = (await connection.execute(query)).scalar_one_or_none()
    if found is not None:
        await connection.execute(
            delete(renditions).where(renditions.c.video_id == video_id, renditions.c.name == name)
        )
    return None if found is None else str(found)


async def _unset_default(connection: AsyncConnection, video_id: str) -> None:
    await connection.execute(
        update(renditions)
        .where(renditions.c.video_id == video_id, renditions.c.kind == MediaKind.SUBTITLES.value)
        .values(is_default=False)
    )
