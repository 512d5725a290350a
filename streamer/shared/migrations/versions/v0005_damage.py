"""Chunks in which something could not be decoded."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what is told of a chunk's source."""
    op.add_column(
        "chunks", sa.Column("is_damaged", sa.Boolean, nullable=False, server_default=sa.false())
    )
