"""Fetching a video from a URL, and all the places it must not be fetched from."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import web
from sqlalchemy import update

from streamer.core import keys
from streamer.core.video import VideoState
from streamer.origin.errors import Locked
from streamer.origin.fetch import Fetches
from streamer.origin.pace import Pace
from streamer.shared import tables
from tests.integration.origin.conftest import (
    MINUTE,
    OpenOrigin,
    Origin,
    SwitchedStore,
    eventually,
    now,
    opened,
)
from tests.servers import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIDEOS = "/api/v1/videos"
UNREADABLE = "The head of the server's answer is malformed or too large."
DATA = b"moving pictures" * 1000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SourceServer:
    """A server of sources that counts who comes."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.targets: list[str] = []
        self.gate = asyncio.Event()
        self.url = ""

    async def pieces(self) -> AsyncIterator[bytes]:
        """What an upload is made of."""
        yield DATA

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        self.targets.append(request.raw_path)
        handler: Handler = getattr(self, request.path.strip("/").partition(".")[0])
        return await handler(request)

    async def clip(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=DATA)

    async def big(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 100_001)

    async def endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    async def squeezed(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=gzip.compress(DATA), headers={"Content-Encoding": "GZip"})

    async def moved(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/clip.mp4")

    async def loop(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/loop")

    async def to(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": request.query["url"]})

    async def nowhere(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302)

    async def wordy(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=DATA, headers={"X": "y" * 20_000})

    async def garbled(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        return web.Response()

    async def missing(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    async def cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"short")
        assert request.transport is not None
        request.transport.abort()
        return response

    async def drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.gate.is_set():
            await response.write(b"x")
            await asyncio.sleep(0.01)
        return response

    async def halves(self, request: web.Request) -> web.StreamResponse:
        """The second half comes at the gate, and to nobody but the first who asks."""
        is_first = len(self.requests) == 1
        response = web.StreamResponse(headers={"Content-Length": str(len(DATA))})
        await response.prepare(request)
        await response.write(DATA[: len(DATA) // 2])
        await self.gate.wait()
        if is_first:
            await response.write(DATA[len(DATA) // 2 :])
        return response

    async def broken(self, request: web.Request) -> web.StreamResponse:
        await self.gate.wait()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def torn(self, request: web.Request) -> web.StreamResponse:
        """The first half, and no more after the gate."""
        response = web.StreamResponse(headers={"Content-Length": str(len(DATA))})
        await response.prepare(request)
        await response.write(DATA[: len(DATA) // 2])
        await self.gate.wait()
        assert request.transport is not None
        request.transport.abort()
        return response

    async def slow(self, request: web.Request) -> web.StreamResponse:
        await self.gate.wait()
        return web.Response(body=DATA)


@asynccontextmanager
async def source_server() -> AsyncIterator[SourceServer]:
    server = SourceServer()
    application = web.Application()
    application.router.add_get("/{path:.*}", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield server
    finally:
        server.gate.set()
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def source() -> AsyncIterator[SourceServer]:
    async with source_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trusting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Origin]:
    """An origin that may fetch from this machine."""
    directory = tmp_path_factory.mktemp("trusting")
    async with opened(directory, fetch_allow_private=True, max_upload_bytes=100_000) as one:
        yield one


async def fetch(origin: Origin, url: str, **more: str) -> str:
    answer = await origin.client.post(VIDEOS, json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def outcome(origin: Origin, video_id: str) -> tuple[VideoState, str, str]:
    """State, error code and message once the fetch has ended."""

    async def has_ended() -> bool:
        return (await origin.video(video_id)).state is not VideoState.UPLOADING

    await eventually(has_ended)
    video = await origin.video(video_id)
    error = video.error
    return video.state, error.code if error else "", error.message if error else ""


def received(origin: Origin, video_id: str) -> int:
    """How many bytes of a fetch are on an origin's disk."""
    path = origin.services.staging.path(video_id)
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("path", ["/clip.mp4", "/moved"])
async def test_a_url_becomes_a_video(trusting: Origin, source: SourceServer, path: str) -> None:
    video_id = await fetch(trusting, source.url + path)
    assert await outcome(trusting, video_id) == (VideoState.PROBING, "", "")
    assert await trusting.source(video_id) == DATA
    assert video_id in trusting.jobs.packaged


async def test_a_signed_url_is_asked_for_as_it_is_spelled(
    trusting: Origin, source: SourceServer
) -> None:
    signed = "/clip.%7Ea%2Fb%2520c+d?sig=a%2Bb%2F%3D%21%27&n=a+b&e=%41"
    redirect = f"/to?url={quote(signed, safe='')}"
    for path in (signed, redirect):
        video_id = await fetch(trusting, source.url + path)
        assert await outcome(trusting, video_id) == (VideoState.PROBING, "", "")
    assert source.targets[-3:] == [signed, redirect, signed]


async def test_the_title_of_a_fetched_video(trusting: Origin, source: SourceServer) -> None:
    named = await fetch(trusting, f"{source.url}/clip.mp4", title=" A  title ")
    unnamed = await fetch(trusting, f"{source.url}/clip.My%20film.mp4?x=1")
    assert (await trusting.video(named)).title == "A title"
    assert (await trusting.video(unnamed)).title == "clip.My film"


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("/missing", "fetch_failed", "The server answered 404."),
        ("/loop", "fetch_failed", "The URL redirects too often."),
        ("/nowhere", "fetch_failed", "The server answered 302, and not where to ask instead."),
        ("/wordy", "fetch_failed", UNREADABLE),
        ("/garbled", "fetch_failed", UNREADABLE),
        ("/cut", "fetch_failed", "The connection to the server broke."),
        (
            "/squeezed",
            "fetch_failed",
            "The server sends the file compressed (gzip), which was not asked for.",
        ),
        ("/big", "too_large", "The file is larger than allowed."),
        ("/endless", "too_large", "The file is larger than allowed."),
        (
            "/to?url=file:///etc/passwd",
            "fetch_failed",
            "The URL leads to something that is no http or https URL.",
        ),
        (
            "/to?url=http://foo..bar/x.mp4",
            "fetch_failed",
            "There is no server of that name.",
        ),
        (
            "/to?url=",
            "fetch_failed",
            "The URL redirects too often.",
        ),
    ],
)
async def test_fetches_that_fail_say_why(
    trusting: Origin, source: SourceServer, path: str, code: str, message: str
) -> None:
    video_id = await fetch(trusting, source.url + path)
    assert await outcome(trusting, video_id) == (VideoState.FAILED, code, message)
    await eventually(lambda: not trusting.has_bytes(video_id))


async def test_a_fetch_that_fails_leaves_nothing_in_the_store(trusting: Origin) -> None:
    async def stored() -> list[str]:
        return [info.key async for info in trusting.store.list(keys.video_prefix(video_id))]

    async with source_server() as source:
        video_id = await fetch(trusting, f"{source.url}/torn")
        await eventually(stored)
        source.gate.set()
        assert (await outcome(trusting, video_id))[0] is VideoState.FAILED
        assert await stored() == []


async def test_a_server_that_is_not_there(trusting: Origin) -> None:
    video_id = await fetch(trusting, f"http://127.0.0.1:{free_port()}/a.mp4")
    assert (await outcome(trusting, video_id))[2] == "The server could not be reached."


@pytest.mark.parametrize("host", ["foo..bar", "a" * 70, "a" * 70 + ".example"])
async def test_a_name_that_no_server_can_have(trusting: Origin, host: str) -> None:
    video_id = await fetch(trusting, f"http://{host}/x.mp4")
    reason = (VideoState.FAILED, "fetch_failed", "There is no server of that name.")
    assert await outcome(trusting, video_id) == reason


async def test_a_fetch_that_breaks_in_an_unknown_way_fails_its_video(
    origin: Origin, source: SourceServer, caplog: pytest.LogCaptureFixture
) -> None:
    def is_allowed(address: str) -> bool:
        raise ZeroDivisionError(address)

    fetches = Fetches(
        origin.services.uploads, origin.catalog, is_allowed=is_allowed, timeout_seconds=10
    )
    video = await fetches.create(f"{source.url}/clip.mp4", title="", now=now())
    reason = (VideoState.FAILED, "fetch_failed", "Fetching it went wrong.")
    assert await outcome(origin, video.id) == reason
    assert "ZeroDivisionError" in caplog.text


async def test_a_fetch_is_bounded_in_time(open_origin: OpenOrigin) -> None:
    async with (
        source_server() as source,
        open_origin(fetch_allow_private=True, fetch_timeout_seconds=0.2) as origin,
    ):
        video_id = await fetch(origin, f"{source.url}/slow")
        assert (await outcome(origin, video_id))[2] == "The server did not answer in time."


async def test_servers_that_drip_keep_no_other_from_being_fetched(
    trusting: Origin, source: SourceServer
) -> None:
    fetches = Fetches(
        trusting.services.uploads,
        trusting.catalog,
        is_allowed=lambda address: True,
        timeout_seconds=3600,
        least_pace=Pace(size_bytes=len(DATA), seconds=1),
    )
    urls = [f"{source.url}/drip.{number}" for number in range(8)]
    dripping = [await fetches.create(url, title="", now=now()) for url in urls]
    behind = await fetches.create(f"{source.url}/clip.mp4", title="", now=now())
    assert await outcome(trusting, behind.id) == (VideoState.PROBING, "", "")
    reason = (VideoState.FAILED, "fetch_failed", "The server sends too slowly.")
    assert [await outcome(trusting, video.id) for video in dripping] == [reason] * 8
    await fetches.close()


async def test_a_head_that_drips_is_given_up(trusting: Origin) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        with suppress(ConnectionError):
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        fetches = Fetches(
            trusting.services.uploads,
            trusting.catalog,
            is_allowed=lambda address: True,
            timeout_seconds=3600,
            least_pace=Pace(size_bytes=1, seconds=1),
        )
        port = server.sockets[0].getsockname()[1]
        video = await fetches.create(f"http://127.0.0.1:{port}/x.mp4", title="", now=now())
        reason = (VideoState.FAILED, "fetch_failed", "The server did not answer in time.")
        assert await outcome(trusting, video.id) == reason


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "[fe80::1]",
        "[fd00::1]",
    ],
)
async def test_private_addresses_are_not_fetched_from(
    origin: Origin, source: SourceServer, host: str
) -> None:
    port = source.url.rpartition(":")[2]
    seen = len(source.requests)
    video_id = await fetch(origin, f"http://{host}:{port}/clip.mp4")
    state, code, message = await outcome(origin, video_id)
    assert (state, code) == (VideoState.FAILED, "fetch_failed")
    assert "127" not in message
    assert len(source.requests) == seen


async def test_a_redirect_cannot_lead_where_a_url_cannot(
    origin: Origin, source: SourceServer
) -> None:
    port = source.url.rpartition(":")[2]
    fetches = Fetches(
        origin.services.uploads,
        origin.catalog,
        is_allowed=lambda address: address == "127.0.0.1",
        timeout_seconds=10,
    )
    target = f"http://127.0.0.2:{port}/clip.mp4"
    video = await fetches.create(f"{source.url}/to?url={target}", title="", now=now())
    state, code, message = await outcome(origin, video.id)
    assert (state, code) == (VideoState.FAILED, "fetch_failed")
    assert message == "The URL leads to an address that is not on the public Internet."
    assert source.requests[-1] == "/to"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"title": "x"}',
        b'{"url": 5}',
        b'{"url": "clip.mp4"}',
        b'{"url": "/etc/passwd"}',
        b'{"url": "file:///etc/passwd"}',
        b'{"url": "ftp://example.com/a"}',
        b'{"url": "http://"}',
        b'{"url": "http:///a"}',
        b'{"url": "http://user:secret@example.com/a"}',
        b'{"url": "http://example.com:99999/a"}',
        b'{"url": "http://[::1/a"}',
        b'{"url": "http://example.com/a", "extra": 1}',
        b'{"url": "http://example.com/' + b"a" * 3000 + b'"}',
        b'{"url": "' + b"a" * 70_000 + b'"}',
    ],
)
async def test_urls_that_are_refused_at_once(origin: Origin, body: bytes) -> None:
    before = (await origin.client.get(VIDEOS)).json()["items"]
    answer = await origin.client.post(
        VIDEOS, content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await origin.client.get(VIDEOS)).json()["items"] == before


async def test_a_fetch_that_a_stop_ended_begins_again(open_origin: OpenOrigin) -> None:
    async with source_server() as source:
        async with open_origin(fetch_allow_private=True) as origin:
            video_id = await fetch(origin, f"{source.url}/slow")
            await eventually(lambda: source.requests == ["/slow"])
        source.gate.set()
        async with open_origin(fetch_allow_private=True) as origin:
            assert await outcome(origin, video_id) == (VideoState.PROBING, "", "")
            assert await origin.source(video_id) == DATA


async def test_a_file_that_another_process_receives_is_left_to_it(open_origin: OpenOrigin) -> None:
    async with (
        source_server() as source,
        open_origin(fetch_allow_private=True) as first,
        open_origin(fetch_allow_private=True) as second,
    ):
        video_id = await fetch(first, f"{source.url}/halves")
        await eventually(lambda: received(first, video_id) == len(DATA) // 2)
        with pytest.raises(Locked):
            await second.services.uploads.receive_whole(video_id, source.pieces())
        source.gate.set()
        assert await outcome(first, video_id) == (VideoState.PROBING, "", "")
        assert await first.source(video_id) == DATA


@asynccontextmanager
async def two_origins(directory: Path) -> AsyncIterator[tuple[Origin, Origin]]:
    """Origins of one installation on two machines: each has a data directory of its own."""
    async with one_of_two(directory, "first") as first, one_of_two(directory, "second") as second:
        yield first, second


def one_of_two(directory: Path, name: str) -> AbstractAsyncContextManager[Origin]:
    return opened(
        directory / name,
        lambda _: SwitchedStore(directory / "store"),
        database_url=f"sqlite:///{directory}/streamer.db",
        fetch_allow_private=True,
    )


def is_fetching(origin: Origin, video_id: str) -> bool:
    return video_id in origin.services.fetches._tasks


async def sweep(origin: Origin, source: SourceServer, video_id: str) -> None:
    """Return when an origin has asked a second time for a video, or has left it alone."""
    await origin.services.reconciler.reconcile()
    await eventually(lambda: len(source.requests) > 1 or not is_fetching(origin, video_id))


async def give_to_another(origin: Origin, video_id: str) -> None:
    """The lease of a fetch has ended, and another origin took it."""
    async with origin.catalog._database.writing() as connection:
        await connection.execute(
            update(tables.fetches)
            .where(tables.fetches.c.video_id == video_id)
            .values(owner="another")
        )


async def test_one_of_two_origins_fetches(tmp_path: Path) -> None:
    async with source_server() as source, two_origins(tmp_path) as (first, second):
        video_id = await fetch(first, f"{source.url}/halves")
        await eventually(lambda: received(first, video_id) == len(DATA) // 2)
        await sweep(second, source, video_id)
        source.gate.set()
        assert await outcome(first, video_id) == (VideoState.PROBING, "", "")
        assert await first.source(video_id) == DATA
        await eventually(lambda: not is_fetching(first, video_id))
        second.services.fetches.start(video_id, f"{source.url}/halves")
        await eventually(lambda: not is_fetching(second, video_id))
        assert source.requests == ["/halves"]


async def test_what_one_origin_has_whole_no_other_fetches(tmp_path: Path) -> None:
    async with source_server() as source, two_origins(tmp_path) as (first, second):
        first.store.is_down = True
        video_id = await fetch(first, f"{source.url}/clip")
        await eventually(lambda: source.requests and not is_fetching(first, video_id))
        await sweep(second, source, video_id)
        await first.services.fetches._leases.release(video_id)
        await first.services.reconciler.reconcile()
        await sweep(second, source, video_id)
        first.store.is_down = False
        await first.services.reconciler.reconcile()
        assert await outcome(second, video_id) == (VideoState.PROBING, "", "")
        assert await second.source(video_id) == DATA
        assert source.requests == ["/clip"]


async def test_another_origin_goes_on_where_one_stopped(tmp_path: Path) -> None:
    async with source_server() as source, one_of_two(tmp_path, "second") as second:
        async with one_of_two(tmp_path, "first") as first:
            video_id = await fetch(first, f"{source.url}/slow")
            await eventually(lambda: source.requests)
        assert first.has_bytes(video_id)
        source.gate.set()
        await second.services.reconciler.reconcile()
        assert await outcome(second, video_id) == (VideoState.PROBING, "", "")
        async with one_of_two(tmp_path, "first") as first:
            await eventually(lambda: not first.has_bytes(video_id))
            assert (await first.video(video_id)).state is VideoState.PROBING


@pytest.mark.parametrize(
    ("path", "is_answered"),
    [("/broken", True), ("/slow", True), ("/slow", False)],
    ids=["fails nothing", "takes nothing in", "waits for nothing"],
)
async def test_an_origin_ends_a_fetch_that_another_took_over(
    trusting: Origin, path: str, is_answered: bool
) -> None:
    async with source_server() as source:
        video_id = await fetch(trusting, f"{source.url}{path}")
        await eventually(lambda: source.requests)
        await give_to_another(trusting, video_id)
        if is_answered:
            source.gate.set()
        await eventually(lambda: not is_fetching(trusting, video_id))
        assert (await trusting.video(video_id)).state is VideoState.UPLOADING


async def test_deleting_the_video_ends_its_fetch(open_origin: OpenOrigin) -> None:
    async with source_server() as source, open_origin(fetch_allow_private=True) as origin:
        video_id = await fetch(origin, f"{source.url}/slow")
        await eventually(lambda: source.requests == ["/slow"])
        assert (await origin.client.delete(f"{VIDEOS}/{video_id}")).status_code == 204
        await eventually(lambda: not origin.has_bytes(video_id))
        await origin.services.deletion.sweep(now=now() + MINUTE)
        assert await origin.catalog.tombstones() == {}


async def test_a_video_that_waits_for_a_fetch_is_made_at_once(
    trusting: Origin, source: SourceServer
) -> None:
    url = f"{source.url}/clip.mp4"
    video = await trusting.services.fetches.create(url, title="", now=now())
    assert (video.state, video.source_url, video.title) == (VideoState.UPLOADING, url, "clip")
