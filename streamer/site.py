"""A whole installation on this machine: origin, worker and edge, each a process of its own."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from streamer.core.errors import Unavailable
from streamer.processes import Child
from streamer.seaweedfs import SeaweedFS

REGION = "local"
_READY_SECONDS = 300.0
_ORIGIN_PORT = 8080
_EDGE_PORTS = (8081, 9081)
_FOREIGN = ("STREAMER_", "PACKAGER_", "EDGE_", "AWS_")


@dataclass(frozen=True, slots=True)
class Site:
    """Where the running parts are reached."""

    origin_url: str
    edge_url: str
    edge_admin_url: str


@asynccontextmanager
async def running_site(directory: Path, *, s3: bool = False) -> AsyncIterator[Site]:
    """An installation, running while the block of this context manager does.

    No setting in this process's environment reaches it: those may be of a real installation.

    Args:
        directory: Where it keeps everything.
        s3: Keep objects in a SeaweedFS server over the S3 API rather than in the directory.

    Raises:
        Unavailable: A part ended as it began, or did not begin to serve.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)},
        "STREAMER_DATA_DIR": str(directory),
        "STREAMER_LOG_LEVEL": "warning",
    }
    async with AsyncExitStack() as stack:
        if s3:
            server = await stack.enter_async_context(SeaweedFS(directory / "seaweedfs"))
            environment |= server.environment()
        await stack.enter_async_context(Child(["worker"], environment=environment))
        services = _Services(environment, stack)
        [origin_port] = await services.serving("origin", _origin, (_ORIGIN_PORT,))
        origin_url = _local_url(origin_port)
        edge_port, admin_port = await services.serving(
            "edge", lambda *ports: _edge(origin_url, directory, *ports), _EDGE_PORTS
        )
        yield Site(origin_url, _local_url(edge_port), _local_url(admin_port))


def _origin(port: int) -> list[str]:
    return ["serve", "--port", str(port), "--no-worker"]


def _edge(origin_url: str, directory: Path, port: int, admin_port: int) -> list[str]:
    return [
        *("edge", "--origin", origin_url, "--region", REGION),
        *("--port", str(port), "--admin-port", str(admin_port)),
        *("--cache-dir", str(directory / "edge"), "--disk-size", "2G"),
    ]


def _local_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class _Services:
    """Starts services, which end with the stack."""

    environment: Mapping[str, str]
    stack: AsyncExitStack

    async def serving(
        self, part: str, command: Callable[..., list[str]], preferred: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Start one; returns its ports, the preferred ones where they are free, once it serves.

        Ports that somebody else takes before it does are chosen again.
        """
        while True:
            ports = tuple(map(_choose_port, preferred))
            child = Child(command(*ports), environment=self.environment, is_heard=True)
            await self.stack.enter_async_context(child)
            end = await _early_end(part, child)
            if end is None:
                return ports
            await child.stop()
            if tuple(map(_choose_port, ports)) == ports:
                raise Unavailable(f"the {part} {end} before it served")


async def _early_end(part: str, child: Child) -> str | None:
    try:
        async with asyncio.timeout(_READY_SECONDS):
            return await child.early_end()
    except TimeoutError as error:
        message = f"the {part} did not begin to serve in {_READY_SECONDS:.0f} s"
        raise Unavailable(message) from error


def _choose_port(preferred: int) -> int:
    """A free port of 127.0.0.1, the preferred one if that is."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable("no port is free on 127.0.0.1")
