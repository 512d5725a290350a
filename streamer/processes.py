"""Child processes of the command line: started together, ended together.

A child that ends by itself is started again after a pause that grows, as often as that takes; all
of them get SIGTERM when the parent leaves and SIGKILL when they do not go in time. Should the
parent be killed, the kernel ends the children (PR_SET_PDEATHSIG, prctl(2)).
"""

import asyncio
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 15.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_LONG_LIFE_SECONDS = 60.0
_libc = ctypes.CDLL(None)

_log = logging.getLogger(__name__)


def end_with_parent() -> None:
    """Run in a new child: the kernel ends it when its parent dies."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """One `streamer` command kept running in a process of its own; an async context manager.

    Args:
        arguments: What follows `streamer` on the command line.
        environment: All its variables; this process's own where they are missing.
        stop_seconds: How long it may take to end itself.
        is_heard: Its standard output is read here, by `early_end`.
        told: What it is told on its standard input, each time that it is started; None: nothing.

    Attributes:
        starts: How often it was started.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stop_seconds: float = _STOP_SECONDS,
        is_heard: bool = False,
        told: Callable[[], str] | None = None,
    ) -> None:
        self._command = [sys.executable, "-m", "streamer", *arguments]
        self._environment = dict(os.environ if environment is None else environment)
        self._stop_seconds = stop_seconds
        self._output = asyncio.subprocess.PIPE if is_heard else None
        self._told = told
        self.starts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._supervision: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process; None while it has ended."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def early_end(self) -> str | None:
        """How its first process ended, if before it said anything; services say where they listen.

        None once it has written a line to standard output.
        """
        process = self._process
        if process is None or process.stdout is None:
            raise RuntimeError("this child is not heard")
        if await process.stdout.readline():
            return None
        return _ending(await process.wait())

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
        await self.stop()

    async def stop(self) -> None:
        """End it for good."""
        if self._supervision is not None:
            self._supervision.cancel()
            await asyncio.gather(self._supervision, return_exceptions=True)
        await self._end()

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL if self._told is None else asyncio.subprocess.PIPE,
            stdout=self._output,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self.starts += 1
        if self._told is not None and self._process.stdin is not None:
            self._process.stdin.write(self._told().encode())
            self._process.stdin.close()
        return self._process

    async def _supervise(self) -> None:
        while self._process is not None:
            begun_at = time.monotonic()
            status = await self._process.wait()
            if time.monotonic() - begun_at > _LONG_LIFE_SECONDS:
                self._pause_seconds = _FIRST_PAUSE_SECONDS
            _log.warning("%s %s", " ".join(self._command[2:]), _ending(status))
            await self._start_again()

    async def _start_again(self) -> None:
        """Start it after a pause, again until it can be: too many open files may be fewer then."""
        while True:
            await asyncio.sleep(self._pause_seconds)
            self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            try:
                await self._start()
            except OSError as error:
                _log.warning("%s cannot be started: %s", " ".join(self._command[2:]), error)
            else:
                return

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._stop_seconds)
        except TimeoutError:
            process.kill()
            await process.wait()


def _ending(status: int) -> str:
    """How a process ended, by what waiting for it returned."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
