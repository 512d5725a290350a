"""How much of this machine's processors this process may use, and others used."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
# The line of the unified hierarchy, cgroups(7).
_UNIFIED = "0::"
_PROCESSES = Path("/proc")
# Of what follows a process's name in its `stat`: utime and stime, proc_pid_stat(5).
_TIMES = slice(11, 13)


def usable_processors(*, own_cgroup: Path = _OWN_CGROUP, cgroups: Path = _CGROUPS) -> float:
    """The processors it may run on, or less where control groups leave it a share of their time.

    A container with a limit sees all of its host's processors, and would begin more than it can do.

    Args:
        own_cgroup: Names the process's control group.
        cgroups: Where the unified hierarchy is mounted.
    """
    processors = float(len(os.sched_getaffinity(0)))
    with suppress(OSError):
        for text in _limits(own_cgroup.read_text(), cgroups):
            processors = min(processors, read_cpu_max(text))
    return processors


def used_seconds(process_id: int) -> float | None:
    """The time of processors that a running process took so far; None where nobody tells."""
    try:
        status = (_PROCESSES / str(process_id) / "stat").read_text()
    except OSError:
        return None
    # A name may contain anything but what is behind it.
    ticks = status.rpartition(")")[2].split()[_TIMES]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def read_cpu_max(text: str) -> float:
    """The processors' worth of time that a control group's `cpu.max` allows; infinite for `max`.

    Linux, Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files".
    """
    quota, period = text.split()
    return float("inf") if quota == "max" else int(quota) / int(period)


def _limits(own: str, cgroups: Path) -> Iterator[str]:
    """The `cpu.max` of the process's control group and of those around it."""
    for line in own.splitlines():
        if not line.startswith(_UNIFIED):
            continue
        group = cgroups / line.removeprefix(_UNIFIED).strip("/")
        for directory in (group, *group.parents):
            if not directory.is_relative_to(cgroups):
                break
            with suppress(OSError):
                yield (directory / "cpu.max").read_text()
