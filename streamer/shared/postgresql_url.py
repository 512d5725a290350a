"""URLs of PostgreSQL as libpq has them, in asyncpg's words."""

from collections.abc import Mapping
from urllib.parse import urlencode

from sqlalchemy import URL

from streamer.core.errors import InvalidInput

_SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
# asyncpg takes these out of a URL only.
_READ_FROM_DSN = {
    "sslmode",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslrootcert",
    "sslcrl",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "passfile",
    "target_session_attrs",
    "krbsrvname",
    "gsslib",
}
# How soon libpq takes a silent connection for lost: after 25 s, or 15 s where it sent something.
# Nobody needs to tell asyncpg, whose every statement has a deadline.
LIVENESS = {
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
_NAME = "application_name"
_OPTIONS = "options"
_TIMEOUT = "connect_timeout"
# Several of them are SQLAlchemy's to read.
_ADDRESSES = {"host", "port"}
_KNOWN = _READ_FROM_DSN | LIVENESS.keys() | _ADDRESSES | {_NAME, _OPTIONS, _TIMEOUT}


def asyncpg_url(url: URL) -> URL:
    """The URL without what `asyncpg_arguments` says."""
    return url.set(drivername="postgresql+asyncpg").difference_update_query(
        [name for name in url.query if name not in _ADDRESSES]
    )


def asyncpg_arguments(
    url: URL, *, timeout_seconds: float, application_name: str, parameters: Mapping[str, int]
) -> dict[str, object]:
    """What `asyncpg.connect` is told besides the address, names and password.

    Args:
        url: Its parameters come before the defaults that follow.
        timeout_seconds: How long connecting may take.
        application_name: What the server calls the session.
        parameters: Those of the session. They are told as options: poolers that know none of them
            have one name to ignore.

    Raises:
        InvalidInput: It has unknown parameters, or a wrong timeout or sslmode.
    """
    given = {name: values[-1] for name, values in url.normalized_query.items()}
    unknown = given.keys() - _KNOWN
    if unknown:
        names = ", ".join(sorted(unknown))
        raise InvalidInput(f"the database URL has unknown parameters: {names}")
    if given.get("sslmode", "prefer") not in _SSL_MODES:
        raise InvalidInput(f"the sslmode of the database URL must be one of {sorted(_SSL_MODES)}")
    dsn = urlencode({name: given[name] for name in sorted(given.keys() & _READ_FROM_DSN)})
    # Of two that say the same, the server takes the last one.
    options = [f"-c {name}={value}" for name, value in parameters.items()]
    return {
        "timeout": _seconds(given.get(_TIMEOUT, "0")) or timeout_seconds,
        "server_settings": {
            _NAME: given.get(_NAME, application_name),
            _OPTIONS: " ".join([*options, given.get(_OPTIONS, "")]).strip(),
        },
        **({"dsn": f"postgresql://?{dsn}"} if dsn else {}),
    }


def _seconds(text: str) -> int:
    """A number of seconds as libpq takes it; 0 leaves it to us."""
    if not text.isdecimal():
        raise InvalidInput("the connect_timeout of the database URL must be a number of seconds")
    return int(text)
