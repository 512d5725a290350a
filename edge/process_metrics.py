"""What Prometheus' client libraries tell of a process, read from `/proc` (Linux)."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edge.exposition import Family, Sample

_SELF = Path("/proc/self")
_STARTTIME_FIELD = 19  # of /proc/self/stat, counted from the state, which follows the name


def process_families() -> Iterator[Family]:
    """CPU time, memory, open files and start of this process; what cannot be read is left out."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield _counter("cpu_seconds", "CPU time, user and system.", used.ru_utime + used.ru_stime)
    with suppress(OSError):
        pages = int((_SELF / "statm").read_text().split()[1])
        yield _gauge("resident_memory_bytes", "Memory held.", pages * resource.getpagesize())
        yield _gauge("open_fds", "Open file descriptors.", sum(1 for _ in (_SELF / "fd").iterdir()))
        yield _gauge("max_fds", "Bound on them.", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        yield _gauge("start_time_seconds", "When it began, since the epoch.", _started_at())


def _started_at() -> float:
    ticks = int((_SELF / "stat").read_text().rpartition(")")[2].split()[_STARTTIME_FIELD])
    boot = next(
        line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
    )
    return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")


def _counter(name: str, explained: str, value: float) -> Family:
    return Family(f"process_{name}_total", "counter", explained, (Sample(value),))


def _gauge(name: str, explained: str, value: float) -> Family:
    return Family(f"process_{name}", "gauge", explained, (Sample(value),))
