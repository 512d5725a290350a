"""Titles that are found in any of their spellings in Unicode."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from streamer.core.titles import folded

revision = "0013"
down_revision = "0012"

_BATCH = 1000
_VIDEOS = sa.table("videos", sa.column("id"), sa.column("title"), sa.column("title_folded"))
_REFOLD = (
    sa.update(_VIDEOS)
    .where(_VIDEOS.c.id == sa.bindparam("video_id"))
    .values(title_folded=sa.bindparam("folded"))
)


def upgrade() -> None:
    """Fold every title anew, some at a time."""
    connection = op.get_bind()
    batch = _after("")
    while found := connection.execute(batch).all():
        changed = [
            {"video_id": row.id, "folded": folded(row.title)}
            for row in found
            if row.title_folded != folded(row.title)
        ]
        if changed:
            connection.execute(_REFOLD, changed)
        batch = _after(found[-1].id)


def _after(video_id: str) -> sa.Select[Any]:
    return sa.select(_VIDEOS).where(_VIDEOS.c.id > video_id).order_by(_VIDEOS.c.id).limit(_BATCH)
