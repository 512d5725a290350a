"""Chunks in which the last picture is held."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add how long it is held."""
    op.add_column("chunks", sa.Column("held_to", sa.Integer))
