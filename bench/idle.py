"""What an idle connection costs: the memory of our edge beside nginx and Varnish."""

import asyncio
import resource
import socket
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from bench.caches import Cache, missing_peers, open_caches
from bench.report import Goal, Measure, Report
from bench.upstream import open_upstream
from bench.wrk import BROWSER_HEADERS

CONNECTIONS = 10_000
_FIRST_CONNECTIONS = 100
_SPARE_FILES = 500
_PATH = "/bytes/1500"
_SETTLE_SECONDS = 2.0
_DEADLINE_SECONDS = 10.0


async def run(directory: Path, quick: bool) -> Report:
    """Open the connections to each cache in turn, each time to a new process."""
    rounds = 1 if quick else 3
    connections = _as_many_as_allowed(1000 if quick else CONNECTIONS)
    found: dict[str, list[float]] = defaultdict(list)
    async with open_upstream() as upstream:
        for number in range(rounds):
            home = directory / str(number)
            home.mkdir()
            async with open_caches(upstream.url, home) as caches:
                for cache in caches:
                    found[cache.name].append(await _bytes_each(cache, connections) / 1000)
    measures = {
        name: Measure(f"{name}, memory of an idle connection", "KB", tuple(values))
        for name, values in found.items()
    }
    notes = (
        f"{connections} connections, each after one request with {len(BROWSER_HEADERS)} headers; "
        "growth of the anonymous resident memory of all processes of a cache",
        *(f"not installed: {name}" for name in missing_peers()),
    )
    goals = (Goal(measures["edge"], 10.0),)
    return Report("Idle connections", tuple(measures.values()), goals, notes)


def _as_many_as_allowed(connections: int) -> int:
    """Raise the bound on open files, for this process and those it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(connections, hard - _SPARE_FILES)


async def _bytes_each(cache: Cache, connections: int) -> float:
    place = urlsplit(cache.url)
    address = (str(place.hostname), place.port or 80)
    # What a process takes with its first connections is not theirs.
    (await asyncio.to_thread(_with_connections, address, _FIRST_CONNECTIONS)).close()
    before = cache.process.memory_bytes()
    with await asyncio.to_thread(_with_connections, address, connections):
        await asyncio.sleep(_SETTLE_SECONDS)
        return (cache.process.memory_bytes() - before) / connections


def _with_connections(address: tuple[str, int], connections: int) -> ExitStack:
    """Open connections that have asked once; they end with the stack."""
    fields = "".join(f"{header}\r\n" for header in (f"Host: {address[0]}", *BROWSER_HEADERS))
    request = f"GET {_PATH} HTTP/1.1\r\n{fields}\r\n".encode()
    with ExitStack() as stack:
        for _ in range(connections):
            client = stack.enter_context(socket.create_connection(address, _DEADLINE_SECONDS))
            client.sendall(request)
            _read_answer(client)
        return stack.pop_all()


def _read_answer(client: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(client)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += _some(client)


def _some(client: socket.socket) -> bytes:
    data = client.recv(65536)
    if not data:
        raise RuntimeError("a connection ended that should have stayed open")
    return data
