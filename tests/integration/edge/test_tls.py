"""HTTPS on real sockets: certificates by name, their reload, and the same HTTP inside."""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain as chained
from pathlib import Path
from typing import cast

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID
from typer.testing import CliRunner, Result

from edge.certificates import Certificates
from edge.errors import BadCertificate
from edge.in_force import InForce, read_from
from edge.metrics import Counters
from edge.settings import EdgeSettings
from streamer.cli import app
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script
from tests.integration.edge.raw_client import RawClient
from tests.servers import free_port


class Authority:
    """Issues certificates into a directory and trusts them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ca = trustme.CA()

    def issue(
        self,
        file: str,
        *names: str,
        key_type: trustme.KeyType = trustme.KeyType.ECDSA,
        until: datetime | None = None,
    ) -> dict[str, tuple[Path, Path]]:
        """Write a certificate for some names; returns the pair under its file's name."""
        issued = self._ca.issue_cert(*names, key_type=key_type, not_after=until)
        chain, key = self._directory / f"{file}.pem", self._directory / f"{file}.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return {file: (chain, key)}

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def _reload(edge: Edge) -> None:
    """Have the certificates read again; returns when they are the ones that viewers meet."""
    certificates = edge.node.certificates
    assert certificates is not None
    before = certificates.doubts
    os.kill(os.getpid(), signal.SIGHUP)
    await edge.until(lambda: certificates.doubts is not before)


def _options(pairs: dict[str, tuple[Path, Path]]) -> dict[str, object]:
    chains, keys = zip(*pairs.values(), strict=True)
    return {"tls_cert": chains, "tls_key": keys}


def _client(edge: Edge, authority: Authority, name: str = "edge") -> RawClient:
    return RawClient(edge.port, tls=authority.context(), name=name)


def _tls(client: RawClient) -> ssl.SSLObject:
    found = client.writer.get_extra_info("ssl_object")
    assert isinstance(found, ssl.SSLObject)
    return found


def _names(client: RawClient) -> set[str]:
    certificate = _tls(client).getpeercert()
    assert certificate is not None
    names = cast(tuple[tuple[str, str], ...], certificate["subjectAltName"])
    return {name for _, name in names}


@contextmanager
def _refused() -> Iterator[None]:
    """The handshake comes to nothing, said by an alert or by the end of the connection."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        yield


async def test_hits_misses_and_bodies_are_the_same_inside_tls(
    start_edge: StartEdge, authority: Authority, origin: CountingOrigin
) -> None:
    edge = await start_edge(**_options(authority.issue("a", "edge")))
    body = os.urandom(3_000_000)
    origin.scripts["/a"] = Script([body])
    origin.scripts["/echo"] = lambda seen: Script([seen.body], {})
    async with _client(edge, authority) as client:
        for _ in range(3):
            client.ask("/a")
            assert (await client.reply()).body == body
        client.ask("/echo", f"Content-Length: {len(body)}", method="PUT")
        client.send(body)
        assert (await client.reply()).body == body
    assert edge.node.metrics.hits == 2
    assert origin.seen[0].headers["x-forwarded-proto"] == "https"
    assert origin.seen[1].headers["x-forwarded-proto"] == "https"


async def test_what_is_fetched_ahead_says_https_too(
    start_edge: StartEdge, authority: Authority, origin: CountingOrigin
) -> None:
    edge = await start_edge(**_options(authority.issue("a", "edge")))
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:EVENT\n"
    playlist += "".join(f"#EXTINF:1,\n{n}.ts\n" for n in range(3))
    origin.scripts["/v/i.m3u8"] = Script([playlist.encode()], {"Cache-Control": "max-age=1"})
    for number in range(3):
        origin.scripts[f"/v/{number}.ts"] = Script([b"segment"])
    async with _client(edge, authority) as client:
        for target in ("/v/i.m3u8", "/v/0.ts", "/v/0.ts", "/v/1.ts"):
            client.ask(target)
            await client.reply()
            await edge.until(lambda: not len(edge.node.fills))
        await origin.arrived("/v/2.ts")
        await origin.arrived("/v/i.m3u8", 2)
    assert {seen.headers["x-forwarded-proto"] for seen in origin.seen} == {"https"}


@pytest.mark.parametrize(
    ("trusted", "told"), [("127.0.0.1", "https"), ("192.0.2.0/24,::1", "http"), ("", "http")]
)
async def test_plain_shield_believes_edges_that_it_is_told_of(
    start_edge: StartEdge, authority: Authority, origin: CountingOrigin, trusted: str, told: str
) -> None:
    origin.scripts["/a"] = Script([b"shared"])
    shield = await start_edge(trusted_proxies=trusted, region="shield")
    parents = f"http://127.0.0.1:{shield.port}"
    edge = await start_edge(parents=parents, **_options(authority.issue("a", "edge")))
    async with _client(edge, authority) as client:
        for method, target in (("GET", "/a"), ("POST", "/b")):
            client.ask(target, "Content-Length: 0", method=method)
            await client.reply()
    assert [seen.headers["x-forwarded-proto"] for seen in origin.seen] == [told, told]


async def test_viewers_do_not_say_how_they_came(
    start_edge: StartEdge, authority: Authority, origin: CountingOrigin
) -> None:
    edge = await start_edge(trusted_proxies="::1", **_options(authority.issue("a", "edge")))
    async with _client(edge, authority) as client:
        client.ask("/a", "X-Forwarded-Proto: http")
        await client.reply()
    assert origin.seen[0].headers["x-forwarded-proto"] == "https"


async def test_only_tls_1_2_and_later_with_http_1_1(
    start_edge: StartEdge, authority: Authority
) -> None:
    edge = await start_edge(**_options(authority.issue("a", "edge")))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.context()
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2", "http/1.1"])
        async with RawClient(edge.port, tls=context, name="edge") as client:
            assert _tls(client).selected_alpn_protocol() == "http/1.1"
            client.ask("/none")
            assert (await client.reply()).status == 404
    old = authority.context()
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with _refused():
        async with RawClient(edge.port, tls=old, name="edge"):
            pass
    await edge.until(lambda: edge.node.metrics.counters.tls_handshakes_failed == 1)


async def test_certificate_is_chosen_by_name(start_edge: StartEdge, authority: Authority) -> None:
    pairs = authority.issue("a", "edge") | authority.issue("b", "*.example.org", "example.org")
    edge = await start_edge(**_options(pairs))
    for name, certificate in (
        ("edge", {"edge"}),
        ("video.example.org", {"*.example.org", "example.org"}),
        ("EXAMPLE.ORG", {"*.example.org", "example.org"}),
    ):
        async with _client(edge, authority, name) as client:
            assert _names(client) == certificate
    careless = authority.context()
    careless.check_hostname = False
    async with RawClient(edge.port, tls=careless, name="unknown.test") as client:
        assert _names(client) == {"edge"}


async def test_viewers_choose_among_types_of_keys(
    start_edge: StartEdge, authority: Authority
) -> None:
    rsa = authority.issue("rsa", "edge", key_type=trustme.KeyType.RSA)
    edge = await start_edge(**_options(rsa | authority.issue("ecdsa", "edge", "other")))
    for name, kind in (("edge", "ECDSA"), ("edge", "RSA"), ("other", "ECDSA")):
        context = authority.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
        async with RawClient(edge.port, tls=context, name=name) as client:
            assert ("other" in _names(client)) is (kind == "ECDSA")


def test_a_certificate_that_is_never_used_or_has_expired_is_told(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    ended = datetime(2020, 1, 1, tzinfo=UTC)
    pairs = authority.issue("a", "edge") | authority.issue("b", "edge", until=ended)
    InForce(EdgeSettings(**_options(pairs)), Counters())  # type: ignore[arg-type]
    chain = pairs["b"][0]
    doubts = [f"{chain} is never used: others come first", f"{chain} has expired"]
    assert caplog.messages == [f"certificates: {doubt}" for doubt in doubts]
    checked = _checked(pairs)
    assert checked.exit_code == 0
    assert checked.stderr.splitlines() == [f"streamer: {doubt}" for doubt in doubts]


def test_a_check_finds_a_certificate_that_cannot_be_used(authority: Authority) -> None:
    (chain, _), (_, key) = authority.issue("a", "edge")["a"], authority.issue("b", "edge")["b"]
    checked = _checked({"a": (chain, key)})
    assert checked.exit_code == 2
    assert checked.stderr.splitlines() == [f"streamer: {chain} with {key}: key values mismatch"]


def test_a_certificate_whose_names_cannot_be_read_cannot_be_used(
    authority: Authority, tmp_path: Path
) -> None:
    chain, key = authority.issue("a", "edge")["a"]
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    itself = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge")])
    names = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"edge")
    builder = x509.CertificateBuilder(itself, itself, private.public_key(), 1)
    begins, ends = datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
    lasting = builder.not_valid_before(begins).not_valid_after(ends)
    issued = lasting.add_extension(names, critical=False).sign(private, hashes.SHA256())
    chain.write_bytes(issued.public_bytes(serialization.Encoding.PEM))
    checked = _checked({"a": (chain, key)})
    assert checked.exit_code == 2
    assert checked.stderr.splitlines() == [f"streamer: {chain}: not a certificate in PEM"]


def _checked(pairs: dict[str, tuple[Path, Path]]) -> Result:
    """What `streamer edge --check` says of certificates."""
    files = (("--tls-cert", str(chain), "--tls-key", str(key)) for chain, key in pairs.values())
    options = ["--origin", "http://127.0.0.1:1", "--region", "x", *chained.from_iterable(files)]
    return CliRunner().invoke(app, ["edge", "--check", *options], env={"COLUMNS": "1000"})


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_sessions_resume_also_after_a_reload(
    start_edge: StartEdge,
    authority: Authority,
    origin: CountingOrigin,
    version: ssl.TLSVersion,
) -> None:
    edge = await start_edge(**_options(authority.issue("a", "edge")))
    context = authority.context()
    context.minimum_version = context.maximum_version = version

    def visit(session: ssl.SSLSession | None) -> tuple[bool | None, ssl.SSLSession | None]:
        with (
            socket.create_connection(("127.0.0.1", edge.port), 10) as plain,
            context.wrap_socket(plain, server_hostname="edge", session=session) as tls,
        ):
            tls.sendall(b"GET /none HTTP/1.1\r\nHost: edge\r\n\r\n")
            tls.recv(1000)
            return tls.session_reused, tls.session

    resumed, session = await asyncio.to_thread(visit, None)
    assert not resumed
    await _reload(edge)
    assert (await asyncio.to_thread(visit, session))[0]


async def test_sighup_replaces_certificates_and_keeps_connections(
    start_edge: StartEdge, authority: Authority
) -> None:
    edge = await start_edge(**_options(authority.issue("a", "edge", "old.test")))
    async with _client(edge, authority) as before:
        authority.issue("a", "edge", "new.test")
        await _reload(edge)
        async with _client(edge, authority, "new.test") as after:
            assert _names(after) == {"edge", "new.test"}
        before.ask("/none")
        assert (await before.reply()).status == 404


async def test_bad_certificate_keeps_the_old_one(
    start_edge: StartEdge, authority: Authority
) -> None:
    pairs = authority.issue("a", "edge")
    edge = await start_edge(**_options(pairs))
    pairs["a"][1].write_text("nonsense")
    os.kill(os.getpid(), signal.SIGHUP)
    counters = edge.node.metrics.counters
    await edge.until(lambda: counters.certificate_reloads_failed == 1)
    async with _client(edge, authority) as client:
        client.ask("/none")
        assert (await client.reply()).status == 404
    with pytest.raises(BadCertificate, match=r"a\.pem"):
        await start_edge(**_options(pairs))


async def test_what_a_worker_is_told_of_certificates_is_what_was_last_right(
    authority: Authority,
) -> None:
    pairs = authority.issue("a", "edge", "old.test")
    counters = Counters()
    settings = EdgeSettings(tls_cert=pairs["a"][:1], tls_key=pairs["a"][1:])
    files = InForce(settings, counters)
    for path in pairs["a"]:
        path.unlink()
    assert files.reread() == []
    assert counters.certificate_reloads_failed == 1
    told = Certificates(settings.tls_pairs, read_from(files.told()))
    assert told.covers("old.test")
    authority.issue("a", "edge", "new.test")
    assert files.reread() == ["certificates"]
    told.reload(read_from(files.told()))
    assert told.covers("new.test")


async def test_plain_http_on_the_tls_port_is_told_so(
    start_edge: StartEdge, authority: Authority
) -> None:
    edge = await start_edge(**_options(authority.issue("a", "edge")))
    async with edge.client() as client:
        client.ask("/a")
        reply = await client.reply()
        assert (reply.status, reply.body) == (400, b"This port is HTTPS.\n")
        assert await client.closed()


async def test_handshake_has_a_deadline(start_edge: StartEdge, authority: Authority) -> None:
    edge = await start_edge(head_timeout_seconds=0.2, **_options(authority.issue("a", "edge")))
    async with edge.client() as silent, edge.client() as halting:
        halting.send(b"\x16\x03\x01")
        assert await silent.closed()
        assert await halting.closed()
    await edge.until(lambda: not edge.node.site.connections)


async def test_slow_viewer_costs_no_copy_of_the_body(
    start_edge: StartEdge, authority: Authority, origin: CountingOrigin
) -> None:
    edge = await start_edge(write_timeout_seconds=1, **_options(authority.issue("a", "edge")))
    body = b"x" * 16_000_000
    origin.scripts["/a"] = Script([body])
    async with _client(edge, authority) as client:
        client.ask("/a")
        await client.reply()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.ask("/a")
        connection = next(iter(edge.node.site.connections))
        await edge.until(lambda: connection._is_blocked)
        encrypted = connection._transport._tcp.get_write_buffer_size()  # type: ignore[attr-defined]
        assert encrypted < 600_000
        assert connection._transport.get_write_buffer_size() > 8_000_000
        await edge.until(lambda: not edge.node.site.connections)


async def test_drain_says_goodbye(
    start_edge: StartEdge, authority: Authority, origin: CountingOrigin
) -> None:
    edge = await start_edge(**_options(authority.issue("a", "edge")))
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([b"first", rest, b"last"])
    async with _client(edge, authority) as busy, _client(edge, authority) as idle:
        busy.ask("/a")
        await busy.head()
        closing = asyncio.create_task(edge.node.listener.close(10))
        assert await idle.closed()
        rest.set()
        assert await busy.some(9) == b"firstlast"
        assert await busy.closed()
        await closing


async def test_redirect_port_sends_viewers_to_https(
    start_edge: StartEdge, authority: Authority, origin: CountingOrigin
) -> None:
    plain = free_port()
    pairs = authority.issue("a", "edge", "127.0.0.1")
    edge = await start_edge(redirect_port=plain, **_options(pairs))
    async with RawClient(plain) as client:
        client.ask("/a/b?c=d%20e")
        reply = await client.reply()
        assert reply.status == 308
        assert reply.headers["location"] == f"https://edge:{edge.port}/a/b?c=d%20e"
        client.send(b"POST / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Length: 2\r\n\r\nab")
        reply = await client.reply()
        assert reply.headers["location"] == f"https://127.0.0.1:{edge.port}/"
        client.send(b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n")
        assert (await client.reply()).status == 421
        client.send(b"GET / HTTP/1.1\r\nHost: edge/x\r\n\r\n")
        assert (await client.reply()).status == 400
        assert await client.closed()
    assert origin.seen == []
