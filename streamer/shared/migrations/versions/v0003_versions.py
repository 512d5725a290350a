"""Versions of a video, choices of its packaging, what is known while it arrives, key frames."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what the packager's depth needs to know."""
    for column in (
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("next_version", sa.Integer),
        sa.Column("next_progress", sa.Float),
        sa.Column("next_error_code", sa.Text),
        sa.Column("next_error_message", sa.Text),
        sa.Column("priority", sa.Integer, nullable=False, server_default="1"),
        sa.Column("options", sa.JSON, nullable=False, server_default="{}"),
        sa.Column("received_bytes", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("length_bytes", sa.BigInteger),
        sa.Column("warnings", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("chapters", sa.JSON, nullable=False, server_default="[]"),
    ):
        op.add_column("videos", column)
    op.add_column(
        "renditions", sa.Column("version", sa.Integer, nullable=False, server_default="1")
    )
    op.add_column(
        "renditions", sa.Column("is_forced", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("segments", sa.Column("key_frame_bytes", sa.BigInteger))
    op.create_table(
        "content_keys",
        sa.Column(
            "video_id", sa.Text, sa.ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.LargeBinary, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
    )
