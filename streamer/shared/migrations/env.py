"""What Alembic runs: the steps, on the connection and in the transaction of `migrate.upgrade`."""

from alembic import context

from streamer.shared.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
