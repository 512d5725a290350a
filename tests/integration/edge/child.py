"""An edge in a process of its own, so that it can be killed."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.edge.raw_client import RawClient, Reply

_CODE = """
import asyncio, sys
import uvloop
from edge.run import run_edge
from edge.settings import EdgeSettings

async def main():
    settings = EdgeSettings(origin=sys.argv[1], port=0, admin_port=0, cache_dir=sys.argv[2])
    tell = lambda ports: print(ports.port, flush=True)
    await run_edge(settings, stop=asyncio.Event(), started=tell)

uvloop.run(main())
"""


@dataclass(frozen=True, slots=True)
class Child:
    """A running edge and the port that it serves on."""

    process: asyncio.subprocess.Process
    port: int

    async def get(self, target: str) -> Reply:
        async with RawClient(self.port) as client:
            client.ask(target)
            return await client.reply()

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def child_edge(
    origin_url: str, directory: Path, *, shell: str = ":", **environment: str
) -> AsyncIterator[Child]:
    """Run an edge while the context lasts; `shell` is done before in its process."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'{shell}; exec "$@"', "sh"),
        *(sys.executable, "-c", _CODE, origin_url, str(directory)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            port = int(await process.stdout.readline())
        yield Child(process, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
