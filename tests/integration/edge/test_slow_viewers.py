"""slowhttptest against an edge in a process of its own: everybody else is served meanwhile."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from streamer.processes import end_with_parent
from tests.integration.edge.counting_origin import CountingOrigin, Script
from tests.integration.edge.raw_client import RawClient, answers
from tests.servers import free_port

_VIEWER = "127.0.0.2"  # the attacks come from 127.0.0.1
_ATTACK_SECONDS = 4
_CONNECTIONS = 200
_ANSWER_SECONDS = 10.0
_LIMITS = {
    "EDGE_HEAD_TIMEOUT_SECONDS": "3",
    "EDGE_BODY_TIMEOUT_SECONDS": "3",
    "EDGE_WRITE_TIMEOUT_SECONDS": "3",
    "EDGE_MIN_READ_RATE": "1000",
    "EDGE_MIN_WRITE_RATE": "100000",
    "EDGE_MAX_CONNECTIONS": "400",
    "EDGE_MAX_CONNECTIONS_PER_ADDRESS": "350",
}

ATTACKS = {
    "slowloris": ["-H", "-i", "1", "-x", "10"],
    "slow body": ["-B", "-i", "1", "-x", "10", "-s", "100000", "-t", "POST"],
    "slow read": ["-X", "-k", "3", "-n", "1", "-w", "10", "-y", "20", "-z", "5"],
    "ranges": ["-R", "-t", "GET", "-a", "1", "-b", "3000"],
}


@pytest_asyncio.fixture
async def port(origin: CountingOrigin) -> AsyncIterator[int]:
    """That of an edge with little patience."""
    origin.scripts["/a"] = Script([b"x" * 500_000])
    chosen = free_port()
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("streamer"), "edge"),
        *("--origin", origin.url, "--port", str(chosen), "--admin-port", "0"),
        env=os.environ | _LIMITS,
        preexec_fn=end_with_parent,
    )
    try:
        async with asyncio.timeout(60):
            while not await answers(chosen):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield chosen
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            await process.wait()


async def test_service_stays_available(port: int, tmp_path: Path) -> None:
    served = 0
    async with asyncio.TaskGroup() as group:
        attacks = [
            group.create_task(_attack(port, options, tmp_path / str(number)))
            for number, options in enumerate(ATTACKS.values())
        ]
        while not all(attack.done() for attack in attacks):
            async with asyncio.timeout(_ANSWER_SECONDS), RawClient(port, source=_VIEWER) as viewer:
                viewer.ask("/a")
                reply = await viewer.reply()
            assert (reply.status, len(reply.body)) == (200, 500_000)
            served += 1
            await asyncio.sleep(0.05)
    connected = [attack.result() for attack in attacks]
    assert served > 5
    assert all(count > 20 for count in connected), connected


async def _attack(port: int, options: list[str], report: Path) -> int:
    """Run slowhttptest; returns how many connections it made."""
    process = await asyncio.create_subprocess_exec(
        "slowhttptest",
        *("-c", str(_CONNECTIONS), "-r", "100", "-l", str(_ATTACK_SECONDS), "-p", "2"),
        *("-u", f"http://127.0.0.1:{port}/a", "-g", "-o", str(report)),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        preexec_fn=end_with_parent,
    )
    try:
        async with asyncio.timeout(20):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = report.with_suffix(".csv").read_text().splitlines()[1:]
    rows = [[int(cell) for cell in line.split(",")] for line in lines]
    return max(closed + connected for _, closed, _, connected, *_ in rows)
