"""The videos API, its failures, and who may write."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine, event

from streamer.core import keys
from streamer.core.video import Chapter, VideoState
from tests.integration.origin.conftest import (
    DEADLINE_SECONDS,
    MINUTE,
    TUS,
    OpenOrigin,
    Origin,
    eventually,
    id_of,
    now,
    opened,
    with_token,
)
from tests.integration.origin.test_playback import SEGMENT, make_video
from tests.unit.core.published import LOW, segments

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIDEOS = "/api/v1/videos"
TOKEN = "correct horse"
OPTIONS = {
    "preset": "fast",
    "codecs": ["hevc", "av1"],
    "passthrough": True,
    "loudness_lufs": -16.0,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Origin]:
    async with opened(tmp_path_factory.mktemp("guarded"), **with_token(TOKEN)) as one:
        yield one


async def test_a_video_resource(origin: Origin) -> None:
    video_id = await make_video(origin)
    resource = (await origin.client.get(f"{VIDEOS}/{video_id}")).json()
    assert list(resource) == [
        "id",
        "title",
        "state",
        "playable",
        "progress",
        "duration_seconds",
        "renditions",
        "error",
        "playback",
        "created_at",
        "playable_at",
        "ready_at",
        "version",
        "repackaging",
        "priority",
        "options",
        "warnings",
        "chapters",
    ]
    assert (resource["state"], resource["playable"]) == ("packaging", True)
    assert resource["playback"] == {
        "hls": f"/v/{video_id}/index.m3u8",
        "dash": f"/v/{video_id}/manifest.mpd",
        "player": f"/watch/{video_id}",
    }
    low, high, sound = resource["renditions"]
    assert (low["name"], low["kind"], low["width"], low["height"]) == ("240p", "video", 426, 240)
    assert (low["frame_rate"], low["segments"]) == (29.97, 2)
    assert low["bandwidth"] > 0
    assert (high["name"], sound["kind"], sound["language"]) == ("720p", "audio", "en")


async def test_renditions_are_measured_again_when_more_is_published(origin: Origin) -> None:
    video_id = await make_video(origin)

    async def low() -> tuple[int, int]:
        video = (await origin.client.get(f"{VIDEOS}/{video_id}")).json()
        low, *_ = video["renditions"]
        return low["segments"], low["bandwidth"]

    count, bandwidth = await low()
    assert count == 2
    *_, larger = segments(LOW, 1, 1, 3 * len(SEGMENT))
    await origin.catalog.publish(video_id, [larger], init_names={}, now=now())
    count, larger_bandwidth = await low()
    assert count == 3
    assert larger_bandwidth == pytest.approx(3 * bandwidth, abs=3)


async def test_what_is_known_of_a_source(origin: Origin) -> None:
    video_id = await make_video(origin)
    await origin.catalog.describe_source(
        video_id, warnings=["The file ends early."], chapters=[Chapter(0.0, 2.5, "Opening")]
    )
    resource = (await origin.client.get(f"{VIDEOS}/{video_id}")).json()
    assert resource["warnings"] == ["The file ends early."]
    assert resource["chapters"] == [{"start_seconds": 0, "end_seconds": 2.5, "title": "Opening"}]
    *_, sound = resource["renditions"]
    assert (sound["channels"], sound["is_default"]) == (2, True)


def is_chosen(resource: dict[str, Any]) -> bool:
    chosen = {name: value for name, value in resource["options"].items() if value is not None}
    return resource["priority"] == 7 and chosen == OPTIONS


async def test_choices_come_with_a_tus_upload(origin: Origin) -> None:
    pairs = {"priority": "7", "options": json.dumps(OPTIONS)}
    metadata = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items()
    )
    path = await origin.create_upload(5, **{"Upload-Metadata": metadata})
    assert is_chosen((await origin.client.get(f"{VIDEOS}/{id_of(path)}")).json())


async def test_choices_come_with_a_form(origin: Origin) -> None:
    fields = {"priority": (None, "7"), "options": (None, json.dumps(OPTIONS))}
    answer = await origin.client.post(VIDEOS, files={**fields, "file": ("a.mp4", b"bytes")})
    assert answer.status_code == 201
    assert is_chosen(answer.json())


async def test_choices_come_with_a_url(origin: Origin) -> None:
    wanted = {"url": "http://127.0.0.1/a.mp4", "priority": 7, "options": OPTIONS}
    assert is_chosen((await origin.client.post(VIDEOS, json=wanted)).json())


async def test_choices_behind_the_file_are_refused(origin: Origin) -> None:
    answer = await origin.client.post(
        VIDEOS, files=[("file", ("a.mp4", b"bytes")), ("options", (None, b"{}"))]
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert "options" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("priority", "0"),
        ("priority", "11"),
        ("priority", "1.5"),
        ("priority", "9" * 1000),
        ("options", "[]"),
        ("options", "{"),
        ("options", '{"preset": "slow"}'),
        ("options", '{"speed": "fast"}'),
        ("options", '{"codecs": ["av1", "av1"]}'),
        ("options", '{"loudness_lufs": "loud"}'),
        ("options", '{"encryption": "sample-aes", "codecs": ["av1"]}'),
        ("options", '{"loudness_lufs": -1}'),
        ("options", '{"passthrough": "yes"}'),
        ("options", '{"loudness_lufs": NaN}'),
    ],
)
async def test_choices_that_make_no_sense_are_refused(
    origin: Origin, name: str, value: str
) -> None:
    answer = await origin.client.post(
        VIDEOS, files=[(name, (None, value)), ("file", ("a.mp4", b"bytes"))]
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert name in answer.json()["detail"]


async def test_choices_change_until_packaging_begins(origin: Origin) -> None:
    path = f"{VIDEOS}/{id_of(await origin.create_upload(5))}"
    assert is_chosen(
        (await origin.client.patch(path, json={"priority": 7, "options": OPTIONS})).json()
    )
    begun = f"{VIDEOS}/{await make_video(origin)}"
    answer = await origin.client.patch(begun, json={"title": "Later", "options": OPTIONS})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await origin.client.get(begun)).json()["title"] != "Later"
    assert (await origin.client.patch(begun, json={"priority": 2})).json()["priority"] == 2


async def test_playback_links_name_the_edge_where_one_is_set(open_origin: OpenOrigin) -> None:
    async with open_origin(playback_base_url="https://edge.example") as origin:
        await origin.create_upload(5)
        [video] = (await origin.client.get(VIDEOS)).json()["items"]
        assert video["playback"]["hls"] == f"https://edge.example/v/{video['id']}/index.m3u8"
        assert video["playback"]["player"] == f"/watch/{video['id']}"


async def test_a_failed_video_says_why(origin: Origin) -> None:
    video_id = id_of(await origin.create_upload(5))
    await origin.catalog.fail(video_id, code="not_a_video", message="This is no video.")
    resource = (await origin.client.get(f"{VIDEOS}/{video_id}")).json()
    assert resource["error"] == {"code": "not_a_video", "message": "This is no video."}
    assert (resource["state"], resource["playable"]) == ("failed", False)


async def test_pages_and_search(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        for title in ("Alps", "Beach", "alpaca"):
            await origin.services.uploads.create(title, now=now())
        first = (await origin.client.get(VIDEOS, params={"limit": 2})).json()
        assert [item["title"] for item in first["items"]] == ["alpaca", "Beach"]
        cursor = first["next_cursor"]
        second = (await origin.client.get(VIDEOS, params={"limit": 2, "cursor": cursor})).json()
        assert [item["title"] for item in second["items"]] == ["Alps"]
        assert second["next_cursor"] is None
        found = (await origin.client.get(VIDEOS, params={"q": "ALP"})).json()
        assert [item["title"] for item in found["items"]] == ["alpaca", "Alps"]


async def test_a_page_is_read_at_once_however_many_videos_it_has(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin() as origin:
        for _ in range(5):
            await make_video(origin)
        await origin.client.get(VIDEOS)  # measures what is published
        with statements() as asked:
            many = (await origin.client.get(VIDEOS)).json()["items"]
        assert len(many) == 5
        assert len(asked) == 2
        for item in many:
            assert item == (await origin.client.get(f"{VIDEOS}/{item['id']}")).json()


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked meanwhile of what was published."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if re.search(r"FROM (renditions|segments)", statement):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_another_title(origin: Origin) -> None:
    path = f"{VIDEOS}/{id_of(await origin.create_upload(5))}"
    answer = await origin.client.patch(path, json={"title": " New\n title "})
    assert answer.json()["title"] == "New title"
    assert (await origin.client.get(path)).json()["title"] == "New title"


async def test_deletion_hides_at_once_and_removes_everything(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        video_id = await make_video(origin)
        await origin.store.put(keys.source_key(video_id), b"source")
        assert (await origin.client.delete(f"{VIDEOS}/{video_id}")).status_code == 204
        assert (await origin.client.get(f"{VIDEOS}/{video_id}")).status_code == 404
        assert (await origin.client.get(f"/v/{video_id}/index.m3u8")).status_code == 404
        assert (await origin.client.delete(f"{VIDEOS}/{video_id}")).status_code == 404

        async def is_empty() -> bool:
            prefix = keys.video_prefix(video_id)
            return [info async for info in origin.store.list(prefix)] == []

        async def is_purged() -> bool:
            purges = await origin.catalog.purges_after(0)
            return [purge.order.value for purge in purges] == [f"/v/{video_id}/*"]

        await eventually(is_empty)
        await eventually(is_purged)
        assert video_id in origin.jobs.cancelled
        # What a worker publishes in the last moment is removed by the next sweep.
        await origin.store.put(keys.media_key(video_id, "240p/late.m4s"), b"late")
        await origin.services.deletion.sweep(now=now() + MINUTE)
        assert await is_empty()
        assert video_id in await origin.catalog.tombstones()
        # Nothing is left, but other origins may not know yet that it is deleted.
        await origin.services.deletion.sweep(now=now())
        assert video_id in await origin.catalog.tombstones()
        assert origin.jobs.forgotten == []
        await origin.services.deletion.sweep(now=now() + MINUTE)
        assert video_id not in await origin.catalog.tombstones()
        assert origin.jobs.forgotten == [video_id]


async def test_a_deletion_survives_a_queue_that_is_down(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        video_id = await make_video(origin)
        origin.jobs.is_down = True
        assert (await origin.client.delete(f"{VIDEOS}/{video_id}")).status_code == 204
        await origin.services.reconciler.reconcile()
        origin.jobs.is_down = False
        await origin.services.reconciler.reconcile()
        await origin.services.deletion.sweep(now=now() + MINUTE)
        assert await origin.catalog.tombstones() == {}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"{VIDEOS}/nosuchvideo", b"", 404, "not_found"),
        ("GET", f"{VIDEOS}/..%2f", b"", 404, "not_found"),
        ("GET", f"{VIDEOS}?limit=0", b"", 400, "invalid_input"),
        ("GET", f"{VIDEOS}?limit=x", b"", 400, "invalid_input"),
        ("GET", f"{VIDEOS}?cursor=%F0", b"", 400, "invalid_input"),
        ("GET", f"{VIDEOS}?cursor=abc", b"", 400, "invalid_input"),
        ("GET", f"{VIDEOS}?q=" + "x" * 300, b"", 400, "invalid_input"),
        ("PATCH", f"{VIDEOS}/nosuchvideo", b'{"title":"x"}', 404, "not_found"),
        ("PATCH", f"{VIDEOS}/nosuchvideo", b"{", 400, "invalid_input"),
        ("PATCH", f"{VIDEOS}/nosuchvideo", b'{"title":""}', 400, "invalid_input"),
        ("PATCH", f"{VIDEOS}/nosuchvideo", b'{"title":"\\n"}', 400, "invalid_input"),
        ("PATCH", f"{VIDEOS}/nosuchvideo", b'{"title":"x","id":"y"}', 400, "invalid_input"),
        ("DELETE", f"{VIDEOS}/nosuchvideo", b"", 404, "not_found"),
        ("GET", f"{VIDEOS}/nosuchvideo/events", b"", 404, "not_found"),
        ("PUT", VIDEOS, b"", 405, "method_not_allowed"),
        ("GET", "/nowhere", b"", 404, "not_found"),
        ("GET", "/api/v1/nowhere", b"", 404, "not_found"),
    ],
)
async def test_failures_are_problem_documents(
    origin: Origin, method: str, path: str, body: bytes, status: int, code: str
) -> None:
    answer = await origin.client.request(
        method, path, content=body, headers={"Content-Type": "application/json"}
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail", "code"}
    assert problem["status"] == status
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", VIDEOS, {"GET", "HEAD", "POST"}),
        ("OPTIONS", f"{VIDEOS}/novideo", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("GET", "/api/v1/uploads", {"POST", "OPTIONS"}),
        ("GET", "/api/v1/uploads/noupload", {"HEAD", "PATCH", "DELETE", "OPTIONS"}),
        ("PUT", "/v/novideo/index.m3u8", {"GET", "HEAD"}),
        ("POST", "/watch/novideo", {"GET", "HEAD"}),
        ("POST", "/assets/none.js", {"GET", "HEAD"}),
    ],
)
async def test_a_method_that_is_not_allowed_is_told_all_that_are(
    origin: Origin, method: str, path: str, allowed: set[str]
) -> None:
    """RFC 9110 §15.5.6."""
    answer = await origin.client.request(method, path, headers=TUS)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == allowed


async def test_a_bug_is_a_problem_without_internals(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:

        async def broken() -> None:
            raise ValueError("secret")

        origin.app.add_api_route("/broken", broken)
        answer = await origin.client.get("/broken")
        assert answer.status_code == 500
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "secret" not in answer.text


def writing_routes(origin: Origin) -> list[tuple[str, str]]:
    """All but what players ask below /v, which wants a playback token and writes nothing."""
    return [
        (method, (route.path or "").replace("{video_id}", "nosuchvideo"))
        for route in iter_route_contexts(origin.app.routes)
        for method in (route.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        if not (route.path or "").startswith("/v/")
    ]


async def test_every_writing_route_asks_for_the_token(guarded: Origin) -> None:
    routes = writing_routes(guarded)
    assert len(routes) >= 8
    for method, path in routes:
        for authorization in (None, "Bearer wrong", "Bearer", "Basic " + TOKEN, TOKEN):
            headers = {**TUS} | ({"Authorization": authorization} if authorization else {})
            answer = await guarded.client.request(method, path, headers=headers)
            assert answer.status_code == 401, (method, path, authorization)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.json()["code"] == "unauthorized"


async def test_the_token_is_asked_for_before_a_body_is_read(guarded: Origin) -> None:
    for method, path in writing_routes(guarded):
        reader, writer = await asyncio.open_connection("127.0.0.1", guarded.port)
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n[".encode()
        )
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert (await reader.readline()).split()[1] == b"401", (method, path)
        writer.close()


@pytest.mark.parametrize(
    ("method", "path", "max_bytes"),
    [
        ("PATCH", f"{VIDEOS}/nosuchvideo", 2**16),
        ("POST", f"{VIDEOS}/nosuchvideo/versions", 2**16),
        ("POST", f"{VIDEOS}/nosuchvideo/tokens", 2**16),
        ("POST", "/api/v1/edges", 2**16),
        ("POST", "/api/v1/purges", 2**24),
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_json_bodies_are_bounded(
    origin: Origin, method: str, path: str, max_bytes: int, is_chunked: bool
) -> None:
    async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
        yield body

    for size_bytes in (max_bytes, max_bytes + 1):
        body = b"[]".ljust(size_bytes)
        answer = await origin.client.request(
            method,
            path,
            content=in_chunks(body) if is_chunked else body,
            headers={"Content-Type": "application/json"},
        )
        is_too_large = size_bytes > max_bytes
        assert answer.status_code == (413 if is_too_large else 400)
        assert answer.json()["code"] == ("too_large" if is_too_large else "invalid_input")
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_the_override_of_a_method_asks_for_the_token(guarded: Origin) -> None:
    headers = {**TUS, "X-HTTP-Method-Override": "DELETE"}
    answer = await guarded.client.post("/api/v1/uploads/nosuchupload", headers=headers)
    assert answer.status_code == 401


async def test_the_token_lets_in(guarded: Origin) -> None:
    for scheme in ("Bearer", "bearer"):
        headers = {**TUS, "Upload-Length": "5", "Authorization": f"{scheme} {TOKEN}"}
        assert (await guarded.client.post("/api/v1/uploads", headers=headers)).status_code == 201


async def test_reading_is_open(guarded: Origin) -> None:
    for path in (VIDEOS, "/api/v1/edges", "/healthz", "/readyz", "/metrics"):
        assert (await guarded.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("site", "status"),
    [
        ("https://evil.example", 401),
        ("http://127.0.0.1.evil.example", 401),
        ("null", 401),
        ("http://[", 401),
        ("http://localhost:5173", 201),
        ("http://127.0.0.1:8081", 201),
        ("http://[::1]:8081", 201),
    ],
)
async def test_without_a_token_other_sites_may_not_write(
    origin: Origin, site: str, status: int
) -> None:
    headers = {**TUS, "Upload-Length": "5", "Origin": site}
    assert (await origin.client.post("/api/v1/uploads", headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Via", "1.1 edge"),
        ("Forwarded", "for=192.0.2.1"),
        ("CDN-Loop", "cdn"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Proto", "http"),
        ("Host", "evil.example"),
        ("Host", ""),
    ],
)
async def test_without_a_token_nobody_writes_through_a_proxy_or_under_another_name(
    origin: Origin, name: str, value: str
) -> None:
    headers = {**TUS, "Upload-Length": "5", name: value}
    answer = await origin.client.post("/api/v1/uploads", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("app.localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("evil.example", 401),
        ("[", 401),
    ],
)
async def test_without_a_token_the_api_is_read_under_names_of_this_machine(
    origin: Origin, host: str, status: int
) -> None:
    for path in (VIDEOS, "/api/v1/edges"):
        assert (await origin.client.get(path, headers={"Host": host})).status_code == status


async def test_without_a_token_proxies_read_the_api_and_anybody_plays(origin: Origin) -> None:
    headers = {"Host": "cdn.example", "Via": "1.1 edge", "X-Forwarded-For": "192.0.2.1"}
    assert (await origin.client.get(VIDEOS, headers=headers)).status_code == 200
    for path in ("/v/nosuchvideo/index.m3u8", "/healthz"):
        answer = await origin.client.get(path, headers={"Host": "cdn.example"})
        assert answer.status_code != 401


async def test_with_a_token_it_alone_decides(guarded: Origin) -> None:
    headers = {"Host": "cdn.example", "Via": "1.1 edge"}
    assert (await guarded.client.get(VIDEOS, headers={"Host": "cdn.example"})).status_code == 200
    headers |= {**TUS, "Upload-Length": "5", "Authorization": f"Bearer {TOKEN}"}
    assert (await guarded.client.post("/api/v1/uploads", headers=headers)).status_code == 201


async def test_states_of_a_video_follow_the_upload(origin: Origin) -> None:
    path = await origin.create_upload(3)
    url = f"{VIDEOS}/{id_of(path)}"
    assert (await origin.client.get(url)).json()["state"] == VideoState.UPLOADING
    await origin.patch(path, 0, b"abc")
    assert (await origin.client.get(url)).json()["state"] == VideoState.PROBING
