"""Child processes of the command line: started together, ended together.

A child that ends by itself is started again after a pause that grows; all of them get SIGTERM when
the parent leaves and SIGKILL when they do not go in time. Should the parent be killed, the kernel
ends the children (PR_SET_PDEATHSIG, prctl(2)).
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 15.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_libc = ctypes.CDLL(None)


def end_with_parent() -> None:
    """Run in a new child: the kernel ends it when its parent dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """One `streamer` command kept running in a process of its own; an async context manager.

    Args:
        arguments: What follows `streamer` on the command line.
        environment: Variables set for the child on top of this process's own.
    """

    def __init__(
        self, arguments: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = [sys.executable, "-m", "streamer", *arguments]
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._supervision: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._start()
        self._supervision = asyncio.create_task(self._supervise())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._supervision is not None:
            self._supervision.cancel()
            await asyncio.gather(self._supervision, return_exceptions=True)
        await self._stop()

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        return self._process

    async def _supervise(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while self._process is not None:
            await self._process.wait()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            await self._start()

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
