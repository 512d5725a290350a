"""How the segments of a version are encrypted."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Say of each key what it is for."""
    column = sa.Column("method", sa.Text, nullable=False, server_default="aes-128")
    op.add_column("content_keys", column)
