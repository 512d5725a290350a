"""What the edge stores and how it answers from it."""

import asyncio
import re
from functools import partial

import pytest

from edge.core.policy import MAX_VARIANTS
from tests.integration.edge.conftest import Edge, StartEdge
from tests.integration.edge.counting_origin import CountingOrigin, Script, Seen

VALIDATED = {"Cache-Control": "max-age=60", "ETag": '"v1"'}


async def test_second_request_is_a_hit_with_age_and_cache_status(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([b"body"], {"Cache-Control": "max-age=60", "X-Own": "1"})
    first = await edge.get("/a")
    assert first.status == 200
    assert first.body == b"body"
    assert first.cache_status.startswith("edge-test; fwd=uri-miss; fwd-status=200; ")
    assert first.cache_status.endswith("; stored")
    await edge.pass_time(10)
    second = await edge.get("/a")
    assert (second.status, second.body) == (200, b"body")
    assert second.headers["x-own"] == "1"
    assert 10 <= int(second.headers["age"]) < 20
    assert re.fullmatch(r"edge-test; hit; ttl=(4\d|50)", second.cache_status)
    assert second.headers["via"].startswith("1.1 edge-test-")
    assert origin.count("/a") == 1


async def test_hits_come_in_place_from_the_second_on(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script()
    async with edge.client() as client:
        for _ in range(4):
            client.ask("/a")
            assert (await client.reply()).body == b"body"
    assert edge.node.metrics.hits == 3
    assert origin.count("/a") == 1


async def test_what_is_stale_is_no_hit_while_the_event_loop_is_late(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([b"body"], {"Cache-Control": "max-age=60"})
    async with edge.client() as client:
        for _ in range(3):
            client.ask("/a")
            await client.reply()
            await edge.pass_time(60)
            edge.node.clock.now -= 60
    assert origin.count("/a") == 3


async def test_head_is_answered_from_the_cache(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([b"0123456789"])
    await edge.get("/a")
    reply = await edge.get("/a", method="HEAD")
    assert (reply.status, reply.headers["content-length"]) == (200, "10")
    assert "hit" in reply.cache_status
    assert origin.count("/a") == 1


async def test_head_of_what_is_not_stored_goes_to_the_origin(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([b"0123456789"])
    reply = await edge.get("/a", method="HEAD")
    assert (reply.status, reply.headers["content-length"]) == (200, "10")
    assert origin.seen[0].method == "HEAD"


async def test_range_from_the_cache(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([b"0123456789"], VALIDATED)
    await edge.get("/a")
    part = await edge.get("/a", "Range: bytes=2-4")
    assert (part.status, part.body) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    suffix = await edge.get("/a", "Range: bytes=-3")
    assert suffix.body == b"789"
    beyond = await edge.get("/a", "Range: bytes=99-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, "bytes */10")
    changed = await edge.get("/a", "Range: bytes=2-4", 'If-Range: "v0"')
    assert (changed.status, changed.body) == (200, b"0123456789")
    assert origin.count("/a") == 1


async def test_range_of_what_is_not_stored_fetches_the_whole_once(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([b"0123456789"], VALIDATED)
    part = await edge.get("/a", "Range: bytes=2-4")
    assert (part.status, part.body) == (206, b"234")
    assert "range" not in origin.seen[0].headers
    assert (await edge.get("/a")).body == b"0123456789"
    assert origin.count("/a") == 1


async def test_conditional_requests_are_answered_here(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([b"body"], VALIDATED)
    first = await edge.get("/a", 'If-None-Match: "v1"')
    again = await edge.get("/a", 'If-None-Match: "v1"')
    assert (first.status, again.status) == (304, 304)
    assert again.headers["etag"] == '"v1"'
    assert "content-length" not in again.headers
    assert (await edge.get("/a", 'If-None-Match: "v0"')).status == 200
    assert (await edge.get("/a", 'If-Match: "v0"')).status == 412
    assert origin.count("/a") == 1


async def test_stale_response_is_validated_and_freshened(
    edge: Edge, origin: CountingOrigin
) -> None:
    def answer(seen: Seen) -> Script:
        if seen.headers.get("if-none-match") == '"v1"':
            return Script([], VALIDATED | {"X-Note": "new"}, status=304)
        return Script([b"body"], VALIDATED | {"X-Note": "old"})

    origin.scripts["/a"] = answer
    await edge.get("/a")
    await edge.pass_time(61)
    reply = await edge.get("/a")
    assert (reply.status, reply.body, reply.headers["x-note"]) == (200, b"body", "new")
    assert reply.cache_status.startswith("edge-test; fwd=stale; fwd-status=304; ")
    assert "hit" in (await edge.get("/a")).cache_status
    assert origin.count("/a") == 2


async def test_many_validations_are_one(edge: Edge, origin: CountingOrigin) -> None:
    gate = asyncio.Event()
    answers = [Script([b"body"], VALIDATED), Script([], VALIDATED, status=304, before=gate)]
    origin.scripts["/a"] = lambda _: answers[min(origin.count("/a"), 2) - 1]
    await edge.get("/a")
    await edge.pass_time(61)
    asks = [asyncio.create_task(edge.get("/a")) for _ in range(20)]
    await origin.arrived("/a", 2)
    gate.set()
    assert {(await ask).body for ask in asks} == {b"body"}
    assert origin.count("/a") == 2


@pytest.mark.parametrize("status", [304, 503])
async def test_each_viewer_of_a_shared_validation_gets_the_own_variant(
    edge: Edge, origin: CountingOrigin, status: int
) -> None:
    said = asyncio.Event()

    def personal(seen: Seen) -> Script:
        own = seen.headers["x-v"]
        fields = {"Cache-Control": "max-age=60", "Vary": "X-V", "ETag": f'"{own}"'}
        if "if-none-match" in seen.headers:
            return Script(headers=fields, status=status, before=said)
        return Script([own.encode()], fields)

    origin.scripts["/a"] = personal
    for own in ("1", "2"):
        await edge.get("/a", f"X-V: {own}")
    await edge.pass_time(61)
    async with edge.client() as first, edge.client() as second:
        first.ask("/a", "X-V: 1")
        await origin.arrived("/a", 3)
        second.ask("/a", "X-V: 2")
        await edge.until(lambda: [fill.viewers for fill in edge.node.fills.of(b"/a")] == [2])
        said.set()
        assert (await first.reply()).body == b"1"
        assert (await second.reply()).body == b"2"


async def test_stale_while_revalidate_serves_at_once(edge: Edge, origin: CountingOrigin) -> None:
    headers = {"Cache-Control": "max-age=1, stale-while-revalidate=60", "ETag": '"v1"'}
    gate = asyncio.Event()
    answers = [Script([b"old"], headers), Script([b"new"], VALIDATED, before=gate)]
    origin.scripts["/a"] = lambda _: answers[min(origin.count("/a"), 2) - 1]
    await edge.get("/a")
    await edge.pass_time(5)
    reply = await edge.get("/a")
    assert reply.body == b"old"
    assert re.fullmatch("edge-test; hit; ttl=-[4-7]", reply.cache_status)
    gate.set()
    await edge.until(lambda: len(edge.node.fills) == 0)
    assert (await edge.get("/a")).body == b"new"
    assert origin.count("/a") == 2


async def test_stale_if_error_when_the_origin_fails_or_is_gone(
    edge: Edge, origin: CountingOrigin
) -> None:
    answers = [Script([b"good"], VALIDATED), Script([b"oops"], {}, status=503)]
    origin.scripts["/a"] = lambda _: answers[min(origin.count("/a"), 2) - 1]
    await edge.get("/a")
    await edge.pass_time(61)
    failing = await edge.get("/a")
    assert (failing.status, failing.body) == (200, b"good")
    assert re.fullmatch(
        "edge-test; fwd=stale; fwd-status=503; ttl=-[1-4]; detail=upstream-status",
        failing.cache_status,
    )
    await origin.close()
    gone = await edge.get("/a")
    assert (gone.status, gone.body) == (200, b"good")
    assert "fwd=stale" in gone.cache_status


async def test_a_page_of_s_maxage_that_may_be_stale_outlives_its_origin(
    edge: Edge, origin: CountingOrigin
) -> None:
    headers = {"Cache-Control": "s-maxage=2, stale-while-revalidate=31535998"}
    origin.scripts["/a"] = Script([b"page"], headers)
    await edge.get("/a")
    await edge.pass_time(5)
    await origin.close()
    for _ in range(2):
        reply = await edge.get("/a")
        assert (reply.status, reply.body) == (200, b"page")
        await edge.until(lambda: len(edge.node.fills) == 0)


async def test_must_revalidate_is_never_served_stale(edge: Edge, origin: CountingOrigin) -> None:
    headers = {"Cache-Control": "max-age=1, must-revalidate", "ETag": '"v1"'}
    origin.scripts["/a"] = Script([b"good"], headers)
    await edge.get("/a")
    await edge.pass_time(5)
    await origin.close()
    reply = await edge.get("/a")
    assert reply.status == 502
    assert "detail=upstream-" in reply.cache_status


async def test_nothing_to_serve_and_no_origin_is_502(edge: Edge, origin: CountingOrigin) -> None:
    await origin.close()
    reply = await edge.get("/a")
    assert reply.status == 502
    assert reply.cache_status == "edge-test; fwd=uri-miss; detail=upstream-connect"


async def test_silent_origin_is_504(start_edge: StartEdge, origin: CountingOrigin) -> None:
    edge = await start_edge(first_byte_timeout_seconds=0.2)
    origin.scripts["/a"] = Script(before=asyncio.Event())
    reply = await edge.get("/a")
    assert reply.status == 504
    assert "detail=upstream-timeout" in reply.cache_status


async def test_vary_keeps_variants_apart(edge: Edge, origin: CountingOrigin) -> None:
    def answer(seen: Seen) -> Script:
        coding = seen.headers["accept-encoding"]
        headers = {"Cache-Control": "max-age=60", "Vary": "Accept-Encoding", "X-Coding": coding}
        return Script([coding.encode()], headers)

    origin.scripts["/a"] = answer
    for accepted, coding in (
        ("gzip", b"gzip"),
        ("gzip;q=1.0, deflate", b"gzip"),
        ("br, gzip", b"br, gzip"),
        ("deflate", b"identity"),
        ("gzip", b"gzip"),
    ):
        assert (await edge.get("/a", f"Accept-Encoding: {accepted}")).body == coding
    assert origin.count("/a") == 3
    hits = edge.node.metrics.hits
    async with edge.client() as client:
        for _ in range(3):
            client.ask("/a", "Accept-Encoding: gzip")
            assert (await client.reply()).body == b"gzip"
    assert edge.node.metrics.hits == hits + 2


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Host", "Via", "Connection"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_this_cache_says_itself_selects_among_variants(
    edge: Edge, origin: CountingOrigin, name: str, method: str
) -> None:
    stored = {"Cache-Control": "max-age=60", "Vary": name, "Content-Location": "/a"}
    origin.scripts["/a"] = Script(headers=stored)
    claim = [] if name in ("Host", "Via", "Connection") else [f"{name}: claimed"]
    await edge.get("/a", "Content-Length: 0", *claim, method=method)
    for _ in range(2):
        assert "; hit" in (await edge.get("/a", "Accept: */*")).cache_status
    assert origin.count("/a") == 1


async def test_what_was_made_for_one_scheme_is_not_given_to_the_other(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(trusted_proxies="127.0.0.1")
    headers = {"Cache-Control": "max-age=60", "Vary": "X-Forwarded-Proto"}
    origin.scripts["/a"] = lambda seen: Script(
        [seen.headers["x-forwarded-proto"].encode()], headers
    )
    for _ in range(2):
        for scheme in ("http", "https"):
            assert (await edge.get("/a", f"X-Forwarded-Proto: {scheme}")).body == scheme.encode()
    assert origin.count("/a") == 2


async def test_what_varies_by_the_viewers_address_costs_each_one_request(
    edge: Edge, origin: CountingOrigin
) -> None:
    headers = {"Cache-Control": "max-age=60", "Vary": "X-Forwarded-For"}
    origin.scripts["/a"] = Script(headers=headers)
    for times in (1, 2, 3):
        assert (await edge.get("/a")).body == b"body"
        assert origin.count("/a") == times
    assert edge.node.cache.variants(b"/a") == []


async def test_the_variant_not_used_for_longest_leaves(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script(headers={"Cache-Control": "max-age=60", "Vary": "X-V"})
    for number in range(MAX_VARIANTS):
        await edge.get("/a", f"X-V: {number}")
    assert "hit" in (await edge.get("/a", "X-V: 0")).cache_status
    await edge.get("/a", "X-V: one more")
    assert "hit" in (await edge.get("/a", "X-V: 0")).cache_status
    assert "fwd=vary-miss" in (await edge.get("/a", "X-V: 1")).cache_status
    assert origin.count("/a") == MAX_VARIANTS + 2


async def test_what_may_not_be_shared_is_fetched_for_each(
    edge: Edge, origin: CountingOrigin
) -> None:
    for target, headers in (
        ("/private", {"Cache-Control": "private, max-age=60"}),
        ("/no-store", {"Cache-Control": "no-store"}),
        ("/cookie", {"Cache-Control": "max-age=60", "Set-Cookie": "a=b"}),
        ("/star", {"Cache-Control": "max-age=60", "Vary": "*"}),
        ("/nothing", {}),
    ):
        origin.scripts[target] = Script([b"body"], headers)
        for _ in range(2):
            reply = await edge.get(target)
            assert (reply.status, reply.body) == (200, b"body"), target
            assert "stored" not in reply.cache_status
        assert origin.count(target) == 2, target


async def test_authorization_is_shared_only_if_said(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/own"] = Script([b"mine"], {"Cache-Control": "max-age=60"})
    origin.scripts["/all"] = Script([b"ours"], {"Cache-Control": "max-age=60, public"})
    for target, fetches in (("/own", 2), ("/all", 1)):
        for _ in range(2):
            await edge.get(target, "Authorization: Bearer x")
        assert origin.count(target) == fetches


async def test_ranges_behind_a_login_are_asked_for_as_they_are(
    edge: Edge, origin: CountingOrigin
) -> None:
    for target, control, asked in (
        ("/own", "max-age=60", ["bytes=0-1", "bytes=2-3", "bytes=4-5"]),
        ("/all", "max-age=60, public", ["bytes=0-1", None]),
    ):
        origin.scripts[target] = partial(_ranged, b"012345", {"Cache-Control": control})
        for start in (0, 2, 4):
            fields = f"Range: bytes={start}-{start + 1}", "Authorization: Basic eDp5"
            reply = await edge.get(target, *fields)
            assert (reply.status, reply.body) == (206, b"%d%d" % (start, start + 1))
        assert [s.headers.get("range") for s in origin.seen if s.target == target] == asked


def _ranged(whole: bytes, headers: dict[str, str], seen: Seen) -> Script:
    """The whole, or the one range that is asked for."""
    if "range" not in seen.headers:
        return Script([whole], headers)
    start, end = map(int, seen.headers["range"].removeprefix("bytes=").split("-"))
    content_range = {"Content-Range": f"bytes {start}-{end}/{len(whole)}"}
    return Script([whole[start : end + 1]], headers | content_range, status=206)


async def test_the_body_of_a_get_reaches_the_origin_which_answers_it(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = lambda seen: Script([seen.body or b"all"], VALIDATED)
    assert (await edge.get("/a")).body == b"all"
    for framing in ("Content-Length: 3", "Transfer-Encoding: chunked"):
        async with edge.client() as client:
            client.ask("/a", framing)
            client.send(b"bob" if "Length" in framing else b"3\r\nbob\r\n0\r\n\r\n")
            assert (await client.reply()).body == b"bob"
    assert (await edge.get("/a")).body == b"all"
    assert origin.count("/a") == 3


async def test_nothing_stands_in_for_the_answer_to_a_body(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([b"all"])
    await edge.get("/a")
    await edge.pass_time(61)
    await origin.close()
    async with edge.client() as client:
        client.ask("/a", "Content-Length: 3")
        client.send(b"bob")
        assert (await client.reply()).status == 502


async def test_request_directives(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([b"body"], VALIDATED)
    missing = await edge.get("/a", "Cache-Control: only-if-cached")
    assert missing.status == 504
    await edge.get("/a")
    assert "fwd=request" in (await edge.get("/a", "Cache-Control: no-cache")).cache_status
    assert "hit" in (await edge.get("/a", "Cache-Control: only-if-cached")).cache_status
    origin.scripts["/i"] = Script([b"body"], {"Cache-Control": "max-age=60, immutable"})
    await edge.get("/i")
    assert "hit" in (await edge.get("/i", "Cache-Control: no-cache")).cache_status


async def test_unsafe_methods_invalidate(edge: Edge, origin: CountingOrigin) -> None:
    def answer(seen: Seen) -> Script:
        if seen.method == "POST":
            return Script([b"done"], {"Location": "/b"}, status=201)
        return Script([b"body"])

    origin.scripts["/a"] = origin.scripts["/b"] = answer
    await edge.get("/a")
    await edge.get("/b")
    async with edge.client() as client:
        client.ask("/a", "Content-Length: 4", method="POST")
        client.send(b"data")
        assert (await client.reply()).status == 201
    assert "fwd=uri-miss" in (await edge.get("/a")).cache_status
    assert "fwd=uri-miss" in (await edge.get("/b")).cache_status
    posted = next(seen for seen in origin.seen if seen.method == "POST")
    assert posted.body == b"data"


async def test_negative_answers_are_kept_shortly(
    start_edge: StartEdge, origin: CountingOrigin
) -> None:
    edge = await start_edge(negative_ttl_seconds=30)
    origin.scripts["/gone"] = Script([b"no"], {}, status=404)
    assert (await edge.get("/gone")).status == 404
    assert "hit" in (await edge.get("/gone")).cache_status
    await edge.pass_time(31)
    await edge.get("/gone")
    assert origin.count("/gone") == 2


async def test_cmcd_does_not_tell_objects_apart(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a?q=1"] = Script()
    await edge.get("/a?CMCD=bl%3D1&q=1")
    assert "hit" in (await edge.get("/a?q=1&CMCD=bl%3D2")).cache_status
    assert origin.count("/a?q=1") == 1


async def test_an_empty_query_is_none(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script()
    await edge.get("/a?")
    assert "hit" in (await edge.get("/a")).cache_status
    await edge.get("/a??")
    assert [seen.target for seen in origin.seen] == ["/a", "/a??"]


async def test_origin_gets_what_it_needs_to_know(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script()
    await edge.get(
        "/a", "Connection: keep-alive, X-Hop", "X-Hop: 1", "X-End: 2", "X-Forwarded-Host: evil"
    )
    headers = origin.seen[0].headers
    assert headers["host"] == f"127.0.0.1:{origin.port}"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["via"].startswith("1.1 edge-test-")
    assert headers["x-end"] == "2"
    assert "x-hop" not in headers
    assert "x-forwarded-host" not in headers


CLAIMS = {
    "X-Forwarded-Prefix": "//evil.example",
    "X-Forwarded-Port": "1337",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Anything": "1",
    "X_Forwarded_Prefix": "//evil.example",
    "X_Forwarded_Proto": "https",
    "Front-End-Https": "on",
    "X-Original-URL": "/admin",
    "X-Rewrite-URL": "/admin",
    "X-Host": "evil.example",
    "X-Original-Host": "evil.example",
    "X-Real-IP": "10.0.0.1",
    "True-Client-IP": "10.0.0.1",
    "X-Client-IP": "10.0.0.1",
    "CF-Connecting-IP": "10.0.0.1",
    "Fastly-Client-IP": "10.0.0.1",
    "X-Cluster-Client-IP": "10.0.0.1",
}
OTHER_METHODS = {
    "X-HTTP-Method-Override": "DELETE",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "DELETE",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_origin_is_not_told_what_only_proxies_know(
    edge: Edge, origin: CountingOrigin, method: str
) -> None:
    origin.scripts["/a"] = Script()
    claims = [f"{name}: {value}" for name, value in (CLAIMS | OTHER_METHODS).items()]
    await edge.get("/a", *claims, method=method)
    told = origin.seen[0].headers
    assert not {name.lower() for name in CLAIMS} & told.keys()
    # Whoever may send a POST may as well mean a PUT by it.
    others = {name.lower() for name in OTHER_METHODS} & told.keys()
    assert others == (set() if method == "GET" else {name.lower() for name in OTHER_METHODS})


async def test_a_loop_is_ended(start_edge: StartEdge, origin: CountingOrigin) -> None:
    edge = await start_edge()
    origin.scripts["/a"] = Script()
    await edge.get("/a")
    via = origin.seen[0].headers["via"]
    assert (await edge.get("/b", f"Via: 1.0 other, {via}")).status == 508
    assert origin.count("/b") == 0


async def test_targets_reach_the_origin_as_they_were_sent(
    edge: Edge, origin: CountingOrigin
) -> None:
    for target in ("/a/../b", "//c//d", "/%2e%2E/%41", "/q?a=1&a=%20+", '/"{}|\\^`'):
        origin.scripts[target] = Script([target.encode()])
        assert (await edge.get(target)).body == target.encode()
