"""Hearing SIGHUP."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_heard: list[asyncio.Event] = []


@contextmanager
def hangups() -> Iterator[asyncio.Event]:
    """An event that every SIGHUP sets; from now on none ends this process. On the running loop."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _set_all)
    hangup = asyncio.Event()
    _heard.append(hangup)
    try:
        yield hangup
    finally:
        _heard.remove(hangup)


def _set_all() -> None:
    for hangup in _heard:
        hangup.set()
