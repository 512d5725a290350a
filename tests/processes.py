"""The processes of this machine, as tests look at them: any may end while it is looked at."""

import sys

import psutil

from streamer.shared.release import RELEASE

_OF_RELEASE = """
from streamer.shared import release
release.RELEASE = {}
from streamer.__main__ import main
main()
"""


def streamer_command(*arguments: str, release: int = RELEASE) -> list[str]:
    """A command of Streamer, of this release or another."""
    return [sys.executable, "-c", _OF_RELEASE.format(release), *arguments]


def is_running(pid: int) -> bool:
    """Whether a process lives; one that has ended and nobody has waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def mentioning(text: str) -> list[psutil.Process]:
    """The processes whose command line contains a text."""
    return [process for process in psutil.process_iter() if text in " ".join(command(process))]


def children(pid: int | None = None) -> list[psutil.Process]:
    """The processes that a process started, by default this one."""
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []


def command(process: psutil.Process) -> list[str]:
    """The command line of a process; empty once it has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
