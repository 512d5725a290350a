"""The access log as an operator meets it: whole lines, rotation, a disk that is slow or fails."""

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from edge.access_log import AccessLog
from edge.core.access import Peer, refused
from edge.core.access_lines import W3C_FIELDS, JsonLines, W3cLines
from edge.metrics import Counters, Result
from tests.integration.edge.conftest import StartEdge
from tests.integration.edge.counting_origin import CLOSE, CountingOrigin, Script

LINE = refused(1.7e9, Peer("192.0.2.7", 1), 400, 90, 10)


def _w3c(log: Path) -> list[dict[str, str]]:
    version, fields, *lines = log.read_text("ascii").splitlines()
    assert version == "#Version: 1.0"
    assert fields == f"#Fields: {' '.join(W3C_FIELDS)}"
    return [dict(zip(W3C_FIELDS, line.split("\t"), strict=True)) for line in lines]


async def _log_to(log: AccessLog, *, lines: int) -> None:
    """Log some lines and see them written."""
    running = asyncio.create_task(log.run())
    await asyncio.sleep(0)
    for _ in range(lines):
        log.add(LINE)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_line_for_every_request_in_cloudfronts_format(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    edge = await start_edge(access_log=log, access_log_format="w3c")
    origin.scripts["/a"] = Script([b"x" * 1000])
    origin.scripts["/cut"] = Script([b"x", CLOSE], length=9)
    async with edge.client() as client:
        port = client.writer.get_extra_info("sockname")[1]
        client.ask("/a?q=1", "User-Agent: Player 1")
        await client.reply()
        for _ in range(2):
            client.ask("/a", "User-Agent: Player 1")
            reply = await client.reply()
    await edge.get("/a", "Range: bytes=10-19")
    await edge.get("/up", "Content-Length: 0", method="POST")
    await edge.get("/cut")
    async with edge.client() as client:
        client.send(b"nonsense\r\n\r\n")
        await client.reply()
    await edge.close()
    first, miss, hit, part, post, cut, nonsense = _w3c(log)
    assert (first["cs-uri-stem"], first["cs-uri-query"]) == ("/a", "q=1")
    assert (miss["x-edge-result-type"], hit["x-edge-result-type"]) == ("Miss", "Hit")
    assert hit["cs(User-Agent)"] == "Player%201"
    assert hit["cs(Host)"] == "edge"
    assert (hit["c-ip"], hit["c-port"]) == ("127.0.0.1", str(port))
    assert hit["cs-bytes"] == miss["cs-bytes"]
    assert hit["cs-bytes"] == str(
        len(b"GET /a HTTP/1.1\r\nHost: edge\r\nUser-Agent: Player 1\r\n\r\n")
    )
    head = sum(len(f"{name}: {value}\r\n") for name, value in reply.headers.items())
    assert hit["sc-bytes"] == str(len("HTTP/1.1 200 Scripted\r\n\r\n") + head + 1000)
    assert (part["sc-status"], part["sc-content-len"]) == ("206", "10")
    assert (part["sc-range-start"], part["sc-range-end"]) == ("10", "19")
    assert (post["cs-method"], post["sc-status"]) == ("POST", "404")
    assert cut["x-edge-detailed-result-type"] == "OriginReadError"
    assert nonsense["x-edge-detailed-result-type"] == "InvalidRequest"
    assert len({line["x-edge-request-id"] for line in _w3c(log)}) == 7


async def test_a_viewer_that_leaves_is_told_from_an_origin_that_does(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    edge = await start_edge(access_log=log)
    origin.scripts["/slow"] = Script([b"first", asyncio.Event()], length=9)
    async with edge.client() as client:
        client.ask("/slow")
        await client.head()
    await edge.until(lambda: not edge.node.site.connections)
    await edge.close()
    (line,) = map(json.loads, log.read_text().splitlines())
    assert (line["ending"], line["status"]) == ("viewer-left", 200)


@pytest.mark.parametrize("fields", [(), ("Range: bytes=0-",)], ids=["in place", "by a task"])
@pytest.mark.parametrize("leaves", ["at once", "after a goodbye"])
async def test_a_viewer_that_leaves_a_hit_was_sent_what_it_took(
    start_edge: StartEdge,
    origin: CountingOrigin,
    tmp_path: Path,
    fields: tuple[str, ...],
    leaves: str,
) -> None:
    log, size = tmp_path / "access.log", 16_000_000
    edge = await start_edge(access_log=log)
    origin.scripts["/a"] = Script([b"x" * size])
    await edge.get("/a")
    async with edge.client() as client:
        client.ask("/small")
        await client.reply()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.ask("/a", *fields)
        (connection,) = edge.node.site.connections
        await edge.until(lambda: connection.is_blocked)
        if leaves == "after a goodbye":
            client.writer.write_eof()
            await edge.until(connection._transport.is_closing)
    await edge.until(lambda: not edge.node.site.connections)
    metrics = edge.node.metrics
    sent_bytes = metrics.sent_bytes(Result.HIT)
    assert 0 < sent_bytes < size
    assert abs(size - connection.untaken_bytes - sent_bytes) < 1000
    assert (metrics.requests(Result.HIT), metrics.requests(Result.ERROR)) == (1, 0)
    _, text = await edge.admin("/metrics")
    assert 'edge_viewers_left_total{region="test"} 1\n' in text
    await edge.close()
    line = json.loads(log.read_text().splitlines()[-1])
    assert (line["result"], line["ending"]) == ("hit", "viewer-left")
    assert abs(line["sent_bytes"] - sent_bytes) < 1000


@pytest.mark.parametrize("closes_half", [False, True])
async def test_a_slow_viewer_that_takes_a_hit_whole_was_sent_all_of_it(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path, closes_half: bool
) -> None:
    log, size = tmp_path / "access.log", 16_000_000
    edge = await start_edge(access_log=log)
    origin.scripts["/a"] = Script([b"x" * size])
    await edge.get("/a")
    async with edge.client() as client:
        client.ask("/small")
        await client.reply()
        client.ask("/a")
        (connection,) = edge.node.site.connections
        await edge.until(lambda: connection.is_blocked)
        assert edge.node.metrics.sent_bytes(Result.HIT) < size
        if closes_half:
            client.writer.write_eof()
            await edge.until(connection._transport.is_closing)
        assert len((await client.reply()).body) == size
        await edge.until(lambda: edge.node.metrics.sent_bytes(Result.HIT) == size)
    await edge.close()
    line = json.loads(log.read_text().splitlines()[-1])
    assert (line["sent_bytes"], line["ending"]) == (size, "whole")
    assert edge.node.metrics.viewers_left == 0


async def test_a_renamed_file_is_followed_by_a_new_one_and_no_line_is_lost(
    start_edge: StartEdge, origin: CountingOrigin, tmp_path: Path
) -> None:
    log, rotated = tmp_path / "access.log", tmp_path / "access.log.1"
    edge = await start_edge(access_log=log, access_log_format="w3c")
    origin.scripts["/a"] = Script([b"x"])
    await edge.get("/a")
    counters = edge.node.metrics.counters
    await edge.until(lambda: counters.access_log_lines == 1)
    log.rename(rotated)
    await edge.get("/a")
    await edge.close()
    assert [line["x-edge-result-type"] for line in _w3c(rotated) + _w3c(log)] == ["Miss", "Hit"]


async def test_processes_share_a_file_line_by_line(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    writers = [AccessLog(log, W3cLines("edge", f"{n}-"), Counters()) for n in range(3)]
    await asyncio.gather(*(_log_to(writer, lines=500) for writer in writers))
    assert len({line["x-edge-request-id"] for line in _w3c(log)}) == 1500


async def test_a_line_cut_short_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text('{"at": 1}\n{"at": 2, "vie')
    await _log_to(AccessLog(log, JsonLines(), Counters()), lines=1)
    assert [line[:9] for line in log.read_text().splitlines()] == [
        '{"at": 1}',
        '{"at": 2,',
        '{"at": 17',
    ]


async def test_a_disk_that_stands_still_costs_lines_not_serving(tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)  # takes 64 KiB, then stands still until somebody reads
    counters = Counters()
    log = AccessLog(pipe, JsonLines(), counters, max_waiting=1000)
    running = asyncio.create_task(log.run())
    await asyncio.sleep(0)
    for _ in range(3):
        for _ in range(900):
            log.add(LINE)
        log.hand_over()
    assert counters.access_log_lines_lost == 1800
    read: list[bytes] = []
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    reader.join(10)
    assert read[0].count(b"\n") == 900


async def test_a_file_that_cannot_be_written_is_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    log = AccessLog(tmp_path / "missing" / "access.log", JsonLines(), counters)
    running = asyncio.create_task(log.run())
    await asyncio.sleep(0)
    for _ in range(2):
        log.add(LINE)
        log.hand_over()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    log.hand_over()
    assert (counters.access_log_lines, counters.access_log_lines_lost) == (0, 2)
    assert [record.message for record in caplog.records] == [
        f"the access log {tmp_path}/missing/access.log is not written: FileNotFoundError"
    ]
