"""What a file of behaviours changes, seen from both sides of a running node."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.behaviour_file import BadBehaviours
from edge.core.fields import Fields
from edge.fill import FillRequest
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script, Seen
from tests.integration.edge.raw_client import RawClient, Reply
from tests.integration.edge.worker_node import WorkerNode, owned_by, running_node, start_node
from tests.servers import free_port

Write = Callable[[str], Path]

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SIGNER = CloudFrontSigner("K1", lambda text: KEY.sign(text, padding.PKCS1v15(), SHA1()))


@pytest_asyncio.fixture
async def other_origin() -> AsyncIterator[CountingOrigin]:
    origin = CountingOrigin()
    await origin.open()
    yield origin
    await origin.close()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Puts a text into the file of behaviours, beside which is the public key."""
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)

    def write(text: str) -> Path:
        file = tmp_path / "behaviours.toml"
        file.write_text(text)
        return file

    return write


async def ask(edge: Edge, target: str, host: str, *fields: str) -> Reply:
    """A GET that names another host than the tests' usual one."""
    async with edge.client() as client:
        return await ask_on(client, target, host, *fields)


async def ask_on(client: RawClient, target: str, host: str, *fields: str) -> Reply:
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *fields, "", ""]
    client.send("\r\n".join(lines).encode())
    return await client.reply()


async def reload(edge: Edge) -> None:
    """Have the file read again; returns when it holds."""
    before = edge.node.site.rules.current
    os.kill(os.getpid(), signal.SIGHUP)
    await edge.until(lambda: edge.node.site.rules.current is not before)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)


def signed(target: str, expires: float) -> str:
    url: str = SIGNER.generate_presigned_url(
        f"https://edge{target}", date_less_than=moment(expires)
    )
    return url.removeprefix("https://edge")


async def test_a_maximum_ends_freshness_early(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    file = write('[[behaviour]]\npath = "/live/*"\nmax_ttl = 2\n')
    edge = await start_edge(behaviours=file)
    origin.scripts["/live/i"] = origin.scripts["/i"] = Script()
    for target in ("/live/i", "/i"):
        await edge.get(target)
    await edge.pass_time(3)
    for target in ("/live/i", "/i"):
        await edge.get(target)
    assert origin.count("/live/i") == 2
    assert origin.count("/i") == 1


async def test_a_minimum_stores_what_the_origin_would_not_have_stored(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    file = write('[[behaviour]]\npath = "/*.png"\nmin_ttl = 30\n')
    edge = await start_edge(behaviours=file)
    origin.scripts["/a.png"] = Script(headers={"Cache-Control": "no-store"})
    assert "stored" in (await edge.get("/a.png")).cache_status
    again = await edge.get("/a.png")
    assert "hit" in again.cache_status
    assert again.headers["cache-control"] == "no-store"
    assert origin.count("/a.png") == 1


async def test_only_what_is_in_the_key_is_forwarded(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    file = write('[[behaviour]]\npath = "/img/*"\nquery = { allow = ["w"] }\n')
    edge = await start_edge(behaviours=file)
    origin.scripts["/img/a?w=1"] = Script()
    await edge.get("/img/a?utm=x&w=1")
    assert "hit" in (await edge.get("/img/a?w=1&utm=y")).cache_status
    assert [seen.target for seen in origin.seen] == ["/img/a?w=1"]


async def test_a_passed_path_is_never_stored(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    file = write('[[behaviour]]\npath = "/dyn/*"\ncache = "pass"\n')
    edge = await start_edge(behaviours=file)
    origin.scripts["/dyn/x"] = Script()
    for _ in range(2):
        assert "fwd=bypass" in (await edge.get("/dyn/x")).cache_status
    assert origin.count("/dyn/x") == 2
    assert not edge.node.cache.entries


async def test_answers_vary_by_what_the_file_names(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    vary_on = 'vary_on = { headers = ["X-Tier"], cookies = ["theme"] }'
    file = write(f'[[behaviour]]\npath = "/p"\n{vary_on}\n')
    edge = await start_edge(behaviours=file)

    def told(seen: Seen) -> Script:
        body = f"{seen.headers.get('x-tier')} {seen.headers.get('cookie')}"
        return Script([body.encode()])

    origin.scripts["/p"] = told
    bodies = [
        (await edge.get("/p", *fields)).body
        for fields in (
            ("X-Tier: 1", "Cookie: sid=a; theme=dark"),
            ("X-Tier: 1", "Cookie: theme=dark; sid=b"),
            ("X-Tier: 1", "Cookie: theme=light"),
            ("X-Tier: 2", "Cookie: theme=dark"),
        )
    ]
    assert bodies == [b"1 theme=dark", b"1 theme=dark", b"1 theme=light", b"2 theme=dark"]
    assert origin.count("/p") == 3


async def test_a_page_of_a_passed_path_is_not_stored_under_another_name(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    stored = '[[behaviour]]\npath = "/img/*"\nmin_ttl = 60\n'
    passed = '[[behaviour]]\npath = "/account/*"\ncache = "pass"\n'
    edge = await start_edge(behaviours=write(stored + passed))
    lure = "/account/..%2fimg/1.png"
    origin.scripts[lure] = lambda seen: Script(
        [f"page of {seen.headers.get('cookie')}".encode()], {"Cache-Control": "private, no-store"}
    )
    assert (await edge.get(lure, "Cookie: user=alice")).body == b"page of user=alice"
    assert (await edge.get(lure)).body == b"page of None"
    assert not edge.node.cache.entries


@pytest.mark.parametrize("ttl", ["min_ttl = 60", "default_ttl = 60"])
async def test_a_page_made_for_a_cookie_is_not_given_to_all(
    start_edge: StartEdge, origin: CountingOrigin, write: Write, ttl: str
) -> None:
    edge = await start_edge(behaviours=write(f'[[behaviour]]\npath = "/pages/*"\n{ttl}\n'))
    origin.scripts["/pages/1"] = lambda seen: Script(
        [f"hello {seen.headers.get('cookie')}".encode()], {"ETag": '"1"'}
    )
    assert (await edge.get("/pages/1", "Cookie: user=alice")).body == b"hello None"
    assert (await edge.get("/pages/1")).body == b"hello None"
    assert origin.count("/pages/1") == 1


async def test_what_a_viewer_claims_is_forwarded_where_it_tells_answers_apart(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    vary_on = 'vary_on = { headers = ["X-Forwarded-Host", "X-HTTP-Method-Override"] }'
    edge = await start_edge(behaviours=write(f'[[behaviour]]\npath = "/p"\n{vary_on}\n'))
    names = ("x-forwarded-host", "x-http-method-override", "x-forwarded-port")
    origin.scripts["/p"] = lambda seen: Script(
        [" ".join(str(seen.headers.get(name)) for name in names).encode()]
    )
    for _ in range(2):
        said = ("X-Forwarded-Host: a", "X-HTTP-Method-Override: b", "X-Forwarded-Port: c")
        assert (await edge.get("/p", *said)).body == b"a b None"
        assert (await edge.get("/p")).body == b"None None None"
    assert origin.count("/p") == 2


async def test_hosts_have_their_own_origins_and_objects(
    start_edge: StartEdge, origin: CountingOrigin, other_origin: CountingOrigin, write: Write
) -> None:
    file = write(
        f'[origins.app]\nurls = ["{other_origin.url}"]\nforward_host = true\n'
        '[[behaviour]]\npath = "*"\nhosts = ["*.app"]\norigin = "app"\n'
    )
    edge = await start_edge(behaviours=file)
    origin.scripts["/x"] = lambda seen: Script([f"main {seen.headers['host']}".encode()])
    other_origin.scripts["/x"] = lambda seen: Script([f"app {seen.headers['host']}".encode()])
    main = f"main 127.0.0.1:{origin.port}".encode()
    for _ in range(2):
        assert (await ask(edge, "/x", "a.app")).body == b"app a.app"
        assert (await ask(edge, "/x", "B.app:80")).body == b"app b.app"
        assert (await ask(edge, "/x", "else")).body == main
        assert (await ask(edge, "/x", "elsewhere")).body == main
    assert (origin.count("/x"), other_origin.count("/x")) == (1, 2)


async def test_an_origin_is_told_the_port_and_its_answers_are_told_apart_by_it(
    start_edge: StartEdge, other_origin: CountingOrigin, write: Write
) -> None:
    file = write(
        f'[origins.app]\nurls = ["{other_origin.url}"]\nforward_host = true\n'
        '[[behaviour]]\npath = "*"\nhosts = ["*.app"]\norigin = "app"\n'
    )
    edge = await start_edge(behaviours=file)
    other_origin.scripts["/x"] = lambda seen: Script([seen.headers["host"].encode()])
    for host in ("a.app:8081", "a.app:9000", "a.app", "A.app:8081"):
        assert (await ask(edge, "/x", host)).body == host.lower().encode()
        passed = await ask(edge, "/x", host, "Cache-Control: no-store")
        assert passed.body == host.lower().encode()
    assert other_origin.count("/x") == 3 + 4


@pytest.mark.parametrize(
    ("hosts", "public_url", "told"),
    [
        ("", "", None),
        ("", "https://cdn.example:8443", "cdn.example:8443"),
        ('hosts = ["edge"]', "https://cdn.example", "edge"),
        ('hosts = ["other"]', "https://cdn.example", "cdn.example"),
        ('hosts = ["other"]', "", None),
    ],
)
async def test_an_origin_is_told_the_host_that_its_answers_may_name_to_all(
    start_edge: StartEdge,
    origin: CountingOrigin,
    write: Write,
    hosts: str,
    public_url: str,
    told: str | None,
) -> None:
    file = write(f'[[behaviour]]\npath = "*"\n{hosts}\n')
    edge = await start_edge(behaviours=file, public_url=public_url)
    for method in ("GET", "POST"):
        await edge.get("/x", "X-Forwarded-Host: evil", "Content-Length: 0", method=method)
    assert [seen.headers.get("x-forwarded-host") for seen in origin.seen] == [told, told]


async def test_hits_in_place_are_those_of_the_connections_host(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    file = write('[[behaviour]]\npath = "/y"\nhosts = ["a", "b"]\n')
    edge = await start_edge(behaviours=file)
    bodies = iter((b"for a", b"for b"))
    origin.scripts["/x"] = lambda _: Script([next(bodies)])
    async with edge.client() as client:
        for host in ("a", "b", "a", "a", "b", "b"):
            assert (await ask_on(client, "/x", host)).body == f"for {host}".encode()
        before = edge.node.metrics.hits
        for _ in range(3):
            assert (await ask_on(client, "/x", "b")).body == b"for b"
        assert edge.node.metrics.hits == before + 3
    assert origin.count("/x") == 2
    smuggled = await ask(edge, "/x host=a", "b")
    assert smuggled.status == 400


async def test_signed_paths_are_for_those_who_have_a_signature(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    file = write('[[behaviour]]\npath = "/m/*"\nsigned_by = { K1 = "key.pem" }\n')
    edge = await start_edge(behaviours=file)
    origin.scripts["/m/film?q=1"] = Script()
    good = signed("/m/film?q=1", time.time() + 60)
    assert (await edge.get(good)).status == 200
    async with edge.client() as client:
        for _ in range(3):
            client.ask(f"{good}&CMCD=bl%3D100")
            again = await client.reply()
            assert again.status == 200
            assert "hit" in again.cache_status
        for bad, why in (
            ("/m/film?q=1", "missing"),
            ("/%6d/film?q=1", "missing"),
            ("/%256d/film?q=1", "other-resource"),
            ("/x/..;/m/film?q=1", "other-resource"),
            (good.replace("film", "other"), "forged"),
            (signed("/m/film?q=1", time.time() - 1), "expired"),
        ):
            client.ask(bad)
            refused = await client.reply()
            assert refused.status == 403
            assert refused.cache_status == f"edge-test; detail=signature-{why}"
            assert refused.headers["cache-control"] == "no-store"
    assert [seen.target for seen in origin.seen] == ["/m/film?q=1"]


def granted(resource: str, target: str) -> str:
    """The cookies of a custom policy, as a field."""
    policy = SIGNER.build_policy(resource, moment(time.time() + 60))
    url: str = SIGNER.generate_presigned_url(f"https://edge{target}", policy=policy)
    said = [f"CloudFront-{part}" for part in url.partition("?")[2].split("&")]
    return f"Cookie: sid=1; {'; '.join(said)}"


async def test_cookies_of_one_signature_open_a_whole_stream(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    edge = await start_edge(
        behaviours=write('[[behaviour]]\npath = "/v/*"\nsigned_by = { K1 = "key.pem" }\n')
    )
    cookies = granted("http*://edge/v/film/*", "/v/film/x")
    for target in ("/v/film/index.m3u8", "/v/film/240p/0.m4s", "/v/other/index.m3u8"):
        origin.scripts[target] = Script()
    for target in ("/v/film/index.m3u8", "/v/film/240p/0.m4s"):
        for outcome in ("fwd=uri-miss", "hit"):
            let_in = await ask(edge, target, "edge", cookies)
            assert (let_in.status, let_in.body) == (200, b"body")
            assert outcome in let_in.cache_status
        refused = await ask(edge, target, "edge")
        assert refused.cache_status == "edge-test; detail=signature-missing"
    refused = await ask(edge, "/v/other/index.m3u8", "edge", cookies)
    assert refused.cache_status == "edge-test; detail=signature-other-resource"
    left = await ask(edge, "/v/film/%2e%2e/other/index.m3u8", "edge", cookies)
    assert left.cache_status == "edge-test; detail=signature-other-resource"
    assert [seen.headers["cookie"] for seen in origin.seen] == ["sid=1"] * 2


async def test_pages_of_a_site_that_is_named_may_send_a_signature_s_cookies(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    file = write(
        '[[behaviour]]\npath = "/v/*"\nsigned_by = { K1 = "key.pem" }\n'
        'allow_origins = ["https://www.shop"]\n'
    )
    edge = await start_edge(behaviours=file)
    cookies = granted("*", "/v/film")
    everybody = {"Access-Control-Allow-Origin": "*", "Vary": "Accept-Encoding"}
    origin.scripts["/v/film"] = Script(headers={"Cache-Control": "max-age=60", **everybody})
    for outcome in ("fwd=uri-miss", "hit"):
        own = await ask(edge, "/v/film", "edge", cookies, "Origin: https://www.shop")
        assert outcome in own.cache_status
        assert own.headers["access-control-allow-origin"] == "https://www.shop"
        assert own.headers["access-control-allow-credentials"] == "true"
        assert own.headers["vary"] == "Accept-Encoding, Origin"
        other = await ask(edge, "/v/film", "edge", cookies, "Origin: https://www.shop.evil")
        assert other.headers["access-control-allow-origin"] == "*"
        assert other.headers["vary"] == "Accept-Encoding, Origin"
        assert "access-control-allow-credentials" not in other.headers
    refused = await ask(edge, "/v/film", "edge", "Origin: https://www.shop")
    assert refused.status == 403
    assert refused.headers["access-control-allow-origin"] == "https://www.shop"


async def test_a_browser_may_ask_without_cookies_what_its_page_may_send(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    file = write(
        '[[behaviour]]\npath = "/v/*"\nsigned_by = { K1 = "key.pem" }\n'
        'allow_origins = ["https://www.shop"]\n'
    )
    edge = await start_edge(behaviours=file)
    origin.scripts["/v/film"] = Script(headers={"Access-Control-Allow-Methods": "GET"})

    async def preflight(*fields: str) -> Reply:
        lines = ["OPTIONS /v/film HTTP/1.1", "Host: edge", *fields, "", ""]
        async with edge.client() as client:
            client.send("\r\n".join(lines).encode())
            return await client.reply()

    wanted = "Access-Control-Request-Method: GET"
    answer = await preflight("Origin: https://www.shop", wanted)
    assert answer.status == 200
    assert answer.headers["access-control-allow-methods"] == "GET"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert (await preflight("Origin: https://other.shop", wanted)).status == 403
    assert (await preflight("Origin: https://www.shop")).status == 403


async def test_other_peoples_signatures_are_passed_and_not_stored(
    edge: Edge, origin: CountingOrigin
) -> None:
    target = "/x?Expires=9&Signature=A&Key-Pair-Id=K"
    origin.scripts[target] = Script()
    for _ in range(2):
        assert "fwd=bypass" in (await edge.get(target)).cache_status
    assert origin.count(target) == 2


async def test_a_reload_holds_from_the_next_request(
    start_edge: StartEdge, origin: CountingOrigin, other_origin: CountingOrigin, write: Write
) -> None:
    file = write('[[behaviour]]\npath = "/keep"\nmax_ttl = 50\n')
    edge = await start_edge(behaviours=file)
    for target in ("/keep", "/moved", "/closed", "/passed"):
        origin.scripts[target] = Script([b"old"])
        await edge.get(target)
    other_origin.scripts["/moved"] = Script([b"new"])
    write(
        f'[origins.new]\nurls = ["{other_origin.url}"]\n'
        '[[behaviour]]\npath = "/keep"\nmax_ttl = 50\n'
        '[[behaviour]]\npath = "/moved"\norigin = "new"\n'
        '[[behaviour]]\npath = "/closed"\nsigned_by = { K1 = "key.pem" }\n'
        '[[behaviour]]\npath = "/passed"\ncache = "pass"\n'
    )
    os.kill(os.getpid(), signal.SIGHUP)
    await edge.until(lambda: list(edge.node.cache.entries) == [b"/keep"])
    assert "hit" in (await edge.get("/keep")).cache_status
    assert (await edge.get("/moved")).body == b"new"
    assert (await edge.get("/closed")).status == 403
    assert "fwd=bypass" in (await edge.get("/passed")).cache_status


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("now", "statuses"),
    [
        ('signed_by = { K1 = "key.pem" }', [403, 403]),
        ('cache = "pass"', [200, 200]),
    ],
)
async def test_what_is_being_fetched_at_a_reload_is_not_stored(
    start_edge: StartEdge,
    origin: CountingOrigin,
    write: Write,
    now: str,
    statuses: list[int],
    method: str,
) -> None:
    edge = await start_edge(behaviours=write(""))
    rest = asyncio.Event()
    made = {"Cache-Control": "max-age=60", "Content-Location": "/film"}
    origin.scripts["/film"] = Script([b"ol", rest, b"d"], made)
    async with edge.client() as first, edge.client() as second:
        first.ask("/film", "Content-Length: 0", method=method)
        await first.head()
        write(f'[[behaviour]]\npath = "/film"\n{now}\n')
        await reload(edge)
        rest.set()
        assert await first.some(3) == b"old"
        await edge.until(lambda: len(edge.node.fills) == 0)
        origin.scripts["/film"] = Script([b"new"])
        replies = [await ask_on(second, "/film", "edge") for _ in statuses]
    assert [reply.status for reply in replies] == statuses
    assert b"old" not in [reply.body for reply in replies]


@pytest.mark.parametrize("restarts", [False, True])
async def test_what_sleeps_under_another_behaviour_is_not_woken(
    start_edge: StartEdge,
    origin: CountingOrigin,
    other_origin: CountingOrigin,
    write: Write,
    tmp_path: Path,
    *,
    restarts: bool,
) -> None:
    def file(source: CountingOrigin) -> Path:
        return write(
            f'[origins.shop]\nurls = ["{source.url}"]\n'
            '[[behaviour]]\npath = "/img/*"\norigin = "shop"\n'
            '[[behaviour]]\npath = "/keep/*"\nmax_ttl = 50\n'
        )

    options = {"cache_dir": tmp_path / "cache", "memory_size": "1M"}
    edge = await start_edge(behaviours=file(origin), **options)
    targets = [f"/{folder}/{n}" for n in range(6) for folder in ("img", "keep")]
    for number, target in enumerate(targets, start=1):
        origin.scripts[target] = Script([b"old" * 60_000])
        other_origin.scripts[target] = Script([b"new" * 60_000])
        await edge.get(target)
        await edge.until(lambda: edge.node.metrics.counters.disk_writes == number)  # noqa: B023
    if restarts:
        await edge.close()
        edge = await start_edge(behaviours=file(other_origin), **options)
    else:
        file(other_origin)
        await reload(edge)
    for target in targets:
        kept = b"new" if target.startswith("/img") else b"old"
        assert (await edge.get(target)).body[:3] == kept
        assert origin.count(target) == 1


async def test_what_was_planned_before_a_reload_is_not_stored_after_it(
    start_edge: StartEdge, origin: CountingOrigin, write: Write
) -> None:
    edge = await start_edge(behaviours=write(""))
    write(
        '[[behaviour]]\npath = "/closed"\nsigned_by = { K1 = "key.pem" }\n'
        '[[behaviour]]\npath = "/passed"\ncache = "pass"\n'
    )
    await reload(edge)
    for target in ("/closed", "/passed", "/open"):
        origin.scripts[target] = Script()
        edge.node.fills.start(FillRequest(target.encode(), Fields()))
    await edge.until(lambda: len(edge.node.fills) == 0)
    assert list(edge.node.cache.entries) == [b"/open"]


async def test_a_bad_file_changes_nothing_while_viewers_are_served(
    start_edge: StartEdge, origin: CountingOrigin, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    file = write('[[behaviour]]\npath = "/a"\ncache = "pass"\n')
    edge = await start_edge(behaviours=file)
    origin.scripts["/a"] = Script()
    write('[[behaviour]]\npath = "/a"\ncache = "store"\nmin_tll = 1\n')
    os.kill(os.getpid(), signal.SIGHUP)
    await edge.until(lambda: edge.node.metrics.counters.behaviour_reloads_failed == 1)
    assert f"{file}:4: [[behaviour]] 1: unknown key min_tll" in caplog.text
    assert "fwd=bypass" in (await edge.get("/a")).cache_status


async def test_a_node_does_not_begin_with_a_bad_file(start_edge: StartEdge, write: Write) -> None:
    file = write("[[behaviour]]\n")
    with pytest.raises(BadBehaviours):
        await start_edge(behaviours=file)


async def test_all_workers_of_a_node_do_as_the_file_says(
    origin: CountingOrigin, other_origin: CountingOrigin, write: Write, tmp_path: Path
) -> None:
    closed = '[[behaviour]]\npath = "/m-*"\nsigned_by = { K1 = "key.pem" }\n'
    app = (
        f'[origins.app]\nurls = ["{other_origin.url}"]\nforward_host = true\n'
        '[[behaviour]]\npath = "*"\nhosts = ["app"]\norigin = "app"\n'
    )
    file = write(closed + app)
    target, members = owned_by(1, "x"), owned_by(1, "m")
    origin.scripts[members] = Script()
    other_origin.scripts[target] = lambda seen: Script([seen.headers["host"].encode()])
    async with running_node(origin.url, tmp_path / "log", "--behaviours", str(file)) as node:
        for worker in (0, 1, 0):
            async with node.client(worker) as client:
                assert (await ask_on(client, target, "app")).body == b"app"
                assert (await ask_on(client, members, "edge")).status == 403
                let_in = await ask_on(client, signed(members, time.time() + 60), "edge")
                assert (let_in.status, let_in.body) == (200, b"body")
        assert (other_origin.count(target), origin.count(members)) == (1, 1)
        write(closed + app + "[[behaviour]]\n")
        node.process.send_signal(signal.SIGHUP)
        await node.until_metric("edge_behaviour_reloads_failed_total", 1)
        write(app)
        node.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(10):
            for worker in (0, 1):
                while (await node.get(worker, members)).status == 403:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)


async def test_what_one_worker_forgets_at_a_reload_it_does_not_get_back_from_another(
    origin: CountingOrigin, other_origin: CountingOrigin, write: Write, tmp_path: Path
) -> None:
    def file(source: CountingOrigin) -> Path:
        shop = f'[origins.shop]\nurls = ["{source.url}"]\n'
        return write(f'{shop}[[behaviour]]\npath = "*"\norigin = "shop"\n')

    targets = [owned_by(worker, stem) for worker in (0, 1) for stem in ("x", "y")]
    for target in targets:
        origin.scripts[target], other_origin.scripts[target] = Script([b"a"]), Script([b"b"])
    path = file(origin)
    async with running_node(origin.url, tmp_path / "log", "--behaviours", str(path)) as node:

        async def bodies(worker: int) -> set[bytes]:
            return {(await node.get(worker, target)).body for target in targets}

        async def reread(worker: int) -> None:
            async with node.control(worker) as control:
                assert await control.take_in({str(path): path.read_text()})

        assert [await bodies(worker) for worker in (0, 1)] == [{b"a"}, {b"a"}]
        file(other_origin)
        await reread(0)
        assert [await bodies(worker) for worker in (0, 1)] == [{b"b"}, {b"a"}]
        await reread(1)
        assert [await bodies(worker) for worker in (0, 1)] == [{b"b"}, {b"b"}]
        file(origin)
        await reread(1)
        assert [await bodies(worker) for worker in (0, 1)] == [{b"b"}, {b"a"}]
        await reread(0)
        assert [await bodies(worker) for worker in (0, 1)] == [{b"a"}, {b"a"}]
    assert not any("streamer-behaviours" in one.headers for one in origin.seen)


@pytest.mark.slow
async def test_a_worker_that_is_started_anew_goes_by_what_the_others_go_by(
    origin: CountingOrigin, write: Write, tmp_path: Path
) -> None:
    file = write('[[behaviour]]\npath = "*"\nmin_ttl = 60\n')
    log = tmp_path / "log"
    targets = [owned_by(worker, "x") for worker in (0, 1)]
    for target in targets:
        origin.scripts[target] = Script(headers={"Cache-Control": "no-store"})
    async with running_node(origin.url, log, "--behaviours", str(file)) as node:
        write("[[behaviour]]\n")
        node.process.send_signal(signal.SIGHUP)
        await node.until_metric("edge_behaviour_reloads_failed_total", 1)
        pid = node.pid(0)
        os.kill(pid, signal.SIGKILL)
        await node.until(lambda: node.pid(0) not in (0, pid))
        await node.until_ready()
        for target in targets:
            for worker in (0, 1):
                await node.get(worker, target)
            assert origin.count(target) == 1
        assert await node.metric("edge_worker_starts_total", 'worker="0"') == 2


@pytest.mark.slow
async def test_a_hangup_while_workers_begin_is_heeded_once_they_have_begun(
    origin: CountingOrigin, other_origin: CountingOrigin, write: Write, tmp_path: Path
) -> None:
    def file(source: CountingOrigin) -> Path:
        shop = f'[origins.shop]\nurls = ["{source.url}"]\n'
        return write(f'{shop}[[behaviour]]\npath = "*"\norigin = "shop"\n')

    for source, body in ((origin, b"old"), (other_origin, b"new")):
        source.scripts["/x"] = Script([body], {"Cache-Control": "no-store"})
    port, admin_port = free_port(), free_port()
    options = ("--behaviours", str(file(origin)))
    process = await start_node(tmp_path / "log", origin.url, port, admin_port, *options)
    node = WorkerNode(process, port, admin_port)
    try:
        await node.until(lambda: bool(node.pid(0)))
        file(other_origin)
        for number in (0, 1):
            await node.until(lambda: bool(node.pid(number)))  # noqa: B023
        process.send_signal(signal.SIGHUP)
        await node.until_ready()
        async with asyncio.timeout(30):
            for worker in (0, 1):
                while (await node.get(worker, "/x")).body != b"new":
                    pass
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_parents_are_told_the_host_and_not_asked_for_what_is_signed(
    start_edge: StartEdge, origin: CountingOrigin, other_origin: CountingOrigin, write: Write
) -> None:
    file = write(
        f'[origins.app]\nurls = ["{other_origin.url}"]\nforward_host = true\n'
        '[[behaviour]]\npath = "/m/*"\nsigned_by = { K1 = "key.pem" }\n'
        '[[behaviour]]\npath = "*"\nhosts = ["app"]\norigin = "app"\n'
    )
    shield = await start_edge(behaviours=file, region="shield")
    edge = await start_edge(
        behaviours=file,
        parents=f"http://127.0.0.1:{shield.port}",
        public_url="http://edge.test",
    )
    other_origin.scripts["/x"] = lambda seen: Script([seen.headers["host"].encode()])
    origin.scripts["/m/film"] = Script()
    answer = await ask(edge, "/x", "app")
    assert answer.body == b"app"
    assert "edge-shield" in answer.cache_status
    let_in = await edge.get(signed("/m/film", time.time() + 60))
    assert let_in.status == 200
    assert "edge-shield" not in let_in.cache_status
