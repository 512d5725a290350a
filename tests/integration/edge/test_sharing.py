"""What those who ask at the same time may have of one answer, and what each asks for alone."""

import asyncio
from dataclasses import replace

import pytest

from edge.aftermath import ALONE_KEYS, Aftermath
from edge.core.head import FieldBlock, RequestHead, read_block, read_head
from edge.request import Request
from tests.integration.edge.conftest import Edge
from tests.integration.edge.counting_origin import CountingOrigin, Script, Seen
from tests.integration.edge.raw_client import Reply

VIEWERS = [f"viewer={number}" for number in range(10)]


def _own(seen: Seen, control: dict[str, str]) -> Script:
    """What an origin with sessions says to one of its viewers."""
    cookie = seen.headers["cookie"]
    fields = {"ETag": f'"{cookie}"', **control}
    if seen.headers.get("if-none-match") == fields["ETag"]:
        return Script([], fields, status=304)
    return Script([cookie.encode()], fields)


async def _ask_together(edge: Edge, origin: CountingOrigin, head: asyncio.Event) -> list[Reply]:
    """The answers to all viewers, who ask before there is any."""
    before = origin.count("/a")
    asks = [asyncio.create_task(edge.get("/a", f"Cookie: {viewer}")) for viewer in VIEWERS]
    await origin.arrived("/a", before + 1)
    await edge.until(lambda: _waiting(edge) == len(VIEWERS))
    head.set()
    return await asyncio.gather(*asks)


def _waiting(edge: Edge) -> int:
    return sum(fill.viewers for fill in edge.node.fills.of(b"/a"))


def _hurry(edge: Edge) -> None:
    """Let those who wait send one of them ahead at once."""
    for fill in edge.node.fills.of(b"/a"):
        fill.scout_seconds = 0.0


@pytest.mark.parametrize(
    "control", ["", "no-cache", "no-cache, max-age=60", "max-age=0, must-revalidate", "s-maxage=0"]
)
async def test_an_answer_that_must_be_validated_is_for_nobody_who_waited_for_it(
    edge: Edge, origin: CountingOrigin, control: str
) -> None:
    said, fields = asyncio.Event(), {"Cache-Control": control} if control else {}

    async def answer(seen: Seen) -> Script:
        await said.wait()
        return _own(seen, fields)

    origin.scripts["/a"] = answer
    for _ in range(2):  # with nothing stored, and with what one of them got
        said.clear()
        replies = await _ask_together(edge, origin, said)
        assert [reply.body.decode() for reply in replies] == VIEWERS


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Cache-Control": "public, max-age=0"},
        {"Cache-Control": "s-maxage=0"},
        {"Expires": "0"},
        {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"Vary": "Accept-Encoding"},
    ],
)
async def test_who_asks_right_after_another_gets_no_page_of_the_other(
    edge: Edge, origin: CountingOrigin, fields: dict[str, str]
) -> None:
    paths = [f"/{number}" for number in range(10)]
    origin.scripts = {path: lambda seen: _own(seen, fields) for path in paths}
    async with edge.client() as first, edge.client() as second:
        for path in paths:
            for client, viewer in ((first, 0), (first, 0), (second, 1), (second, 1), (first, 0)):
                client.ask(path, f"Cookie: {VIEWERS[viewer]}")
                assert (await client.reply()).body.decode() == VIEWERS[viewer]
    assert edge.node.metrics.hits == 0


async def test_a_304_to_one_viewer_is_for_no_other(edge: Edge, origin: CountingOrigin) -> None:
    said = asyncio.Event()
    said.set()

    async def answer(seen: Seen) -> Script:
        await said.wait()
        fields = {"Cache-Control": "max-age=60" if origin.count("/a") == 1 else "no-cache"}
        return _own(seen, fields)

    origin.scripts["/a"] = answer
    await edge.get("/a", f"Cookie: {VIEWERS[0]}")
    await edge.pass_time(61)
    said.clear()
    replies = await _ask_together(edge, origin, said)
    assert [reply.body.decode() for reply in replies] == VIEWERS
    asked = [seen for seen in origin.seen if seen.headers["cookie"] == VIEWERS[0]]
    assert ["if-none-match" in seen.headers for seen in asked] == [False, True]


@pytest.mark.parametrize("control", ["public, max-age=1", "max-age=0, stale-while-revalidate=5"])
async def test_a_crowd_at_a_playlist_that_grows_is_one_request(
    edge: Edge, origin: CountingOrigin, control: str
) -> None:
    said = asyncio.Event()
    # It comes older than it may become: so does what takes its origin a while.
    fields = {"Cache-Control": control, "Age": "9", "ETag": '"v1"'}
    origin.scripts["/a"] = Script([b"playlist"], fields, before=said)
    for asked in (1, 2):
        said.clear()
        replies = await _ask_together(edge, origin, said)
        assert {reply.body for reply in replies} == {b"playlist"}
        assert origin.count("/a") == asked


async def test_what_became_stale_while_it_arrives_is_asked_for_anew(
    edge: Edge, origin: CountingOrigin
) -> None:
    rest = asyncio.Event()
    old = Script([b"old", rest, b"er"], {"Cache-Control": "max-age=1", "Age": "9"})
    scripts = [old, Script([b"new"])]
    origin.scripts["/a"] = lambda _: scripts[origin.count("/a") - 1]
    async with edge.client() as early:
        early.ask("/a")
        await early.head()
        assert (await edge.get("/a")).body == b"new"
        rest.set()
        assert await early.some(5) == b"older"


@pytest.mark.parametrize("fields", [{}, {"Cache-Control": "max-age=0"}])
async def test_what_was_never_fresh_stands_in_for_nobody(
    edge: Edge, origin: CountingOrigin, fields: dict[str, str]
) -> None:
    origin.scripts["/a"] = lambda seen: _own(seen, fields)
    assert (await edge.get("/a", "Cookie: viewer=1")).body == b"viewer=1"
    origin.scripts["/a"] = Script([b"oops"], {}, status=500)
    for own in ("Cookie: viewer=1", "Cookie: viewer=2"):
        assert (await edge.get("/a", own)).status == 500
    await origin.close()
    assert (await edge.get("/a", "Cookie: viewer=2")).status == 502


async def test_max_stale_opens_nothing_that_was_never_fresh(
    edge: Edge, origin: CountingOrigin
) -> None:
    origin.scripts["/a"] = lambda seen: _own(seen, {})
    await edge.get("/a", "Cookie: viewer=1")
    for stated in ("max-stale", "max-stale=9"):
        reply = await edge.get("/a", "Cookie: viewer=2", f"Cache-Control: {stated}")
        assert reply.body == b"viewer=2"


@pytest.mark.parametrize("status", [200, 404])
async def test_no_lifetime_is_guessed_for_what_cookies_may_have_decided(
    edge: Edge, origin: CountingOrigin, status: int
) -> None:
    fields = {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
    origin.scripts["/a"] = lambda seen: replace(_own(seen, fields), status=status)
    for viewer in VIEWERS[:2]:
        assert (await edge.get("/a", f"Cookie: {viewer}")).body == viewer.encode()
    reply = await edge.get("/a", f"Cookie: {VIEWERS[2]}", "Cache-Control: max-stale")
    assert reply.body == VIEWERS[2].encode()


async def test_requests_with_authorization_wait_for_nobody(
    edge: Edge, origin: CountingOrigin
) -> None:
    said = asyncio.Event()

    async def answer(seen: Seen) -> Script:
        await said.wait()
        return Script([seen.headers["authorization"].encode()])

    origin.scripts["/a"] = answer
    asks = [asyncio.create_task(edge.get("/a", f"Authorization: {one}")) for one in VIEWERS]
    await origin.arrived("/a", len(VIEWERS))
    said.set()
    assert [reply.body.decode() for reply in await asyncio.gather(*asks)] == VIEWERS


@pytest.mark.parametrize("control", ["no-store", "max-age=60", "no-cache"])
async def test_one_slow_answer_does_not_hold_up_the_others(
    edge: Edge, origin: CountingOrigin, control: str
) -> None:
    first_said = asyncio.Event()
    fields = {"Cache-Control": control, "ETag": '"v1"'}

    def answer(seen: Seen) -> Script:
        is_first = seen.headers["cookie"] == VIEWERS[0]
        return Script([b"quick"], fields, before=first_said if is_first else None)

    origin.scripts["/a"] = answer
    first = asyncio.create_task(edge.get("/a", f"Cookie: {VIEWERS[0]}"))
    await origin.arrived("/a")
    asks = [asyncio.create_task(edge.get("/a", f"Cookie: {viewer}")) for viewer in VIEWERS[1:]]
    await edge.until(lambda: _waiting(edge) == len(VIEWERS))
    _hurry(edge)
    assert {reply.body for reply in await asyncio.gather(*asks)} == {b"quick"}
    assert not first.done()
    assert (origin.count("/a") < len(VIEWERS)) is (control == "max-age=60")
    first_said.set()
    await first


async def test_a_crowd_at_a_slow_page_sends_a_scout_and_goes_on_waiting(
    edge: Edge, origin: CountingOrigin
) -> None:
    said = asyncio.Event()
    origin.scripts["/a"] = Script([b"page"], before=said)
    asks = [asyncio.create_task(edge.get("/a")) for _ in range(50)]
    await edge.until(lambda: _waiting(edge) == 50)
    _hurry(edge)
    await origin.arrived("/a", 2)
    said.set()
    assert {reply.body for reply in await asyncio.gather(*asks)} == {b"page"}
    assert origin.count("/a") < 5


async def test_what_still_cannot_be_shared_is_still_not_waited_for(
    edge: Edge, origin: CountingOrigin
) -> None:
    aftermath: Aftermath = edge.node.answering.keywords["aftermath"]  # type: ignore[attr-defined]
    origin.scripts["/a"] = Script([b"mine"], {"Cache-Control": "private"})
    await edge.get("/a")
    for number in range(ALONE_KEYS - 1):  # one more, and what was noted longest ago is forgotten
        aftermath.leave_alone(b"/%d" % number)
    await edge.get("/a")
    aftermath.leave_alone(b"/other")
    block = read_block(b"Host: a\r\n")
    assert isinstance(block, FieldBlock)
    head = read_head(b"GET /a HTTP/1.1", block)
    assert isinstance(head, RequestHead)
    assert aftermath.is_alone(Request(head, b"/a", "127.0.0.1"))
