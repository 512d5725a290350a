"""Heads that are too large, or never complete: refused, and the answer is seen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from streamer.core.head_bounds import MAX_FIELDS, MAX_HEAD_BYTES, MAX_TARGET_BYTES
from tests.integration.origin.conftest import OpenOrigin, Origin, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGINNING = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
MEBIBYTE = 1024 * 1024


@asynccontextmanager
async def connected(
    origin: Origin,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", origin.port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.transport.abort()


def fields(count: int) -> bytes:
    return b"".join(b"a%d: 1\r\n" % number for number in range(count))


@pytest.mark.parametrize(
    "head",
    [
        BEGINNING + fields(MAX_FIELDS) + b"\r\n",
        BEGINNING + b"b: " + b"x" * (MAX_HEAD_BYTES + MAX_TARGET_BYTES) + b"\r\n\r\n",
        b"GET /" + b"x" * (MAX_HEAD_BYTES + MAX_TARGET_BYTES) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        BEGINNING + b"b: " + b"x" * MEBIBYTE,
        BEGINNING + fields(MEBIBYTE // 8),
        b"GET /" + b"x" * MEBIBYTE,
        b"\r\n" * MEBIBYTE,
    ],
    ids=["fields", "field", "target", "endless-field", "endless-fields", "endless-target", "blank"],
)
async def test_a_head_that_is_too_large_is_431(origin: Origin, head: bytes) -> None:
    async with connected(origin) as (reader, writer):
        writer.write(head)
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"content-type: application/problem+json\r\n" in answer
    assert b'"code":"head_too_large"' in answer
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_a_head_within_the_bounds_is_answered(origin: Origin) -> None:
    async with connected(origin) as (reader, writer):
        writer.write(BEGINNING + fields(MAX_FIELDS - 2) + b"b: " + b"x" * MAX_HEAD_BYTES)
        writer.write(b"\r\n\r\n")
        assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"


async def test_endless_trailers_end_the_connection(origin: Origin) -> None:
    async with connected(origin) as (reader, writer):
        writer.write(BEGINNING.replace(b"GET /healthz", b"POST /v/novideo/license"))
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + fields(MEBIBYTE // 8))
        with suppress(ConnectionResetError):
            await reader.read()


LICENSE = b"POST /v/novideo/license HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        LICENSE + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        LICENSE + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        LICENSE + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        LICENSE + CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
        LICENSE + CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
    ],
    ids=["coding", "codings", "lines", "chunk", "trailer"],
)
async def test_wrong_framing_is_a_400_that_is_seen(origin: Origin, request_: bytes) -> None:
    """RFC 9112 §6.3."""
    async with connected(origin) as (reader, writer):
        writer.write(request_)
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def patch_of(path: str) -> bytes:
    return (
        f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
        "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n"
    ).encode()


async def test_who_waits_to_continue_with_wrong_framing_is_not_told_to(
    origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    path = await origin.create_upload(6)
    async with connected(origin) as (reader, writer):
        writer.write(patch_of(path) + b"Expect: 100-continue\r\n" + CHUNKED + b"zz\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        tasks = [task for task in asyncio.all_tasks() if "RequestResponseCycle" in repr(task)]
        await asyncio.gather(*tasks)
    assert not [record for record in caplog.records if record.exc_info]


async def test_wrong_framing_ends_an_upload_that_goes_on(origin: Origin) -> None:
    path = await origin.create_upload(6)
    async with connected(origin) as (reader, writer):
        writer.write(patch_of(path) + CHUNKED + b"3\r\nabc\r\n")

        async def has_three() -> bool:
            return await origin.offset(path) == 3

        await eventually(has_three)
        writer.write(b"zz\r\n")
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1

    async def goes_on() -> bool:
        return (await origin.patch(path, 3, b"def")).status_code == 204

    await eventually(goes_on)


async def test_wrong_framing_behind_an_answer_gets_no_second_one(origin: Origin) -> None:
    async with connected(origin) as (reader, writer):
        writer.write(LICENSE + CHUNKED)
        await reader.readuntil(b"HTTP/1.1 403 ")
        writer.write(b"zz\r\n")
        assert b"HTTP/1.1 " not in await reader.read()


async def test_wrong_framing_behind_a_request_in_progress_is_not_its_answer(
    origin: Origin,
) -> None:
    async with connected(origin) as (reader, writer):
        writer.write(BEGINNING + b"\r\n" + LICENSE + CHUNKED + b"zz\r\n")
        assert b"HTTP/1.1 400 " not in await reader.read()


async def test_a_trailer_is_no_field_of_the_head(origin: Origin) -> None:
    """RFC 9110 §6.5.1."""
    path = await origin.create_upload(6)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    async with connected(origin) as (reader, writer):
        writer.write(head.encode() + b"0\r\nX-HTTP-Method-Override: DELETE\r\n\r\n")
        assert b" 405 " in await reader.readline()
    assert await origin.offset(path) == 0


async def test_a_malformed_head_is_a_400_that_is_seen(origin: Origin) -> None:
    async with connected(origin) as (reader, writer):
        writer.write(b"GET\r\n" + b"x" * MEBIBYTE)
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: a\r\n"], ids=["none", "two"])
async def test_a_request_names_one_host(origin: Origin, hosts: bytes) -> None:
    """RFC 9112 §3.2."""
    async with connected(origin) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_before_http_1_1_no_host_is_needed(origin: Origin) -> None:
    async with connected(origin) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 200 " in await reader.readline()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads must be there at once."""
    monkeypatch.setattr("streamer.bounded_protocol._HEAD_SECONDS", 0.05)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("before", [b"", BEGINNING + b"\r\n"], ids=["first", "second"])
async def test_a_head_that_is_never_complete_is_408(origin: Origin, before: bytes) -> None:
    async with connected(origin) as (reader, writer):
        if before:
            writer.write(before)
            await reader.readuntil(b'{"status":"ok"')
        writer.write(BEGINNING)
        answer = await reader.read()
    assert b"HTTP/1.1 408 " in answer
    assert b'"code":"head_timed_out"' in answer


@pytest.mark.usefixtures("hasty")
async def test_a_connection_without_a_request_is_closed(origin: Origin) -> None:
    async with connected(origin) as (reader, _):
        assert await reader.read() == b""


@pytest.mark.usefixtures("hasty")
async def test_the_deadline_of_heads_is_not_one_of_bodies_or_answers(origin: Origin) -> None:
    path = await origin.create_upload(6)
    async with connected(origin) as (reader, writer):
        head = (
            f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
            "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n"
            "Content-Length: 6\r\n\r\nabc"
        )
        writer.write(head.encode())
        async with connected(origin) as (idle, _):
            assert await idle.read() == b""  # a deadline has passed meanwhile
        writer.write(b"def")
        assert (await reader.readline()) == b"HTTP/1.1 204 No Content\r\n"


async def test_what_is_sent_after_the_answer_ends_with_its_silence(
    open_origin: OpenOrigin,
) -> None:
    async with open_origin() as origin, connected(origin) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        await reader.readuntil(b'{"status":"ok"')
        writer.write(b"x")
        await reader.read()


async def test_who_may_not_have_a_license_is_not_waited_for(origin: Origin) -> None:
    async with connected(origin) as (reader, writer):
        writer.write(b"POST /v/novideo/license HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        assert (await reader.readline()) == b"HTTP/1.1 403 Forbidden\r\n"
