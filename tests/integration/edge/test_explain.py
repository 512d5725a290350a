"""`/explain`: what is stored or why not, who would be asked, what prefetch knows."""

import asyncio
import json
from typing import Any

from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script

PLAYLIST = {"Cache-Control": "public, max-age=60", "Content-Type": "application/vnd.apple.mpegurl"}
MEDIA = (
    b'#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="init.mp4"\n'
    b"#EXTINF:4,\n0.m4s\n#EXTINF:4,\n1.m4s\n#EXTINF:4,\n2.m4s\n#EXT-X-ENDLIST\n"
)


async def _explained(edge: Edge, target: str) -> dict[str, Any]:
    status, text = await edge.admin(f"/explain?url={target}")
    assert status == 200
    explained: dict[str, Any] = json.loads(text)
    return explained


async def test_nothing_is_known_of_what_nobody_asked_for(
    edge: Edge, origin: CountingOrigin
) -> None:
    explained = await _explained(edge, "/new%3Fa=1%26CMCD=x")
    assert explained["key"] == "/new?a=1"
    assert explained["would"] == "fetch"
    assert (explained["stored"], explained["fetching"]) == ([], [])
    assert (explained["last_refusal"], explained["prefetch"]) == (None, None)
    assert explained["behaviour"]["path"] == "*"
    assert explained["upstreams"] == [origin.url]
    assert origin.count("/new?a=1") == 0


async def test_what_is_stored_and_how_fresh_it_is(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([b"body"], {"Cache-Control": "max-age=60", "ETag": '"1"'})
    await edge.get("/a")
    explained = await _explained(edge, "/a")
    (stored,) = explained["stored"]
    assert explained["would"] == "serve"
    assert (stored["size_bytes"], stored["fresh"], stored["in_memory"]) == (4, True, True)
    assert (stored["on_disk"], stored["in_slices"]) == (False, False)
    await edge.pass_time(100)
    explained = await _explained(edge, "/a")
    assert explained["would"] == "revalidate"
    assert explained["stored"][0]["fresh"] is False
    assert -100 < explained["stored"][0]["ttl_seconds"] <= -40


async def test_why_something_was_not_stored(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/private"] = Script([b"x"], {"Cache-Control": "private"})
    origin.scripts["/useless"] = Script([b"x"], {"Cache-Control": "max-age=0"})
    refusals = {}
    for target in ("/private", "/useless"):
        await edge.get(target)
        explained = await _explained(edge, target)
        assert explained["stored"] == []
        refusals[target] = explained["last_refusal"]
    assert refusals["/private"].pop("seconds_ago") < 10
    assert refusals["/private"] == {"why": "private", "status": 200}
    assert refusals["/useless"]["why"] == "no-freshness"


async def test_an_origin_that_is_away_is_a_reason_too(edge: Edge, origin: CountingOrigin) -> None:
    await origin.close()
    await edge.get("/a")
    refusal = (await _explained(edge, "/a"))["last_refusal"]
    assert (refusal["why"], refusal["status"]) == ("upstream-connect", 502)


async def test_a_fetch_in_flight(edge: Edge, origin: CountingOrigin) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([b"first", rest, b"last"])
    async with edge.client() as client:
        client.ask("/a")
        await client.head()
        fetching = (await _explained(edge, "/a"))["fetching"]
        assert fetching == [{"viewers": 1, "ahead": False, "answered": True}]
        rest.set()
        await client.some(9)


async def test_what_prefetch_knows_and_would_do(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(prefetch_segments=1)
    origin.scripts["/v/index.m3u8"] = Script([MEDIA], PLAYLIST)
    for name in ("init.mp4", "0.m4s", "1.m4s", "2.m4s"):
        origin.scripts[f"/v/{name}"] = Script([b"x"])
    await edge.get("/v/index.m3u8")
    await edge.until(lambda: bool(edge.node.cache.variants(b"/v/0.m4s")))
    explained = await _explained(edge, "/v/0.m4s")
    assert explained["stored"][0]["prefetched_unused"] is True
    prefetch = explained["prefetch"]
    assert prefetch.pop("watched_seconds_ago") < 10
    assert prefetch == {
        "playlist": "/v/index.m3u8",
        "segment": 0,
        "segments": 3,
        "starts_seconds": 0.0,
        "ended": True,
        "next": ["/v/init.mp4", "/v/1.m4s"],
    }
    playlist = (await _explained(edge, "/v/index.m3u8"))["prefetch"]
    assert (playlist["segment"], playlist["segments"], playlist["next"]) == (None, 3, [])
    last = (await _explained(edge, "/v/2.m4s"))["prefetch"]
    assert (last["starts_seconds"], last["next"]) == (8.0, [])
    assert origin.count("/v/1.m4s") == 0  # asking fetches nothing
