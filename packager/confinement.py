"""What a process that reads uploads is kept from."""

import ctypes
import os
import resource
import signal
from collections.abc import Mapping
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
        for name, limit in self._limits.items():
            allowed = _allowed(name, limit)
            resource.setrlimit(getattr(resource, name), (allowed, allowed))
        os.nice(nice)

    def describe_shortages(self) -> str:
        """Which limits of this process leave a process less than it may have; may be empty."""
        allowed = {name: _allowed(name, limit) for name, limit in self._limits.items()}
        return ", ".join(
            f"{name} is {allowed[name]}, not {limit}"
            for name, limit in self._limits.items()
            if allowed[name] < limit
        )

    @property
    def _limits(self) -> Mapping[str, int]:
        return {
            "RLIMIT_CPU": _LONGEST_CPU_SECONDS,
            # The program's own code and shared pages do not count.
            "RLIMIT_DATA": self.memory_bytes,
            "RLIMIT_CORE": 0,
            # Everything leaves through pipes: there is no file to write.
            "RLIMIT_FSIZE": 0,
            "RLIMIT_NOFILE": _MAX_OPEN_FILES,
        }


def _allowed(name: str, limit: int) -> int:
    """A limit, or what was inherited where that is less: nobody may raise it, setrlimit(2)."""
    _, hard = resource.getrlimit(getattr(resource, name))
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)
