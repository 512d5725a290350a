"""An origin in a process of its own, to be killed."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from streamer.processes import end_with_parent
from tests.servers import free_port

_START_SECONDS = 60.0


class OriginProcess:
    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url
        self.port = httpx.URL(url).port

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()

    def peak_mebibytes(self) -> int:
        """The most memory it ever had."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def open_files_limit(self) -> int:
        """How many descriptors it may have."""
        return resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE)[0]

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def terminate(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit status after a signal that ends it."""
        self.send(number)
        async with asyncio.timeout(_START_SECONDS):
            return await self._process.wait()


@asynccontextmanager
async def origin_process(
    data_dir: Path,
    *,
    max_file_bytes: int | None = None,
    open_files: tuple[int, int] | None = None,
    ignores_hangup: bool = False,
    **settings: str,
) -> AsyncIterator[OriginProcess]:
    """Runs until the block ends, unless it is killed before.

    `open_files` are its soft and hard limits.
    """
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer", "serve", "--no-worker", "--port", str(port)),
        env={**os.environ, "STREAMER_DATA_DIR": str(data_dir), **settings},
        preexec_fn=_prepared(max_file_bytes, open_files, ignores_hangup),
    )
    origin = OriginProcess(process, f"http://127.0.0.1:{port}")
    try:
        await _wait_until_it_answers(origin.url)
        yield origin
    finally:
        if process.returncode is None:
            await origin.kill()


def _prepared(
    max_file_bytes: int | None, open_files: tuple[int, int] | None, ignores_hangup: bool
) -> Callable[[], None]:
    def prepare() -> None:
        end_with_parent()
        if max_file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))
        if open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, open_files)
        os.umask(0o022)
        # Who runs the tests may ignore it, and that is inherited.
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignores_hangup else signal.SIG_DFL)

    return prepare


async def _wait_until_it_answers(url: str) -> None:
    async with asyncio.timeout(_START_SECONDS), httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(f"{url}/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
