"""Bringing a database to the newest version of the tables."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from streamer.core.errors import Conflict

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Run the missing migrations in the connection's transaction, which must exclude others.

    Raises:
        Conflict: The database was made by a newer version of this program.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Conflict(
            "the database was made by a newer version of Streamer", code="database_version"
        ) from error
