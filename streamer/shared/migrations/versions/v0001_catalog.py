"""The catalog's first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make videos, renditions, segments, edges, workers and purges."""
    _create_videos()
    _create_renditions()
    _create_segments()
    op.create_table(
        "edges",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "purges",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )


def _create_videos() -> None:
    op.create_table(
        "videos",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("title_folded", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("duration_seconds", sa.Float),
        sa.Column("error_code", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("has_poster", sa.Boolean, nullable=False),
        sa.Column("has_storyboard", sa.Boolean, nullable=False),
        sa.Column("source_bytes", sa.BigInteger),
        sa.Column("source_url", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("playable_at", sa.DateTime(timezone=True)),
        sa.Column("ready_at", sa.DateTime(timezone=True)),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("videos_newest_first", "videos", ["created_at", "id"])
    op.create_index("videos_by_state", "videos", ["state"])


def _create_renditions() -> None:
    op.create_table(
        "renditions",
        sa.Column(
            "video_id", sa.Text, sa.ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("codecs", sa.Text, nullable=False),
        sa.Column("timescale", sa.Integer, nullable=False),
        sa.Column("init_name", sa.Text),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("frame_rate_numerator", sa.Integer),
        sa.Column("frame_rate_denominator", sa.Integer),
        sa.Column("language", sa.Text),
        sa.Column("label", sa.Text),
        sa.Column("channels", sa.Integer),
        sa.Column("is_default", sa.Boolean, nullable=False),
    )


def _create_segments() -> None:
    op.create_table(
        "segments",
        sa.Column("video_id", sa.Text, primary_key=True),
        sa.Column("rendition", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("duration_ticks", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["video_id", "rendition"],
            ["renditions.video_id", "renditions.name"],
            ondelete="CASCADE",
        ),
    )
