"""What the parts of the catalog have in common: the database, and a video's row."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from streamer.core.errors import Conflict, InvalidInput, NotFound
from streamer.core.keys import is_video_id
from streamer.core.video import TRANSITIONS, Video, VideoState
from streamer.core.webhooks import EventType
from streamer.shared.database import Database
from streamer.shared.outbox import record_event
from streamer.shared.rows import to_video
from streamer.shared.tables import UtcDateTime, videos


class Records:
    """Rows of one database, as a release has them."""

    def __init__(self, database: Database, release: int) -> None:
        self._database = database
        self._release = release


async def read_video(connection: AsyncConnection, video_id: str, *, lock: bool = False) -> Video:
    """The video as it stands; with `lock` nobody else changes it before the transaction's end.

    Raises:
        NotFound: There is none, or it was deleted.
    """
    query = select(videos).where(videos.c.id == video_id, videos.c.deleted_at.is_(None))
    row = None
    if is_video_id(video_id):
        row = (await connection.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise NotFound("there is no such video")
    return to_video(row)


async def change_video(connection: AsyncConnection, video_id: str, **values: Any) -> Video:
    """Set columns of a video that `read_video` locked; its revision grows."""
    changed = await connection.execute(
        update(videos)
        .where(videos.c.id == video_id)
        .values(revision=videos.c.revision + 1, **values)
        .returning(videos)
    )
    return to_video(changed.one())


async def move_video(
    connection: AsyncConnection, video: Video, state: VideoState, **values: Any
) -> Video:
    """Move a locked video to `state`, and record the event.

    Raises:
        Conflict: `core.video.TRANSITIONS` has no such move.
    """
    if state not in TRANSITIONS[video.state]:
        raise Conflict(f"a video that is {video.state} cannot become {state}")
    await record_event(connection, video.id, EventType.entering(state))
    return await change_video(connection, video.id, state=state, **values)


async def database_time(connection: AsyncConnection) -> datetime:
    """The time by the database's clock, the same for all processes; on SQLite in whole seconds."""
    now = await connection.execute(select(func.current_timestamp(type_=UtcDateTime)))
    return now.scalar_one()


def check_text(text: str) -> str:
    """Return `text` when every database can hold it.

    Raises:
        InvalidInput: It holds NUL or lone surrogates.
    """
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput("the text holds characters that cannot be stored")
    return text
