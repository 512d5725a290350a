"""Processes under measurement: started, awaited, weighed and ended. Linux only (`/proc`)."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Running:
    """A process under measurement."""

    pid: int
    log: Path

    def cpu_seconds(self) -> float:
        """CPU time of the process, of its living descendants and of those already reaped."""
        return sum(_cpu_ticks(pid) for pid in _tree(self.pid)) / _TICKS_PER_SECOND

    def peak_memory_bytes(self) -> int:
        """The largest resident set that the process itself has had (VmHWM)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * _KIB

    def memory_bytes(self) -> int:
        """What the process and its descendants hold now, without what files back (RssAnon)."""
        return sum(_anonymous_bytes(pid) for pid in _tree(self.pid))

    def runs_any(self, program: str) -> bool:
        """Whether it started, directly or not, a living process whose name begins so."""
        return any(_name(pid).startswith(program) for pid in _tree(self.pid)[1:])


@asynccontextmanager
async def running(
    command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """A command, running while the context lasts; SIGTERM ends it, SIGKILL if it does not go."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **(environment or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Running(process.pid, log)
    finally:
        await _stop(process)


def streamer_command(*arguments: str) -> list[str]:
    """The command line of this installation's `streamer`."""
    return [sys.executable, "-m", "streamer", *arguments]


def pinned(core: int) -> tuple[str, ...]:
    """The command prefix that keeps a process on one core, where the machine has two."""
    cores = sorted(os.sched_getaffinity(0))
    return ("taskset", "-c", str(cores[core])) if len(cores) > 1 else ()


def free_port() -> int:
    """A TCP port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def wait_until_answering(url: str, process: Running) -> None:
    """Return when `url` answers below 400.

    Raises:
        RuntimeError: It did not in a minute; the message ends with the process's log.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        await _wait_until(lambda: _answers(session, url), f"{url} does not answer", process)


async def wait_until_logged(words: str, process: Running) -> None:
    """Return when a process has logged `words`.

    Raises:
        RuntimeError: It did not in a minute; the message ends with its log.
    """

    async def is_logged() -> bool:
        return words in process.log.read_text()

    await _wait_until(is_logged, f"it never said: {words}", process)


async def _wait_until(
    is_true: Callable[[], Awaitable[bool]], complaint: str, process: Running
) -> None:
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    while not await is_true():
        if asyncio.get_running_loop().time() > deadline:
            raise RuntimeError(f"{complaint}\n{process.log.read_text()[-2000:]}")
        await asyncio.sleep(0.05)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, ssl=False) as response:
            return response.status < 400
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _tree(root: int) -> list[int]:
    """A process and its living descendants, parents first."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*"):
            try:
                found += map(int, (task / "children").read_text().split())
            except OSError:
                continue
    return found


def _cpu_ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # After the name in parentheses; utime, stime, cutime and cstime are fields 14 to 17.
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))


def _anonymous_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    held = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(held[0].split()[1]) * _KIB if held else 0


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
