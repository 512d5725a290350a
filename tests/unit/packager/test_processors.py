import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from packager.processors import read_cpu_max, usable_processors, used_seconds


@pytest.mark.parametrize(
    ("text", "processors"), [("max 100000\n", float("inf")), ("150000 100000\n", 1.5)]
)
def test_a_control_group_s_limit(text: str, processors: float) -> None:
    assert read_cpu_max(text) == processors


def test_no_more_than_this_process_may_run_on() -> None:
    assert 0 < usable_processors() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("own", "limit"), [("1:cpu:/x\n0::/pods/one\n", 0.25), ("0::/\n", 0.5), ("1:cpu:/\n", 1.0)]
)
def test_the_narrowest_limit_around_the_process_counts(
    tmp_path: Path, own: str, limit: float
) -> None:
    cgroups, own_cgroup = tmp_path / "cgroup", tmp_path / "self"
    own_cgroup.write_text(own)
    (cgroups / "pods" / "one").mkdir(parents=True)
    (cgroups / "cpu.max").write_text("50000 100000\n")
    (cgroups / "pods" / "cpu.max").write_text("25000 100000\n")
    (cgroups / "pods" / "one" / "cpu.max").write_text("max 100000\n")
    (tmp_path / "cpu.max").write_text("1 100000\n")
    found = usable_processors(own_cgroup=own_cgroup, cgroups=cgroups)
    assert found == limit * (1 if limit < 1 else len(os.sched_getaffinity(0)))


def test_what_a_process_used() -> None:
    begun = time.process_time()
    while time.process_time() < begun + 0.2:
        pass
    before, used, after = time.process_time(), used_seconds(os.getpid()), time.process_time()
    assert used is not None
    # Each of the two times it is made of may lack a tick.
    assert before - 2 / os.sysconf("SC_CLK_TCK") <= used <= after


def test_what_a_process_that_is_gone_used_nobody_knows() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert used_seconds(process.pid) is None
