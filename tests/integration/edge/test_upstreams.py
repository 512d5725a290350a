"""Several upstreams: order, failover, health, loops; each a real server that counts."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import pytest_asyncio
import trustme
from prometheus_client.parser import text_string_to_metric_families

from edge.core.breaker import Closed, HalfOpen, Open
from edge.core.route import rank
from edge.origins import Origins
from edge.upstream import Upstream
from edge.upstreams import Upstreams
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CLOSE, CountingOrigin, Script, Seen
from tests.servers import free_port

StartOrigin = Callable[..., Awaitable[CountingOrigin]]

LASTING = Open(until=float("inf"), times=1)


@pytest_asyncio.fixture
async def start_origin() -> AsyncIterator[StartOrigin]:
    async with AsyncExitStack() as stack:

        async def start(tls: ssl.SSLContext | None = None) -> CountingOrigin:
            origin = CountingOrigin()
            await origin.open(tls=tls)
            stack.push_async_callback(origin.close)
            return origin

        yield start


def _upstreams(edge: Edge) -> Upstreams:
    origins = edge.node.fills._upstream
    assert isinstance(origins, Origins)
    return origins._named[None]


async def _figures(edge: Edge, metric: str) -> dict[tuple[str, str], float]:
    """A metric's samples, by upstream and kind."""
    _, text = await edge.admin("/metrics")
    return {
        (sample.labels["upstream"], sample.labels.get("kind", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == metric and sample.labels.get("le") in (None, "+Inf")
    }


async def test_backup_origin_answers_for_one_that_is_gone_or_ill(
    start_edge: StartEdge, origin: CountingOrigin, start_origin: StartOrigin
) -> None:
    backup = await start_origin()
    edge = await start_edge(backup_origins=backup.url)
    origin.scripts["/503"] = Script([b"no"], status=503)
    origin.scripts["/502"] = Script([b"no"], status=502)
    origin.scripts["/closes"] = _hang_up
    for target in ("/503", "/502", "/closes", "/gone"):
        backup.scripts[target] = Script([b"from backup"])
    origin.scripts["/fine"] = Script([b"from origin"])
    assert (await edge.get("/fine")).body == b"from origin"
    for target in ("/503", "/502", "/closes"):
        assert (await edge.get(target)).body == b"from backup"
    await origin.close()
    assert (await edge.get("/gone")).body == b"from backup"
    assert backup.count("/fine") == 0
    failures = await _figures(edge, "edge_upstream_failures_total")
    assert failures[origin.url, "protocol"] == 1
    assert failures[origin.url, "connect"] == 1
    requests = await _figures(edge, "edge_upstream_requests_total")
    assert requests == {(origin.url, ""): 5, (backup.url, ""): 4}
    assert (await _figures(edge, "edge_upstream_error_answers_total"))[origin.url, ""] == 2
    heads = await _figures(edge, "edge_upstream_first_byte_seconds_count")
    assert heads == {(origin.url, ""): 3, (backup.url, ""): 4}


async def _hang_up(_: object) -> Script:
    raise ConnectionError


async def test_silent_origin_is_left_for_the_backup_within_one_deadline(
    start_edge: StartEdge, origin: CountingOrigin, start_origin: StartOrigin
) -> None:
    backup, silent = await start_origin(), Script(before=asyncio.Event())
    edge = await start_edge(backup_origins=backup.url, first_byte_timeout_seconds=1)
    origin.scripts["/a"] = silent
    backup.scripts["/a"] = Script([b"from backup"])
    assert (await edge.get("/a")).body == b"from backup"
    edge = await start_edge(backup_origins=backup.url, fetch_timeout_seconds=0.2)
    reply = await edge.get("/a")
    assert (reply.status, backup.count("/a")) == (504, 1)
    assert "detail=upstream-timeout" in reply.cache_status


async def test_last_error_is_the_answer_when_all_are_ill(
    start_edge: StartEdge, origin: CountingOrigin, start_origin: StartOrigin
) -> None:
    backup = await start_origin()
    edge = await start_edge(backup_origins=backup.url)
    origin.scripts["/a"] = Script([b"first"], {"Cache-Control": "no-store"}, status=502)
    backup.scripts["/a"] = Script([b"second"], {"Cache-Control": "no-store"}, status=503)
    reply = await edge.get("/a")
    assert (reply.status, reply.body) == (503, b"second")
    await backup.close()
    reply = await edge.get("/a")
    assert (reply.status, reply.body) == (502, b"first")
    assert (origin.count("/a"), backup.count("/a")) == (2, 1)


async def test_request_with_a_body_is_sent_once(
    start_edge: StartEdge, origin: CountingOrigin, start_origin: StartOrigin
) -> None:
    backup = await start_origin()
    edge = await start_edge(backup_origins=backup.url)
    origin.scripts["/ill"] = Script([b"no"], status=503)
    origin.scripts["/closes"] = _hang_up
    for method in ("POST", "PUT"):
        for target, status in (("/ill", 503), ("/closes", 502)):
            async with edge.client() as client:
                client.ask(target, "Content-Length: 4", method=method)
                client.send(b"body")
                assert (await client.reply()).status == status
    assert [seen.body for seen in origin.seen] == [b"body"] * 4
    assert backup.seen == []
    await origin.close()  # where nothing could be sent, sending is no repetition
    backup.scripts["/gone"] = Script([b"took it"])
    async with edge.client() as client:
        client.ask("/gone", "Content-Length: 4", method="POST")
        client.send(b"body")
        assert (await client.reply()).body == b"took it"
    assert backup.seen[0].body == b"body"


async def test_breaker_opens_spares_the_origin_and_closes_again(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(breaker_failures=2, negative_ttl_seconds=0)
    traffic = _upstreams(edge).traffic[origin.url]
    origin.scripts["/a"] = origin.scripts["/b"] = _hang_up
    for target in ("/a", "/b"):
        assert "detail=upstream-protocol" in (await edge.get(target)).cache_status
    assert isinstance(traffic.breaker, Open)
    del origin.scripts["/b"]
    traffic.breaker = LASTING
    asked = origin.count("/a")
    for _ in range(5):
        reply = await edge.get("/a")
        assert (reply.status, "detail=upstream-open" in reply.cache_status) == (502, True)
    assert origin.count("/a") == asked
    assert (await _figures(edge, "edge_upstream_breaker"))[origin.url, ""] == 2
    traffic.breaker = Open(until=0.0, times=1)
    gate = asyncio.Event()
    origin.scripts["/a"] = Script([b"back"], before=gate)
    probe = asyncio.create_task(edge.get("/a"))
    await origin.arrived("/a", asked + 1)
    assert isinstance(traffic.breaker, HalfOpen)
    assert "detail=upstream-open" in (await edge.get("/b")).cache_status
    gate.set()
    assert (await probe).body == b"back"
    assert (await _figures(edge, "edge_upstream_breaker"))[origin.url, ""] == 0
    assert (await edge.get("/b")).status == 404


async def test_one_broken_or_slow_page_takes_no_other_down(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(breaker_failures=2, first_byte_timeout_seconds=0.5)
    origin.scripts["/closes"] = _hang_up
    origin.scripts["/slow"] = Script(before=asyncio.Event())
    for target, status in (("/closes", 502), ("/slow", 504)):
        for _ in range(3):
            assert (await edge.get(target)).status == status
        assert (await edge.get("/other")).status == 404
    traffic = _upstreams(edge).traffic[origin.url]
    traffic.breaker = Open(until=0.0, times=1)
    assert (await edge.get("/closes")).status == 502  # it finds out nothing
    assert (await edge.get("/fine")).status == 404


async def test_origin_that_cannot_be_reached_is_left_alone_whatever_is_asked_for(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(breaker_failures=2)
    await origin.close()
    assert (await edge.get("/a")).status == 502
    assert isinstance(_upstreams(edge).traffic[origin.url].breaker, Open)


async def test_certificate_that_is_not_trusted_is_told_from_an_origin_that_is_down(
    start_edge: StartEdge,
    origin: CountingOrigin,
    start_origin: StartOrigin,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    unknown = await start_origin(tls)
    url = f"https://127.0.0.1:{unknown.port}"
    edge = await start_edge(origin=url)
    for target in ("/a", "/b"):
        reply = await edge.get(target)
        assert (reply.status, "detail=upstream-tls" in reply.cache_status) == (502, True)
    said = [one for one in caplog.messages if one.startswith(f"no TLS with {url}: ")]
    assert said == [f"no TLS with {url}: unable to get local issuer certificate"]
    assert (await _figures(edge, "edge_upstream_failures_total"))[url, "tls"] == 4
    edge = await start_edge(origin=url, backup_origins=origin.url)
    async with edge.client() as client:
        client.ask("/a", "Content-Length: 0", method="POST")  # nothing of it was sent before
        assert (await client.reply()).status == 404


async def test_open_breaker_gives_the_stale_object_at_once(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(breaker_failures=1)
    origin.scripts["/a"] = Script([b"good"])
    await edge.get("/a")
    await edge.pass_time(61)
    origin.scripts["/a"] = _hang_up
    traffic = _upstreams(edge).traffic[origin.url]
    for detail in ("upstream-protocol", "upstream-open"):
        reply = await edge.get("/a")
        assert (reply.status, reply.body) == (200, b"good")
        assert f"detail={detail}" in reply.cache_status
        assert isinstance(traffic.breaker, Open)
        traffic.breaker = LASTING


async def test_viewer_that_leaves_during_the_probe_lets_the_next_find_out(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge()
    traffic = _upstreams(edge).traffic[origin.url]
    traffic.breaker = Open(until=0.0, times=3)
    origin.scripts["/a"] = Script(before=asyncio.Event())
    async with edge.client() as client:
        client.ask("/a")
        await origin.arrived("/a")
    await edge.until(lambda: isinstance(traffic.breaker, Open))
    own = {"Cache-Control": "no-store"}
    origin.scripts["/a"] = Script([b"half", asyncio.Event()], own, length=1000)
    async with edge.client() as client:
        client.ask("/a")
        await client.head()
        assert isinstance(traffic.breaker, HalfOpen)
    await edge.until(lambda: isinstance(traffic.breaker, Open))
    assert (await edge.get("/b")).status == 404
    assert isinstance(traffic.breaker, Closed)


BROKEN_BODIES = {
    "cut": Script([b"half", CLOSE], length=1000),
    "cut, without a length": Script([b"half", CLOSE], length=-1),
    "passed and cut": Script([b"half", CLOSE], {"Cache-Control": "no-store"}, length=1000),
    "stalled": Script([b"half", asyncio.Event()], length=1000),
}


@pytest.mark.parametrize("broken", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
async def test_parent_whose_bodies_break_off_is_left_alone(
    start_edge: StartEdge, origin: CountingOrigin, start_origin: StartOrigin, broken: Script
) -> None:
    parent = await start_origin()
    edge = await start_edge(parents=parent.url, breaker_failures=2, read_timeout_seconds=0.2)
    traffic = _upstreams(edge).traffic[parent.url]
    for target in ("/a", "/b", "/c", "/d"):
        parent.scripts[target] = broken
        origin.scripts[target] = Script([b"whole"])
    for target in ("/a", "/a", "/b"):  # what is broken may be one object alone
        assert isinstance(traffic.breaker, Closed)
        assert not (await edge.get(target)).is_whole
    assert isinstance(traffic.breaker, Open)
    traffic.breaker = LASTING
    assert (await edge.get("/c")).body == b"whole"
    assert (await _figures(edge, "edge_upstream_failures_total"))[parent.url, "truncated"] == 3
    traffic.breaker = Open(until=0.0, times=1)
    assert not (await edge.get("/d")).is_whole
    assert traffic.breaker.times == 2


async def test_a_whole_body_or_one_that_lasts_lets_all_ask_again(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge()
    traffic = _upstreams(edge).traffic[origin.url]
    traffic.limits = replace(traffic.limits, lasting_seconds=0.05)
    gates = {"/whole": asyncio.Event(), "/events": asyncio.Event()}
    for target, gate in gates.items():
        fields = {"Cache-Control": "no-store"}
        length = -1 if target == "/events" else 8
        origin.scripts[target] = Script([b"some", gate, b"more"], fields, length=length)
        traffic.breaker = Open(until=0.0, times=1)
        async with edge.client() as client:
            client.ask(target)
            await client.head()
            if target == "/whole":
                assert isinstance(traffic.breaker, HalfOpen)
                gate.set()
            await edge.until(lambda: isinstance(traffic.breaker, Closed))
    assert (await _figures(edge, "edge_upstream_failures_total"))[origin.url, "truncated"] == 0


BAD_BODIES = {
    "ill-framed": ("Transfer-Encoding: chunked", b"3\r\nabc\r\nZZ\r\n", 400),
    "too long": ("Transfer-Encoding: chunked", b"800\r\n" + b"x" * 2048 + b"\r\n", 413),
    "too slow": ("Content-Length: 1000", b"abc", 408),
}


@pytest.mark.parametrize("bad", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_what_is_wrong_with_a_viewers_body_is_no_fault_of_the_upstream(
    start_edge: StartEdge, origin: CountingOrigin, bad: tuple[str, bytes, int]
) -> None:
    field, body, status = bad
    edge = await start_edge(breaker_failures=1, max_request_body="1K", body_timeout_seconds=0.2)
    traffic = _upstreams(edge).traffic[origin.url]
    for breaker in (Closed(), Open(until=0.0, times=1)):
        traffic.breaker = breaker
        async with edge.client() as client:
            client.ask("/up", field, method="POST")
            client.send(body)
            assert (await client.reply()).status == status
        assert traffic.is_healthy
        assert isinstance(traffic.breaker, type(breaker))
    assert set((await _figures(edge, "edge_upstream_failures_total")).values()) == {0}


async def test_connections_to_an_upstream_are_bounded_and_waiting_has_an_end(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(upstream_connections=2, upstream_queue_seconds=0.3)
    gate = asyncio.Event()
    for target in ("/a", "/b", "/c"):
        origin.scripts[target] = Script([b"body"], before=gate)
    asks = [asyncio.create_task(edge.get(target)) for target in ("/a", "/b")]
    await asyncio.gather(origin.arrived("/a"), origin.arrived("/b"))
    reply = await edge.get("/c")
    assert (reply.status, "detail=upstream-busy" in reply.cache_status) == (502, True)
    assert (origin.count("/c"), _upstreams(edge).traffic[origin.url].is_healthy) == (0, True)
    upstream = _upstreams(edge).traffic[origin.url].source
    assert isinstance(upstream, Upstream)
    object.__setattr__(upstream._limits, "queue_seconds", 30)
    waiting = asyncio.create_task(edge.get("/c"))
    await edge.until(lambda: len(edge.node.fills) == 3)
    gate.set()
    assert {(await ask).status for ask in (*asks, waiting)} == {200}


async def test_siblings_fetch_an_object_once_and_one_that_is_gone_is_left_out(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    ports = [free_port() for _ in range(3)]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    edges = {
        url: await start_edge(port=port, parents=",".join(urls), region=f"r{number}")
        for number, (url, port) in enumerate(zip(urls, ports, strict=True))
    }
    targets = [f"/{number}" for number in range(12)]
    for target in targets:
        origin.scripts[target] = Script([target.encode()])
    for target in targets:
        for url in urls:
            assert (await edges[url].get(target)).body == target.encode()
        owner = edges[rank(target.encode(), urls)[0]]
        other = edges[rank(target.encode(), urls)[1]]
        status = (await other.get(target)).cache_status
        assert status.startswith(f"{owner.node.settings.name};")
        assert origin.count(target) == 1
    through = origin.seen[-1].headers["cdn-loop"]
    assert 1 <= through.count("streamer;node=edge-r") <= 2
    gone = urls[0]
    await edges[gone].close()
    owned = next(f"/x{n}" for n in range(1000) if rank(f"/x{n}".encode(), urls)[0] == gone)
    origin.scripts[owned] = Script([b"without the owner"])
    for url in rank(owned.encode(), urls)[1:]:
        assert (await edges[url].get(owned)).body == b"without the owner"
    assert origin.count(owned) == 1


async def test_what_came_through_another_edge_goes_to_the_origin(
    start_edge: StartEdge, origin: CountingOrigin, start_origin: StartOrigin
) -> None:
    parent = await start_origin()
    edge = await start_edge(parents=parent.url)
    for server in (origin, parent):
        server.scripts["/a"] = Script([b"body"], {"Cache-Control": "no-store"})
    await edge.get("/a")
    await edge.get("/a", "CDN-Loop: other.example")
    assert (parent.count("/a"), origin.count("/a")) == (2, 0)
    await edge.get("/a", "CDN-Loop: streamer;node=edge-x-1")
    assert (parent.count("/a"), origin.count("/a")) == (2, 1)


async def test_idle_connection_that_the_origin_has_closed_is_no_failure(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge()
    answers = [Script([b"one"], {"Cache-Control": "no-store"})]

    async def once_each_connection(_: object) -> Script:
        if len(answers) % 2 == 0:
            answers.append(answers[0])
            raise ConnectionError
        answers.append(answers[0])
        return answers[0]

    origin.scripts["/a"] = once_each_connection
    for _ in range(4):
        reply = await edge.get("/a")
        assert (reply.status, reply.body) == (200, b"one")
    assert origin.count("/a") > 4


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate", "negotiate"])
async def test_who_is_logged_in_with_a_connection_has_it_alone(
    edge: Edge, origin: CountingOrigin, scheme: str
) -> None:
    users: dict[int, str] = {}

    def mailbox(seen: Seen) -> Script:
        if "authorization" in seen.headers:
            users[seen.port] = seen.headers["authorization"].partition(" ")[2]
        user = users.get(seen.port)
        if user is None:
            return Script([b"log in"], {"WWW-Authenticate": scheme}, status=401)
        return Script([f"mailbox of {user}".encode()], {"Cache-Control": "private"})

    origin.scripts["/mail"] = mailbox
    assert (await edge.get("/mail")).status == 401
    reply = await edge.get("/mail", f"Authorization: {scheme} alice")
    assert reply.body == b"mailbox of alice"
    assert (await edge.get("/mail")).status == 401
    assert len({seen.port for seen in origin.seen}) == 2
