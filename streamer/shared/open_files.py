"""How many files, and connections among them, this process may have open."""

import logging
import resource

# Those of a cache or a store, of connections to others, of a log; of a low limit half.
_OTHER_FILES = 2000

_log = logging.getLogger(__name__)


def allow_connections(wanted: int) -> int:
    """Let this process have `wanted` connections, if its hard limit allows; returns how many."""
    allowed_files = _allow_files(wanted + _OTHER_FILES)
    allowed = min(wanted, allowed_files - min(_OTHER_FILES, allowed_files // 2))
    if allowed < wanted:
        _log.warning("only %d connections: raise the limit of %d files", allowed, allowed_files)
    return allowed


def _allow_files(wanted: int) -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed
