"""A real edge in front of a scripted origin, both on ports of their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import pytest_asyncio
import uvloop

from edge.node import Node
from edge.settings import EdgeSettings
from tests.integration.edge.counting_origin import CountingOrigin
from tests.integration.edge.raw_client import RawClient, Reply


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@dataclass
class Edge:
    """A running node and how to ask it."""

    node: Node
    port: int
    admin_port: int
    stack: AsyncExitStack

    def client(self) -> RawClient:
        return RawClient(self.port)

    async def get(self, target: str, *fields: str, method: str = "GET") -> Reply:
        async with self.client() as client:
            client.ask(target, *fields, method=method)
            return await client.reply(method=method)

    async def admin(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.admin_port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, bounded, for something the node does on its own."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def pass_time(self, seconds: float) -> None:
        """Make everything stored older."""
        for variants in self.node.cache.entries.values():
            for entry in variants:
                freshness = entry.response.freshness
                object.__setattr__(freshness, "born_at", freshness.born_at - seconds)
                entry.renew(entry.response)

    async def close(self) -> None:
        await self.stack.aclose()


StartEdge = Callable[..., Awaitable[Edge]]


@pytest_asyncio.fixture
async def origin() -> AsyncIterator[CountingOrigin]:
    origin = CountingOrigin()
    await origin.open()
    yield origin
    await origin.close()


@pytest_asyncio.fixture
async def start_edge(origin: CountingOrigin) -> AsyncIterator[StartEdge]:
    async with AsyncExitStack() as edges:

        async def start(**options: object) -> Edge:
            defaults = {"origin": origin.url, "port": 0, "admin_port": 0, "region": "test"}
            settings = EdgeSettings(**{**defaults, **options})  # type: ignore[arg-type]
            stack = await edges.enter_async_context(AsyncExitStack())
            node = await Node.open(settings, stack)
            ports = await node.serve(stack)
            return Edge(node, ports.port, ports.admin_port, stack)

        yield start


@pytest_asyncio.fixture
async def edge(start_edge: StartEdge) -> Edge:
    return await start_edge()
