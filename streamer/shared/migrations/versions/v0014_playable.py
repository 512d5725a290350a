"""Videos that are ready although nobody noted that they are playable."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Have them playable since they were ready."""
    op.execute(
        "UPDATE videos SET playable_at = ready_at, revision = revision + 1"
        " WHERE state = 'ready' AND playable_at IS NULL"
    )
