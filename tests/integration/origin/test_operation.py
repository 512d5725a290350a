"""Probes, metrics, the API's document, the web UI and the end of a process."""

import asyncio
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamer.origin.web_routes import DIST
from tests.integration.origin.conftest import BODY, OpenOrigin, Origin, eventually, id_of
from tests.integration.origin.process import origin_process
from tests.integration.origin.test_upload_failures import RawPatch

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEBIBYTE = 1024 * 1024
UPLOAD_MEBIBYTES = 160


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/metrics", "/api/v1/videos", "/api/v1/edges", "/api/v1/purges", "/"],
)
async def test_head_is_answered_as_get_is(open_origin: OpenOrigin, path: str) -> None:
    async with open_origin() as origin:
        get, head = await origin.client.get(path), await origin.client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


async def test_head_of_a_stream_of_events_ends(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        video_id = id_of(await origin.create_upload(5))
        head = await origin.client.head(f"/api/v1/videos/{video_id}/events")
        assert head.headers["Content-Type"].startswith("text/event-stream")
        assert (await origin.client.get("/healthz")).status_code == 200


async def test_health_and_readiness(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        assert (await origin.client.get("/healthz")).json()["status"] == "ok"
        ready = await origin.client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["checks"] == {"catalog": "ok", "store": "ok", "jobs": "ok"}
        origin.jobs.is_down = True
        unready = await origin.client.get("/readyz")
        assert unready.status_code == 503
        assert unready.json()["checks"]["jobs"] == "the queue is down"
        assert (await origin.client.get("/healthz")).status_code == 200


async def test_metrics(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        path = await origin.create_upload(10)
        await origin.patch(path, 0, b"abc")
        await origin.client.get("/v/nosuchvideo/index.m3u8")
        families = text_string_to_metric_families((await origin.client.get("/metrics")).text)
        samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }
        assert samples["streamer_origin_uploaded_bytes_total", ()] == 3
        assert samples["streamer_videos", (("state", "uploading"),)] == 1
        request = (("method", "GET"), ("route", "/v/{video_id}/index.m3u8"), ("status", "404"))
        assert samples["streamer_origin_requests_total", request] == 1


async def test_the_openapi_document_names_every_operation(origin: Origin) -> None:
    document = (await origin.client.get("/openapi.json")).json()
    operations = {
        operation["operationId"]: (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert {
        "append_to_upload",
        "change_video",
        "create_upload",
        "create_video",
        "delete_video",
        "follow_video",
        "get_dash",
        "get_media",
        "get_multivariant",
        "get_object",
        "get_video",
        "list_edges",
        "list_videos",
        "report_edge",
    } <= set(operations)
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, _, operation in operations.values():
        assert operation["tags"]
        assert "422" not in operation["responses"], path
    video = operations["get_video"][2]["responses"]
    assert video["404"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("Problem")
    schema = video["200"]["content"]["application/json"]["schema"]
    assert schema["$ref"].endswith("VideoResource")
    body = operations["create_video"][2]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json"}


async def test_pages_are_served_with_a_strict_policy(origin: Origin) -> None:
    for path in ("/", "/watch/nosuchvideo"):
        answer = await origin.client.get(path)
        if not DIST.is_dir():
            assert answer.status_code == 503
            assert "make install" in answer.text
            continue
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await origin.client.get("/assets/nosuchfile.js")).status_code == 404
    assert (await origin.client.get("/assets/..%2findex.html")).status_code == 404


async def test_no_page_runs_what_other_sites_serve(origin: Origin) -> None:
    for path in ("/docs", "/redoc", "/", "/watch/nosuchvideo"):
        answer = await origin.client.get(path)
        assert not re.search(r"<(script|link)[^>]+(src|href)=.https?:", answer.text), path


async def test_without_the_web_ui_the_pages_say_what_to_do(tmp_path: Path) -> None:
    from fastapi import FastAPI

    from streamer.origin.web_routes import add_web
    from streamer.shared.problems import add_problem_handlers

    app = FastAPI()
    add_problem_handlers(app)
    add_web(app, tmp_path / "missing")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get("/")
        assert (answer.status_code, "make install" in answer.text) == (503, True)
        assert (await client.get("/assets/a.js")).status_code == 404


async def test_a_stop_lets_a_request_finish(open_origin: OpenOrigin) -> None:
    async with open_origin(shutdown_seconds=20) as origin:
        path = await origin.create_upload(6)
        patch = await RawPatch.begin(origin.url, path, offset=0, length=6)
        await patch.send(b"abc")
        await eventually(partial(has_bytes, origin, path, 3))
        origin.stop.set()
        await patch.send(b"def")
        assert await patch.status() == 204
        await patch.close()
        assert await origin.source(id_of(path)) == b"abcdef"


async def test_a_stop_does_not_wait_for_an_upload_for_ever(open_origin: OpenOrigin) -> None:
    async with open_origin(shutdown_seconds=1) as origin:
        path = await origin.create_upload(6)
        patch = await RawPatch.begin(origin.url, path, offset=0, length=6)
        await patch.send(b"abc")
        await eventually(partial(has_bytes, origin, path, 3))
        origin.stop.set()
        answer = await patch.answer()
        await patch.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 2\r\n" in answer
    assert b'"detail":"the origin is stopping"' in answer
    async with open_origin() as origin:
        assert await origin.offset(path) == 3


async def test_a_stop_in_the_middle_of_a_creation_keeps_what_came(open_origin: OpenOrigin) -> None:
    async with open_origin(shutdown_seconds=1) as origin:
        creation = await RawPatch.begin(
            origin.url,
            "/api/v1/uploads",
            method="POST",
            offset=0,
            length=6,
            **{"Upload-Length": "6"},
        )
        await creation.send(b"abc")
        await eventually(lambda: any(origin.settings.uploads_dir.glob("*.json")))
        (record,) = origin.settings.uploads_dir.glob("*.json")
        path = f"/api/v1/uploads/{record.stem}"
        await eventually(partial(has_bytes, origin, path, 3))
        origin.stop.set()
        assert await creation.status() == 201
        await creation.close()
    async with open_origin() as origin:
        assert await origin.offset(path) == 3


async def test_a_request_that_a_stop_cuts_off_is_told_so_and_no_bug(
    open_origin: OpenOrigin, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_origin(shutdown_seconds=1) as origin:
        path = f"/api/v1/videos/{id_of(await origin.create_upload(6))}"
        fields = {"Content-Type": "application/json", "Expect": "100-continue"}
        change = await RawPatch.begin(origin.url, path, offset=0, length=13, **fields)
        await change.may_continue()
        origin.stop.set()
        answer = await change.answer()
        await change.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"detail":"the origin is stopping"' in answer
    assert [record.message for record in caplog.records if record.exc_info] == []


async def test_a_terminal_that_closes_stops_it_in_order(tmp_path: Path) -> None:
    async with origin_process(tmp_path) as origin:
        assert await origin.terminate(signal.SIGHUP) == 0


async def test_what_nohup_started_outlives_its_terminal(tmp_path: Path) -> None:
    async with origin_process(tmp_path, ignores_hangup=True) as origin:
        origin.send(signal.SIGHUP)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{origin.url}/healthz")).status_code == 200
        assert await origin.terminate() == 0


async def test_it_may_have_as_many_connections_as_the_hard_limit_allows(tmp_path: Path) -> None:
    async with origin_process(tmp_path, open_files=(256, 1024)) as origin:
        assert origin.open_files_limit() == 1024


async def test_connections_leave_files_to_work_with(tmp_path: Path) -> None:
    async with origin_process(tmp_path, open_files=(128, 128)) as origin:
        silent = [await asyncio.open_connection("127.0.0.1", origin.port) for _ in range(70)]
        async with httpx.AsyncClient(base_url=origin.url) as client:
            assert (await client.get("/api/v1/videos")).status_code == 503
            for _, writer in silent:
                writer.transport.abort()
            await eventually(partial(lists_videos, client))


async def test_no_other_user_may_read_what_it_writes(tmp_path: Path) -> None:
    async with (
        origin_process(tmp_path / "data") as origin,
        httpx.AsyncClient(base_url=origin.url) as client,
    ):
        answer = await client.post("/api/v1/videos", files={"file": ("a", b"abc")})
        assert answer.status_code == 201
        written = list((tmp_path / "data").rglob("*"))
        assert {"source", "streamer.db"} <= {path.name for path in written}
        assert [path for path in written if path.stat().st_mode & 0o007] == []


async def test_without_a_token_only_loopback_is_bound(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streamer", "serve", "--no-worker", "--host", "0.0.0.0"]
    environment = {"STREAMER_DATA_DIR": str(tmp_path), "PATH": ""}
    run = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 2
    assert "STREAMER_API_TOKEN" in run.stderr


async def test_memory_does_not_grow_with_what_is_uploaded(tmp_path: Path) -> None:
    piece = secrets.token_bytes(MEBIBYTE)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(UPLOAD_MEBIBYTES):
            yield piece

    async def form() -> AsyncIterator[bytes]:
        yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        async for data in pieces():
            yield data
        yield b"\r\n--edge--\r\n"

    async with (
        origin_process(tmp_path) as process,
        httpx.AsyncClient(base_url=process.url, timeout=60) as client,
    ):
        at_start = process.peak_mebibytes()
        headers = {**BODY, "Upload-Length": str(UPLOAD_MEBIBYTES * MEBIBYTE)}
        answer = await client.post("/api/v1/uploads", content=pieces(), headers=headers)
        assert answer.status_code == 201
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        answer = await client.post("/api/v1/videos", content=form(), headers=headers)
        assert answer.status_code == 201
        assert process.peak_mebibytes() < min(200, at_start + 64)


async def has_bytes(origin: Origin, path: str, count: int) -> bool:
    return await origin.offset(path) >= count


async def lists_videos(client: httpx.AsyncClient) -> bool:
    return (await client.get("/api/v1/videos")).status_code == 200
