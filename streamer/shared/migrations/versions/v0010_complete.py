"""Renditions that are complete before their video is."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add whether a rendition is."""
    op.add_column(
        "renditions",
        sa.Column("is_complete", sa.Boolean, nullable=False, server_default=sa.false()),
    )
