"""What SIGHUP makes a node read again."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_works: list[Callable[[], None]] = []


@contextmanager
def on_hangup(work: Callable[[], None]) -> Iterator[None]:
    """Do something at every SIGHUP, beside what others do then; on the running loop."""
    survive_hangups()
    _works.append(work)
    try:
        yield
    finally:
        _works.remove(work)


def survive_hangups() -> None:
    """From now on, let SIGHUP not end this process; on the running loop."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _do_all)


def _do_all() -> None:
    for work in _works:
        work()
