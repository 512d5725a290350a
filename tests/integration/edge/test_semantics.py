"""RFC 9110 and RFC 9111 on real connections: parts, HEAD, unsafe methods, what is for one."""

import asyncio
from email.parser import BytesParser
from email.policy import HTTP

import pytest

from tests.integration.edge.conftest import Edge
from tests.integration.edge.counting_origin import CountingOrigin, Script, Seen
from tests.integration.edge.raw_client import Reply

BODY = bytes(range(256)) * 4
FRESH = {"Cache-Control": "max-age=60", "Content-Type": "video/mp4", "ETag": '"v"'}


def _parts(reply: Reply) -> list[tuple[str, bytes]]:
    head = f"content-type: {reply.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + reply.body)
    return [(part["content-range"], part.get_content()) for part in message.iter_parts()]


async def test_rfc9110_15_3_7_2_several_ranges_of_what_is_stored(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([BODY], FRESH)
    await edge.get("/a")
    reply = await edge.get("/a", "Range: bytes=-2, 0-1, 500-509")
    assert reply.status == 206
    assert reply.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert "content-range" not in reply.headers
    assert _parts(reply) == [
        ("bytes 0-1/1024", BODY[:2]),
        ("bytes 500-509/1024", BODY[500:510]),
        ("bytes 1022-1023/1024", BODY[-2:]),
    ]
    assert origin.count("/a") == 1


async def test_rfc9110_15_3_7_2_several_ranges_of_what_still_arrives(
    edge: Edge, origin: CountingOrigin
) -> None:
    rest = asyncio.Event()
    origin.scripts["/a"] = Script([BODY[:512], rest, BODY[512:]], FRESH)
    async with edge.client() as first, edge.client() as second:
        first.ask("/a")
        await origin.arrived("/a")
        second.ask("/a", "Range: bytes=1000-,10-19")
        rest.set()
        reply = await second.reply()
        await first.reply()
    assert _parts(reply) == [
        ("bytes 10-19/1024", BODY[10:20]),
        ("bytes 1000-1023/1024", BODY[1000:]),
    ]
    assert origin.count("/a") == 1


async def test_rfc9110_14_2_head_has_no_ranges(edge: Edge, origin: CountingOrigin) -> None:
    origin.scripts["/a"] = Script([BODY], FRESH)
    await edge.get("/a")
    reply = await edge.get("/a", "Range: bytes=0-1", method="HEAD")
    assert (reply.status, reply.headers["content-length"]) == (200, "1024")


async def test_rfc9111_4_3_5_head_updates_what_is_stored(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([BODY], {**FRESH, "X-A": "1"})
    await edge.get("/a")
    await edge.pass_time(61)
    origin.scripts["/a"] = Script([BODY], {**FRESH, "X-A": "2"})
    await edge.get("/a", method="HEAD")
    again = await edge.get("/a")
    assert (again.body, again.headers["x-a"]) == (BODY, "2")
    assert again.cache_status.startswith("edge-test; hit")
    assert [seen.method for seen in origin.seen] == ["GET", "HEAD"]


async def test_rfc9111_4_3_5_head_of_another_version_makes_it_go(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([BODY], FRESH)
    await edge.get("/a")
    await edge.pass_time(61)
    origin.scripts["/a"] = Script([b"new"], {**FRESH, "ETag": '"w"'})
    await edge.get("/a", method="HEAD")
    assert (await edge.get("/a")).body == b"new"
    assert "if-none-match" not in origin.seen[-1].headers


async def test_rfc9111_4_4_locations_of_the_same_host_are_forgotten(
    edge: Edge, origin: CountingOrigin
) -> None:
    for target in ("/b", "/c", "/d"):
        origin.scripts[target] = Script([b"old"], FRESH)
        await edge.get(target)
    answer = {"Location": "http://edge/b", "Content-Location": "//elsewhere/c"}
    origin.scripts["/a"] = Script([b""], answer, status=201)
    await edge.get("/a", "Content-Length: 0", method="POST")
    for target in ("/b", "/c", "/d"):
        await edge.get(target)
    assert [origin.count(target) for target in ("/b", "/c", "/d")] == [2, 1, 1]


async def test_rfc9110_9_3_3_a_post_that_says_so_answers_later_gets(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([b"made"], {**FRESH, "Content-Location": "/a"})
    posted = await edge.get("/a", "Content-Length: 0", method="POST")
    read = await edge.get("/a")
    assert posted.body == read.body == b"made"
    assert read.cache_status.startswith("edge-test; hit")


@pytest.mark.parametrize(("other", "has_begun"), [("PUT", False), ("PUT", True), ("GET", True)])
async def test_rfc9111_4_4_what_a_post_leaves_does_not_replace_what_came_after_it(
    edge: Edge, origin: CountingOrigin, other: str, has_begun: bool
) -> None:
    head, rest = asyncio.Event(), asyncio.Event()
    made = {**FRESH, "Content-Location": "/a"}
    posted = Script([b"ma", rest, b"de"], made, before=head)
    origin.scripts["/a"] = lambda seen: posted if seen.method == "POST" else Script([b"new"], FRESH)
    async with edge.client() as client:
        client.ask("/a", "Content-Length: 0", method="POST")
        await origin.arrived("/a")
        if has_begun:
            head.set()
            await client.head()
        await edge.get("/a", "Content-Length: 0", method=other)
        head.set()
        rest.set()
        if not has_begun:
            await client.head()
        assert await client.some(4) == b"made"
    assert (await edge.get("/a")).body == b"new"


async def test_rfc9111_5_2_2_listed_fields_reach_the_first_viewer_only(
    edge: Edge, origin: CountingOrigin
) -> None:
    control = {"Cache-Control": 'max-age=60, no-cache="Set-Cookie"', "Set-Cookie": "a=b"}
    origin.scripts["/a"] = Script([BODY], control)
    first, second = await edge.get("/a"), await edge.get("/a")
    assert first.headers["set-cookie"] == "a=b"
    assert "set-cookie" not in second.headers
    assert origin.count("/a") == 1


async def test_rfc9111_4_3_4_a_304_about_another_version_is_not_taken(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([b"old"], FRESH)
    await edge.get("/a")
    await edge.pass_time(61)

    def confused(seen: Seen) -> Script:
        is_conditional = "if-none-match" in seen.headers
        return Script([b"new"], {**FRESH, "ETag": '"w"'}, status=304 if is_conditional else 200)

    origin.scripts["/a"] = confused
    assert (await edge.get("/a")).body == b"new"


async def test_the_cookie_of_a_304_is_for_the_viewer_whose_request_it_answers(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([BODY], FRESH)
    await edge.get("/a")
    await edge.pass_time(61)
    origin.scripts["/a"] = Script(headers={**FRESH, "Set-Cookie": "a=b"}, status=304)
    first, second = await edge.get("/a"), await edge.get("/a")
    assert first.headers["set-cookie"] == "a=b"
    assert "set-cookie" not in second.headers
    assert first.body == second.body == BODY
    assert origin.count("/a") == 2


@pytest.mark.parametrize(
    "control", [{"Cache-Control": "private, max-age=60"}, {"Cache-Control": "no-store"}]
)
async def test_a_304_for_one_viewer_is_not_shared(
    edge: Edge, origin: CountingOrigin, control: dict[str, str]
) -> None:
    origin.scripts["/a"] = Script([BODY], FRESH)
    await edge.get("/a")
    await edge.pass_time(61)

    def personal(seen: Seen) -> Script:
        fields = {**FRESH, **control, "X-Own": seen.headers["x-user"]}
        is_conditional = "if-none-match" in seen.headers
        return Script([BODY], fields, status=304 if is_conditional else 200)

    origin.scripts["/a"] = personal
    replies = [await edge.get("/a", f"X-User: {user}") for user in ("bob", "carol")]
    assert [reply.headers["x-own"] for reply in replies] == ["bob", "carol"]
    assert [reply.body for reply in replies] == [BODY, BODY]
    assert not edge.node.cache.has(b"/a")


async def test_a_304_to_credentials_leaves_what_is_stored_as_it_was(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([BODY], FRESH)
    await edge.get("/a")
    await edge.pass_time(61)

    def personal(seen: Seen) -> Script:
        own = {"X-Own": "1"} if "authorization" in seen.headers else {}
        is_conditional = "if-none-match" in seen.headers
        return Script([BODY], {**FRESH, **own}, status=304 if is_conditional else 200)

    origin.scripts["/a"] = personal
    first, second = await edge.get("/a", "Authorization: Basic YTpi"), await edge.get("/a")
    assert (first.headers["x-own"], first.body) == ("1", BODY)
    assert ("x-own" in second.headers, second.body) == (False, BODY)
    assert "if-none-match" in origin.seen[-1].headers


async def test_rfc9111_4_3_5_head_for_one_viewer_is_not_shared(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = Script([BODY], FRESH)
    await edge.get("/a")
    await edge.pass_time(61)
    origin.scripts["/a"] = Script([BODY], {**FRESH, "Set-Cookie": "a=b"})
    head = await edge.get("/a", method="HEAD")
    again = await edge.get("/a")
    assert head.headers["set-cookie"] == "a=b"
    assert ("set-cookie" in again.headers, again.body) == (False, BODY)
    assert again.cache_status.startswith("edge-test; hit")


async def test_what_was_not_shareable_is_not_waited_for_until_it_is(
    edge: Edge, origin: CountingOrigin
) -> None:
    gate = asyncio.Event()
    origin.scripts["/a"] = Script([b"mine"], {"Cache-Control": "private"})
    first = await edge.get("/a")
    assert first.cache_status == "edge-test; fwd=uri-miss; fwd-status=200; detail=private"
    origin.scripts["/a"] = Script([b"mine"], {"Cache-Control": "private"}, before=gate)
    async with edge.client() as one, edge.client() as other:
        one.ask("/a")
        other.ask("/a")
        await origin.arrived("/a", 3)  # neither waits for the other
        gate.set()
        await one.reply()
        await other.reply()
    origin.scripts["/a"] = Script([b"ours"], FRESH)
    for _ in range(3):
        await edge.get("/a")
    assert origin.count("/a") == 5
