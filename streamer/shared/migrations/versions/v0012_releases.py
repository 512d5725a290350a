"""Chunks and workers of several releases side by side."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add whose they are: releases that do not say so are earlier ones."""
    for table in ("chunks", "workers"):
        op.add_column(table, sa.Column("release", sa.Integer, nullable=False, server_default="0"))
