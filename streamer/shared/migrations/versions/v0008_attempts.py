"""Work of versions in the making that may end the worker that does it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the attempts."""
    op.create_table(
        "attempts",
        sa.Column(
            "video_id", sa.Text, sa.ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("task", sa.Text, primary_key=True),
        sa.Column("worker", sa.Text),
        sa.Column("deaths", sa.Integer, nullable=False),
    )
