"""What the jobs' database cannot do for a while, DBOS waits for."""

import logging
import sqlite3

import psycopg
from sqlalchemy import Engine, ExceptionContext, event
from sqlalchemy.exc import DBAPIError

from streamer.shared.sqlstates import MISSING

_SQLITE_OUTAGES = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
_POSTGRESQL_OUTAGES = MISSING | {
    "25006",  # read_only_sql_transaction: a server that stands by
    "57014",  # query_canceled, by a timeout too
    "58000",  # system_error
    "58030",  # io_error
}
_log = logging.getLogger("packager")


def wait_for_outages(engine: Engine) -> None:
    """Have DBOS try again, for as long as an outage lasts, what it does with its engine.

    It does so by itself when an error says that the connection is lost, so that of an outage says
    so too.
    """
    event.listen(engine, "handle_error", _take_for_lost)


def _take_for_lost(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if isinstance(error, DBAPIError) and _is_outage(context.original_exception):
        _log.warning("the job queue is asked again: %s", context.original_exception)
        error.connection_invalidated = True


def _is_outage(error: BaseException) -> bool:
    match error:
        case sqlite3.Error():
            # The lowest byte of an extended code is the primary one.
            return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_OUTAGES
        case psycopg.Error():
            return error.sqlstate in _POSTGRESQL_OUTAGES
    return False
