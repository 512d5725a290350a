"""What a process that reads uploads is kept from."""

import ctypes
import os
import resource
import signal
from dataclasses import dataclass

from packager.cell import Cell, leave_network

_LONGEST_CPU_SECONDS = 24 * 3600
_MAX_OPEN_FILES = 256
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Confinement:
    """The limits of a process, and the network it lives in.

    Attributes:
        memory_bytes: How much memory it may have for itself.
        cell: Where it lives. None: where there is no network, if the kernel allows that.
    """

    memory_bytes: int = 4 << 30
    cell: Cell | None = None

    def apply(self, nice: int) -> None:
        """Confine this process, and tie it to its parent: runs in it before its program does."""
        if self.cell is None:
            leave_network()
        else:
            self.cell.enter()
        # A group, not a session: Linux (sched_autogroup) shares processors between sessions
        # evenly, however nice they are.
        os.setpgid(0, 0)
        _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        _limit(resource.RLIMIT_CPU, _LONGEST_CPU_SECONDS)
        # The program's own code and shared pages do not count.
        _limit(resource.RLIMIT_DATA, self.memory_bytes)
        _limit(resource.RLIMIT_CORE, 0)
        # Everything leaves through pipes: there is no file to write.
        _limit(resource.RLIMIT_FSIZE, 0)
        _limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
        os.nice(nice)


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))
