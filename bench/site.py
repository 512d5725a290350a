"""A whole installation on this machine: origin, worker and edges as processes of their own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.process import (
    Running,
    free_port,
    pinned,
    running,
    streamer_command,
    wait_until_answering,
    wait_until_logged,
)


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
    environment: Mapping[str, str]
    _stack: AsyncExitStack = field(repr=False)

    async def origin(self) -> Service:
        """Start an origin without a worker."""
        url = f"http://127.0.0.1:{(port := free_port())}"
        process = await self._start("origin", "serve", "--port", str(port), "--no-worker")
        await wait_until_answering(f"{url}/readyz", process)
        return Service(url, url, process)

    async def worker(
        self,
        *,
        name: str = "worker",
        core: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Start a packager worker, on one core if that is named."""
        prefix = () if core is None else pinned(core)
        process = await self._start(name, "worker", prefix=prefix, environment=environment)
        await wait_until_logged("is ready", process)
        return process

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

    async def _start(
        self,
        name: str,
        *arguments: str,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        data_dir = {"STREAMER_DATA_DIR": str(self.directory / "data")}
        return await self._stack.enter_async_context(
            running(
                [*prefix, *streamer_command(*arguments)],
                log=self.directory / f"{name}.log",
                environment={**data_dir, **self.environment, **(environment or {})},
            )
        )


@asynccontextmanager
async def open_site(
    directory: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Site]:
    """A site in an empty directory; whatever is started on it is ended at the end."""
    async with AsyncExitStack() as stack:
        yield Site(directory, environment or {}, stack)
