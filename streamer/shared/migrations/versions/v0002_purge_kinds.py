"""Purges by tag, and soft ones."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Say of each purge what it names and whether it is soft."""
    op.execute("ALTER TABLE purges RENAME COLUMN path TO value")
    op.add_column("purges", sa.Column("kind", sa.Text, nullable=False, server_default="path"))
    is_soft = sa.Column("is_soft", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("purges", is_soft)
