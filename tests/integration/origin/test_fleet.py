"""The registry of edges and the log of purges."""

from datetime import timedelta

import pytest

from streamer.core.edges import Edge
from tests.integration.origin.conftest import OpenOrigin, Origin, now

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDGES = "/api/v1/edges"
EDGE = {"id": "edge-1", "region": "fra", "url": "http://127.0.0.1:8081/", "version": "0.1.0"}


async def test_edges_that_report_are_listed(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        assert (await origin.client.get(EDGES)).json() == {"items": []}
        assert (await origin.client.post(EDGES, json=EDGE)).status_code == 204
        assert (await origin.client.post(EDGES, json={**EDGE, "version": "0.2.0"})).is_success
        [edge] = (await origin.client.get(EDGES)).json()["items"]
        assert (edge["id"], edge["region"], edge["version"]) == ("edge-1", "fra", "0.2.0")
        assert edge["url"] == "http://127.0.0.1:8081"


async def test_an_edge_that_fell_silent_is_not_listed(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        then = now() - timedelta(seconds=31)
        silent = Edge("edge-2", "ams", "http://127.0.0.1:1", "0.1.0", then, then)
        await origin.catalog.heartbeat(silent, now=then)
        assert (await origin.client.get(EDGES)).json() == {"items": []}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "a b"},
        {"id": "x" * 65},
        {"region": "fra;hit"},
        {"url": "ftp://a"},
        {"url": "javascript:alert(1)"},
        {"url": "http://a/path"},
        {"url": "http://user@a"},
        {"url": 'http://a"'},
        {"version": "x" * 65},
        {"version": None},
        {"extra": 1},
        {"started_at": "yesterday"},
    ],
)
async def test_reports_that_are_refused(origin: Origin, changes: dict[str, object]) -> None:
    answer = await origin.client.post(EDGES, json={**EDGE, **changes})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_purges_are_a_log(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        answer = await origin.client.post("/api/v1/purges", json={"paths": ["/v/a/*", "/x"]})
        assert (answer.status_code, answer.json()) == (202, {"id": 2})
        log = (await origin.client.get("/api/v1/purges")).json()
        assert [entry["path"] for entry in log["items"]] == ["/v/a/*", "/x"]
        assert (log["oldest"], log["newest"]) == (1, 2)
        log = (await origin.client.get("/api/v1/purges", params={"after": 1})).json()
        assert [entry["id"] for entry in log["items"]] == [2]


async def test_purges_may_name_tags_and_may_be_soft(open_origin: OpenOrigin) -> None:
    async with open_origin() as origin:
        wanted = {"paths": ["/x"], "tags": ["Poster"], "soft": True}
        assert (await origin.client.post("/api/v1/purges", json=wanted)).json() == {"id": 2}
        assert (await origin.client.post("/api/v1/purges", json={"tags": ["a"]})).is_success
        log = (await origin.client.get("/api/v1/purges")).json()
        assert log["items"] == [
            {"id": 1, "path": "/x", "tag": None, "soft": True},
            {"id": 2, "path": None, "tag": "poster", "soft": True},
            {"id": 3, "path": None, "tag": "a", "soft": False},
        ]


@pytest.mark.parametrize("tags", [[], [""], ["a b"], ["a"] * 3001])
async def test_tags_that_are_refused(origin: Origin, tags: list[str]) -> None:
    answer = await origin.client.post("/api/v1/purges", json={"tags": tags})
    assert answer.status_code == 400


async def test_a_purge_of_nothing_is_told_what_it_lacks(origin: Origin) -> None:
    answer = await origin.client.post("/api/v1/purges", json={})
    assert answer.json()["detail"] == "body: a purge names a path or a tag"


@pytest.mark.parametrize("paths", [[], ["v"], ["/a*b"], ["/ "], "x", ["/a"] * 3001])
async def test_purges_that_are_refused(origin: Origin, paths: object) -> None:
    answer = await origin.client.post("/api/v1/purges", json={"paths": paths})
    assert answer.status_code == 400
