"""A whole installation on this machine: origin, worker and edges as processes of their own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.process import Running, free_port, running, streamer_command, wait_until_answering


@dataclass(frozen=True, slots=True)
class Service:
    """One running service and where it is reached."""

    url: str
    admin_url: str
    process: Running


@dataclass(slots=True)
class Site:
    """Starts services that share one data directory; they end with the context that opened it."""

    directory: Path
    _stack: AsyncExitStack = field(repr=False)

    async def origin(self) -> Service:
        """Start an origin without a worker."""
        url = f"http://127.0.0.1:{(port := free_port())}"
        process = await self._start("origin", "serve", "--port", str(port), "--no-worker")
        await wait_until_answering(f"{url}/readyz", process)
        return Service(url, url, process)

    async def worker(self) -> Running:
        """Start a packager worker."""
        return await self._start("worker", "worker")

    async def edge(
        self, origin_url: str, *, name: str = "edge", options: tuple[str, ...] = ()
    ) -> Service:
        """Start an edge in front of an origin."""
        port, admin_port = free_port(), free_port()
        process = await self._start(
            name,
            *("edge", "--origin", origin_url, "--region", name),
            *("--port", str(port), "--admin-port", str(admin_port)),
            *("--cache-dir", str(self.directory / f"{name}-cache"), *options),
        )
        admin_url = f"http://127.0.0.1:{admin_port}"
        await wait_until_answering(f"{admin_url}/healthz", process)
        return Service(f"http://127.0.0.1:{port}", admin_url, process)

    async def _start(self, name: str, *arguments: str) -> Running:
        return await self._stack.enter_async_context(
            running(
                streamer_command(*arguments),
                log=self.directory / f"{name}.log",
                environment={"STREAMER_DATA_DIR": str(self.directory / "data")},
            )
        )


@asynccontextmanager
async def open_site(directory: Path) -> AsyncIterator[Site]:
    """A site in an empty directory; whatever is started on it is ended at the end."""
    async with AsyncExitStack() as stack:
        yield Site(directory, stack)
