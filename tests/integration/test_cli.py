"""The `streamer` command as its users meet it: help, wrong usage, servers that are not there."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner, Result

from streamer.cli import app

COMMANDS = (
    "serve",
    "worker",
    "edge",
    "upload",
    "videos",
    "status",
    "repackage",
    "subtitles",
    "delete",
    "purge",
    "demo",
)


def streamer(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamer", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "100", "HOME": "/nonexistent", **environment},
    )


def refused(*arguments: str, **environment: str) -> Result:
    """What is said of a command that ends by itself before it begins anything."""
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "1000", **environment})
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    return result


@pytest.fixture
def closed_port() -> Iterator[str]:
    """A port that is taken, so that nobody else listens on it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield str(silent.getsockname()[1])


def test_help_names_every_command() -> None:
    result = streamer("--help")
    assert result.returncode == 0
    for command in COMMANDS:
        assert f" {command} " in result.stdout


@pytest.mark.parametrize("command", ["status", "delete"])
def test_a_server_that_is_not_there_is_one_line_and_exit_3(command: str, closed_port: str) -> None:
    result = streamer(command, "abcdefgh", "--server", f"http://127.0.0.1:{closed_port}")
    assert result.returncode == 3
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"streamer: http://127.0.0.1:{closed_port}/ does not answer: Connection refused"
    ]


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """The URL of a server that answers every request so, and its body unread."""

    class Handler(BaseHTTPRequestHandler):
        do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def command_lines(file: Path) -> list[list[str]]:
    """One of each command that asks an origin."""
    file.write_text("WEBVTT\n\n")
    return [
        ["upload", str(file)],
        ["videos"],
        ["status", "abcdefgh"],
        ["repackage", "abcdefgh"],
        ["subtitles", "abcdefgh", str(file), "--language", "en"],
        ["delete", "abcdefgh"],
        ["purge", "/a"],
    ]


@pytest.mark.parametrize("body", ["<html>", "{}", "[]", '{"items": [{}], "next_cursor": null}'])
def test_a_server_that_is_none_of_streamer_is_called_so(body: str, tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(body.encode())

    with server(answer) as url:
        for line in command_lines(tmp_path / "a.vtt"):
            result = refused(*line, "--server", url)
            assert result.exit_code == 3
            assert result.stderr.splitlines() == [
                f"streamer: {url}/ does not answer: it is no origin of Streamer"
            ]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_followed_to_another_server(status: int, tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Location", f"https://elsewhere.example{request.path}")
        request.end_headers()

    with server(answer) as url:
        for line in command_lines(tmp_path / "a.vtt"):
            result = refused(*line, "--server", url)
            assert result.exit_code == 1
            assert result.stderr.splitlines() == [
                f"streamer: {url}/ sends requests on to https://elsewhere.example: name that server"
            ]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_standard_files_may_be_closed(closed: str) -> None:
    command = f'"$0" -m streamer status ".." --server http://127.0.0.1:1 {closed}'
    result = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable], capture_output=True, timeout=120, check=False
    )
    assert result.returncode == 4


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes heed SIGINT, also where the tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_who_interrupts_a_command_that_is_still_being_loaded_sees_no_traceback() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        subprocess.Popen(
            [
                *(sys.executable, "-X", "importtime", "-m", "streamer", "videos", "--server"),
                f"http://127.0.0.1:{silent.getsockname()[1]}",
            ],
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None
        next(line for line in process.stderr if line.endswith(" streamer.core.errors\n"))
        process.send_signal(signal.SIGINT)
        rest = [line for line in process.stderr if not line.startswith("import time:")]
        assert (process.wait(60), rest) == (130, [])


@pytest.mark.parametrize(
    "server",
    [
        *("http://a..b", "http://[::1", "http://[x]", "http://a:99999", "not a url"),
        *("127.0.0.1:8080", "", "ftp://x"),
    ],
)
def test_a_server_that_cannot_be_is_wrong_usage(server: str) -> None:
    result = refused("status", "abcdefgh", "--server", server)
    assert result.exit_code == 2
    assert f"'{server}' is no URL of http:// or https:// with a host." in result.stderr


@pytest.mark.parametrize("video_id", ["", "..", "../edges", "abcdefgh/subtitles"])
def test_what_is_no_id_is_no_part_of_another_path(video_id: str, closed_port: str) -> None:
    server = f"http://127.0.0.1:{closed_port}"
    for command in ("status", "delete"):
        result = refused(command, video_id, "--server", server)
        assert result.exit_code == 4
        assert result.stderr.splitlines() == ["streamer: there is no such video"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["upload", "/nonexistent.mp4"],
        ["upload"],
        ["serve", "--port", "eighty"],
        ["edge", "--origin", "http://127.0.0.1:1", "--region", "x", "--memory-size", "much"],
        ["edge", "--origin", "not a url", "--region", "x"],
        ["purge", "--server", "http://127.0.0.1:1"],
        ["repackage", "abcdefgh", "--loudness=-3", "--server", "http://127.0.0.1:1"],
        ["frobnicate"],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_wrong_usage_is_exit_2_and_no_traceback(arguments: list[str]) -> None:
    result = refused(*arguments)
    assert result.exit_code == 2
    assert result.stderr


@pytest.mark.parametrize("command", ["upload", "demo"])
def test_what_has_no_end_is_not_uploaded(command: str, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    for path in ("/dev/zero", str(pipe)):
        result = refused(command, path)
        assert result.exit_code == 2
        assert "is no regular file." in result.stderr


@pytest.mark.parametrize("token", ["secret\n", "sec\rret", "geh\xe9im"])
def test_a_token_that_cannot_be_sent_is_wrong_usage(token: str, closed_port: str) -> None:
    server = f"http://127.0.0.1:{closed_port}"
    result = refused("delete", "abcdefgh", "--server", server, STREAMER_API_TOKEN=token)
    assert result.exit_code == 2
    assert "A token is printable ASCII." in result.stderr


def test_subtitles_are_read_only_as_far_as_they_may_be_long(
    tmp_path: Path, closed_port: str
) -> None:
    endless = tmp_path / "endless.srt"
    with endless.open("wb") as file:
        file.truncate(2**40)
    result = streamer(
        *("subtitles", "abcdefgh", str(endless), "--language", "en"),
        *("--server", f"http://127.0.0.1:{closed_port}"),
    )
    assert result.returncode == 1
    assert result.stderr.splitlines() == ["streamer: subtitles may have 4194304 bytes at most"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PACKAGER_FFMPEG", "/nonexistent", "there is no program '/nonexistent'"),
        ("PACKAGER_FFPROBE", "/nonexistent", "there is no program '/nonexistent'"),
        ("PACKAGER_ENCODER", "videotoolbox", "h264_videotoolbox does not work here: "),
    ],
)
def test_a_worker_without_its_tools_does_not_begin(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    result = streamer("worker", STREAMER_DATA_DIR=str(tmp_path), **{name: value})
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"streamer: {told}")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "name", "value", "told"),
    [
        (["serve", "--no-worker"], "STREAMER_DATA_DIR", "/dev/null", "/dev/null: File exists"),
        (
            ["serve", "--no-worker"],
            "STREAMER_STORE",
            "file:///dev/null",
            "no store can be in /dev/null: Not a directory",
        ),
        (
            ["edge"],
            "EDGE_CACHE_DIR",
            "/dev/null",
            "the cache directory /dev/null: File exists",
        ),
        (
            ["edge"],
            "EDGE_ACCESS_LOG",
            "/nonexistent/log",
            "/nonexistent/log: No such file or directory",
        ),
        (
            ["edge"],
            "EDGE_HOST",
            "300.1.1.1",
            "cannot listen on 300.1.1.1 port 0: Name or service not known",
        ),
        (
            ["edge", "--workers", "2"],
            "EDGE_HOST",
            "300.1.1.1",
            "cannot listen on 300.1.1.1 port 0: Name or service not known",
        ),
        (
            ["edge"],
            "EDGE_ADMIN_HOST",
            "192.0.2.1",
            "cannot listen on 192.0.2.1 port 0: Cannot assign requested address",
        ),
    ],
)
def test_a_setting_that_does_not_work_here_is_named(
    tmp_path: Path, arguments: list[str], name: str, value: str, told: str
) -> None:
    settings = {"STREAMER_DATA_DIR": str(tmp_path), "STREAMER_PORT": "0", "EDGE_PORT": "0"}
    result = streamer(*arguments, **{**settings, "EDGE_ADMIN_PORT": "0", name: value})
    assert result.returncode in (1, 3)
    assert result.stderr.splitlines()[-1] == f"streamer: {told}"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["serve", "--no-worker"], "STREAMER_UPLOAD_IDLE_SECONDS"),
        (["worker"], "PACKAGER_STALL_SECONDS"),
        (["edge"], "EDGE_FETCH_TIMEOUT_SECONDS"),
    ],
)
@pytest.mark.parametrize("value", ["inf", pytest.param("nan", marks=pytest.mark.slow)])
def test_no_time_is_without_end(arguments: list[str], name: str, value: str) -> None:
    result = streamer(*arguments, **{name: value})
    assert result.returncode == 2
    setting = name.lower().partition("_")[2]
    assert result.stderr.splitlines()[-1] == f"streamer: {setting}: Input should be a finite number"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serve"], r"listening on http://127\.0\.0\.1:[1-9]\d*\n"),
        (
            ["edge", "--admin-port", "0"],
            r"listening on http://127\.0\.0\.1:[1-9]\d*,"
            r" health and metrics on http://127\.0\.0\.1:[1-9]\d*\n",
        ),
    ],
    ids=["origin", "edge"],
)
async def test_a_service_says_where_it_listens_but_not_how_schemas_migrate(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer", *arguments, "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "STREAMER_DATA_DIR": str(tmp_path)},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            line = await process.stdout.readline()
    finally:
        process.terminate()
        rest, complaints = await process.communicate()
    assert re.fullmatch(told, line.decode())
    assert rest == b""
    assert b" dbos " not in complaints


async def test_a_worker_says_that_its_store_is_not_there(tmp_path: Path, closed_port: str) -> None:
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"), "x")
    endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{closed_port}"}
    settings = {"STREAMER_DATA_DIR": str(tmp_path), "STREAMER_STORE": "s3://bucket"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer", "worker"),
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", **keys, **endpoint, **settings},
    )
    assert process.stderr is not None
    told = b" work waits for the store: the object store does not answer: EndpointConnectionError\n"
    try:
        async with asyncio.timeout(120):
            while not (line := await process.stderr.readline()).endswith(told):
                assert line
    finally:
        process.terminate()
        await process.communicate()


def test_a_public_address_without_a_token_is_refused() -> None:
    result = streamer("serve", "--host", "0.0.0.0", "--port", "0", "--no-worker")
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert line.startswith("streamer: OriginSettings: binding to 0.0.0.0 ")
    assert line.endswith(": set STREAMER_API_TOKEN first")
