"""Why a database or the system failed, in its own words."""

from sqlalchemy.exc import DBAPIError


def own_words(error: BaseException) -> str:
    """What a driver or the system says of a failure: one line, without the statement."""
    said = error.driver_exception if isinstance(error, DBAPIError) else error
    return next(iter(str(said).splitlines()), type(said).__name__)
