"""The node as an operator meets it: ports, metrics, heartbeat, log, shutdown."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr, ValidationError

from edge.heartbeat import describe
from edge.node import Ports
from edge.run import run_edge
from edge.settings import EdgeSettings
from tests.integration.edge.child import child_edge
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script


async def test_health_and_readiness(edge: Edge) -> None:
    assert (await edge.admin("/healthz"))[0] == 200
    assert (await edge.admin("/readyz"))[0] == 200
    await edge.node.listener.close(0)
    assert (await edge.admin("/healthz"))[0] == 200
    assert (await edge.admin("/readyz"))[0] == 503


async def test_metrics_add_up(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([b"x" * 1000])
    for _ in range(3):
        await edge.get("/a")
    _, text = await edge.admin("/metrics")
    samples = {
        (sample.name, sample.labels.get("result")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("region") == "test" and "le" not in sample.labels
    }
    assert samples["edge_requests_total", "hit"] == 2
    assert samples["edge_requests_total", "miss"] == 1
    assert samples["edge_sent_bytes_total", "hit"] == 2000
    assert samples["edge_fetched_bytes_total", None] == 1000
    assert samples["edge_fills_total", None] == 1
    assert samples["edge_memory_objects", None] == 1
    assert samples["edge_first_byte_seconds_count", "miss"] == 1


async def test_explain_tells_what_is_stored(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([b"body"])
    await edge.get("/a")
    status, text = await edge.admin("/explain?url=/a")
    (stored,) = json.loads(text)["stored"]
    assert (status, stored["size_bytes"], stored["in_memory"]) == (200, 4, True)
    assert json.loads((await edge.admin("/explain?url=/b"))[1])["stored"] == []
    assert (await edge.admin("/explain?url=nonsense"))[0] == 400


async def test_heartbeat_says_who_and_where(start_edge: StartEdge) -> None:
    beats: asyncio.Queue[tuple[str | None, dict[str, str]]] = asyncio.Queue()

    async def register(request: web.Request) -> web.Response:
        await beats.put((request.headers.get("Authorization"), await request.json()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/api/v1/edges", register)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        edge = await start_edge(
            origin=f"http://127.0.0.1:{runner.addresses[0][1]}",
            api_token=SecretStr("secret"),
            heartbeat_seconds=0.01,
        )
        async with asyncio.timeout(10):
            token, first = await beats.get()
            _, second = await beats.get()
    finally:
        await edge.close()
        await runner.cleanup()
    assert token == "Bearer secret"
    assert first == second
    assert first["region"] == "test"
    assert first["url"] == f"http://127.0.0.1:{edge.port}"
    assert first["id"] == edge.node.id


def test_a_node_tells_its_version_while_its_files_are_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = EdgeSettings(origin="http://127.0.0.1:1", region="test")
    before = describe(settings, "one", 1)
    monkeypatch.setattr(sys, "path", [])
    assert describe(settings, "one", 1) == before


async def test_lost_origin_is_counted_not_fatal(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    await origin.close()
    edge = await start_edge(heartbeat_seconds=0.01)
    await edge.until(lambda: edge.node.metrics.counters.heartbeats_failed > 2)
    assert (await edge.admin("/healthz"))[0] == 200


async def test_access_log_escapes_what_viewers_send(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    edge = await start_edge(access_log=log)
    origin.scripts["/a"] = Script([b"body"])
    async with edge.client() as client:
        for target in ("/a", "/a", '/"\\'):
            client.ask(target)
            await client.reply()
    await edge.close()
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(e["target"], e["result"], e["status"]) for e in entries] == [
        ("/a", "miss", 200),
        ("/a", "hit", 200),
        ('/"\\', "miss", 404),
    ]


async def test_run_edge_reports_its_ports_and_stops(origin: CountingOrigin) -> None:
    stop = asyncio.Event()
    started: asyncio.Future[Ports] = asyncio.get_running_loop().create_future()
    settings = EdgeSettings(origin=origin.url, port=0, admin_port=0)
    running = asyncio.create_task(run_edge(settings, stop=stop, started=started.set_result))
    ports = await started
    _, writer = await asyncio.open_connection("127.0.0.1", ports.port)
    stop.set()
    async with asyncio.timeout(10):
        await running
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", ports.port)


@pytest.mark.parametrize(
    "options",
    [
        {"origin": "ftp://x"},
        {"origin": "http://x/path"},
        {"region": "Bad Region"},
        {"memory_size": "lots"},
        {"max_object_size": "2G"},
        {"prefetch_segments": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EdgeSettings.model_validate(options)


def test_sizes_have_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_MEMORY_SIZE", "1G")
    monkeypatch.setenv("STREAMER_API_TOKEN", "t")
    settings = EdgeSettings.model_validate({"disk_size": "512M"})
    assert (settings.memory_size, settings.disk_size) == (1024**3, 512 * 1024**2)
    assert settings.api_token.get_secret_value() == "t"


async def test_a_reload_with_nothing_to_read_again_ends_nothing(
    origin: CountingOrigin, tmp_path: Path
) -> None:
    origin.scripts["/a"] = Script()
    async with child_edge(origin.url, tmp_path / "cache") as child:
        child.process.send_signal(signal.SIGHUP)
        assert (await child.get("/a")).status == 200
        assert child.process.returncode is None
