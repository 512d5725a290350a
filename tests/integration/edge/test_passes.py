"""What is forwarded for one viewer alone takes neither what others wait for, nor all there is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script
from tests.integration.edge.raw_client import RawClient, Reply

CONNECTIONS = 4
STREAMED = {"Cache-Control": "no-store", "Content-Type": "text/event-stream"}
OTHER = "127.0.0.2"


async def started(start_edge: StartEdge, **options: object) -> Edge:
    return await start_edge(upstream_connections=CONNECTIONS, upstream_queue_seconds=0.3, **options)


async def get(edge: Edge, target: str, source: str = "") -> Reply:
    async with RawClient(edge.port, source=source) as client:
        client.ask(target)
        return await client.reply()


@asynccontextmanager
async def streams(edge: Edge, origin: CountingOrigin, targets: list[str]) -> AsyncIterator[None]:
    """Event streams of one address that go on until the end."""
    end = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.callback(end.set)
        for target in targets:
            origin.scripts[target] = Script([b"data: 1\n\n", end], STREAMED, length=-1)
            client = await stack.enter_async_context(edge.client())
            client.ask(target)
            assert (await client.head())[0] == 200
        yield


@pytest.mark.parametrize("target", ["/events", "/events?of={}"], ids=["one", "several"])
async def test_event_streams_leave_connections_to_others(
    start_edge: StartEdge, origin: CountingOrigin, target: str
) -> None:
    edge = await started(start_edge)
    origin.scripts["/a"] = Script()
    origin.scripts["/p"] = Script(headers={"Cache-Control": "no-store"})
    async with streams(edge, origin, [target.format(n) for n in range(CONNECTIONS)]):
        assert (await get(edge, "/a")).status == 200
        for path in ("/p", "/p"):  # asked for as if it could be stored, then as what cannot
            assert (await get(edge, path, OTHER)).status == 200
            refused = await get(edge, path)
            assert (refused.status, "upstream-busy" in refused.cache_status) == (502, True)
    assert (await get(edge, "/p")).status == 200


async def test_proxies_that_are_trusted_have_many_viewers(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await started(start_edge, trusted_proxies="127.0.0.1")
    targets = [f"/events?of={n}" for n in range(2 * CONNECTIONS)]
    async with streams(edge, origin, targets):
        pass


async def test_small_bodies_that_do_not_come_take_no_connections(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await started(start_edge)
    origin.scripts["/a"] = origin.scripts["/echo"] = Script()
    async with AsyncExitStack() as stack:
        for _ in range(2 * CONNECTIONS):
            client = await stack.enter_async_context(edge.client())
            client.ask("/echo", "Content-Length: 4000", method="POST")
        assert (await get(edge, "/a")).status == 200
        assert (await edge.get("/echo", "Content-Length: 0", method="POST")).status == 200
        assert origin.count("/echo") == 1


async def test_long_bodies_leave_connections_to_what_is_stored_and_to_other_viewers(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await started(start_edge)
    origin.scripts["/a"] = origin.scripts["/echo"] = Script()
    async with AsyncExitStack() as stack:
        for source in ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", OTHER):
            client = await stack.enter_async_context(RawClient(edge.port, source=source))
            client.ask("/echo", "Transfer-Encoding: chunked", method="POST")
        assert (await get(edge, "/a")).status == 200
        async with RawClient(edge.port, source="127.0.0.3") as client:
            client.ask("/echo", "Transfer-Encoding: chunked", method="POST")
            client.send(b"0\r\n\r\n")
            assert (await client.reply()).status == 200
