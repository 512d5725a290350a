"""A node with several workers as processes of their own, and clients that choose a worker."""

import asyncio
import json
import os
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import aiohttp
import psutil

from edge.control_client import ControlClient
from edge.place import owner
from streamer.processes import end_with_parent
from tests.integration.edge.raw_client import RawClient, Reply
from tests.processes import children, command
from tests.servers import free_port

WORKERS = 2
_ATTEMPTS = 64
_SECONDS = 60


class WorkerNode:
    """`streamer edge --workers 2`, running while the context of `running_node` lasts."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, admin_port: int) -> None:
        self.process = process
        self.port = port
        self.admin_port = admin_port

    def option(self, name: str) -> str:
        """The value of an option that the node was started with."""
        options = psutil.Process(self.process.pid).cmdline()
        return options[options.index(name) + 1]

    def pid(self, worker: int) -> int:
        """The process of a worker; 0 while there is none."""
        for child in children(self.process.pid):
            if command(child)[-2:] == ["edge-worker", str(worker)]:
                return child.pid
        return 0

    @asynccontextmanager
    async def control(self, worker: int) -> AsyncIterator[ControlClient]:
        """What the supervisor has to talk to a worker."""
        names = [str(one.laddr) for one in psutil.Process(self.pid(worker)).net_connections("unix")]
        async with ControlClient(Path(next(n for n in names if n.endswith(".control")))) as client:
            yield client

    @asynccontextmanager
    async def client(self, worker: int) -> AsyncIterator[RawClient]:
        """A connection that this worker has accepted."""
        pid = self.pid(worker)
        for _ in range(_ATTEMPTS):
            async with RawClient(self.port) as client:
                if await self._has_accepted(pid, client):
                    yield client
                    return
        raise AssertionError(f"worker {worker} accepts nothing")

    async def get(self, worker: int, target: str, *fields: str, method: str = "GET") -> Reply:
        async with self.client(worker) as client:
            client.ask(target, *fields, method=method)
            return await client.reply(method=method)

    async def admin(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.admin_port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def metric(self, name: str, *labels: str) -> float:
        """One number of the node's metrics; `labels` are those besides the region."""
        _, text = await self.admin("/metrics")
        inside = "".join(f",{label}" for label in labels)
        found = re.search(
            rf'^{name}{{region="test"{re.escape(inside)}}} (\S+)$', text, re.MULTILINE
        )
        assert found is not None, name
        return float(found[1])

    async def until_metric(self, name: str, value: float, *labels: str) -> None:
        async with asyncio.timeout(_SECONDS):
            while await self.metric(name, *labels) < value:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def until_ready(self) -> None:
        async with asyncio.timeout(_SECONDS):
            while not await self._is_ready():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_SECONDS):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def until_draining(self) -> None:
        """Return when no worker accepts viewers any more."""
        async with asyncio.timeout(_SECONDS):
            with suppress(ConnectionError):
                while True:
                    async with RawClient(self.port):
                        await asyncio.sleep(0.01)

    async def _is_ready(self) -> bool:
        try:
            return (await self.admin("/readyz"))[0] == 200
        except aiohttp.ClientError:
            return False

    async def _has_accepted(self, pid: int, client: RawClient) -> bool:
        """Whether a worker holds the other end of a connection, once somebody has accepted it."""
        port = client.writer.get_extra_info("sockname")[1]
        async with asyncio.timeout(_SECONDS):
            while not (inode := _accepted_inode(self.port, port)):
                if client.reader.at_eof() or client.reader.exception() is not None:
                    return False  # it was on its way to a worker that has died
                await asyncio.sleep(0.002)
        return f"socket:[{inode}]" in _open_files(pid)


def owned_by(worker: int, stem: str) -> str:
    """A target that a worker owns."""
    return next(
        target
        for target in (f"/{stem}-{number}" for number in range(100))
        if owner(target.encode("ascii"), WORKERS) == worker
    )


@asynccontextmanager
async def running_node(
    origin_url: str, log: Path, *options: str, **environment: str
) -> AsyncIterator[WorkerNode]:
    """A node with two workers that are ready; ended at the end, if it has not ended before."""
    port, admin_port = free_port(), free_port()
    process = await start_node(log, origin_url, port, admin_port, *options, **environment)
    node = WorkerNode(process, port, admin_port)
    try:
        await node.until_ready()
        yield node
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(_SECONDS):
            await process.wait()


async def start_node(
    log: Path, origin_url: str, port: int, admin_port: int, *options: str, **environment: str
) -> asyncio.subprocess.Process:
    """Start a node and return at once."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streamer", "edge", "--workers", str(WORKERS)),
            *("--origin", origin_url, "--region", "test"),
            *("--port", str(port), "--admin-port", str(admin_port), *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            preexec_fn=end_with_parent,
        )


def _accepted_inode(port: int, client_port: int) -> str:
    """The socket on which a connection was accepted; empty until it was."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = fields[1].partition(":")[2], fields[2].partition(":")[2]
        if (int(local, 16), int(remote, 16)) == (port, client_port) and fields[9] != "0":
            return fields[9]
    return ""


def _open_files(pid: int) -> set[str]:
    """What a process has open, as the names in `/proc`."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):  # closed meanwhile
            found.add(str(descriptor.readlink()))
    return found


def rows_on_disk(directory: Path) -> int:
    """How many objects the disk tier has recorded."""
    with closing(sqlite3.connect(directory / "heads.sqlite")) as heads:
        return int(heads.execute("SELECT count(*) FROM objects").fetchone()[0])


def json_lines(path: Path) -> list[dict[str, object]]:
    """A file of JSON, one value a line."""
    return [json.loads(line) for line in path.read_text().splitlines()]
