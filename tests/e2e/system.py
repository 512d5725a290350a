"""Origin, worker and edge as a person runs them: processes of the `streamer` command."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from streamer.shared.release import RELEASE
from tests.processes import streamer_command
from tests.servers import free_port

REGION = "eu-test"
_STARTED_SECONDS = 60.0
_STOPPED_SECONDS = 20.0
_PATIENCE_SECONDS = 300.0
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class System:
    """One installation: the URLs of its origin and of its edge."""

    origin_url: str
    edge_url: str

    def video(self, video_id: str) -> dict[str, Any]:
        video: dict[str, Any] = fetch_json(f"{self.origin_url}/api/v1/videos/{video_id}")
        return video

    def upload(self, path: Path, title: str, *options: str) -> str:
        """Upload through the command line; returns the video's id."""
        command = [sys.executable, "-m", "streamer", "upload", str(path), "--json"]
        command += ["--title", title, "--server", self.origin_url, *options]
        result = subprocess.run(command, check=True, capture_output=True, timeout=120)
        return str(json.loads(result.stdout)["id"])

    def delete(self, video_id: str) -> None:
        url = f"{self.origin_url}/api/v1/videos/{video_id}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()

    def token_for(self, video_id: str, ttl_seconds: int = 3600) -> dict[str, str]:
        """A playback token, and playback paths with it."""
        request = urllib.request.Request(
            f"{self.origin_url}/api/v1/videos/{video_id}/tokens",
            json.dumps({"ttl_seconds": ttl_seconds}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, str] = json.load(answer)
        return found

    def wait_until_final(self, video_id: str) -> dict[str, Any]:
        """The video once it is ready or has failed."""

        def look() -> dict[str, Any] | None:
            video = self.video(video_id)
            return video if video["state"] in ("ready", "failed") else None

        return wait_for(look, f"video {video_id} never became final")


@contextmanager
def running_system(directory: Path) -> Iterator[System]:
    """Origin with worker, and an edge that the origin knows, on free ports."""
    edge_port, admin_port = free_port(), free_port()
    with running_origin(directory) as origin_url:
        edge = ["edge", "--origin", origin_url, "--region", REGION, "--port", str(edge_port)]
        edge += ["--admin-port", str(admin_port), "--cache-dir", str(directory / "cache")]
        with _running(edge, directory, {}, f"http://127.0.0.1:{admin_port}/readyz"):
            edges_url = f"{origin_url}/api/v1/edges"
            wait_for(lambda: fetch_json(edges_url)["items"], "the edge never registered")
            yield System(origin_url, f"http://127.0.0.1:{edge_port}")


@contextmanager
def running_origin(
    directory: Path, *options: str, token: str = "", release: int = RELEASE
) -> Iterator[str]:
    """An origin; its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"STREAMER_DATA_DIR": str(directory / "data"), "STREAMER_API_TOKEN": token}
    command = ["serve", "--port", str(port), *options]
    with _running(command, directory, settings, f"{url}/readyz", release):
        yield url


@contextmanager
def running_worker(directory: Path, *, release: int = RELEASE) -> Iterator[None]:
    """A worker of the origin that runs in this directory."""
    settings = {"STREAMER_DATA_DIR": str(directory / "data")}
    with _running(["worker"], directory, settings, None, release):
        yield


def fetch_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def wait_for(look: Callable[[], _Found | None], failure: str) -> _Found:
    """What `look` finds, asked again and again until it finds something."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(failure)


@contextmanager
def _running(
    arguments: list[str],
    directory: Path,
    environment: Mapping[str, str],
    ready_url: str | None,
    release: int = RELEASE,
) -> Iterator[None]:
    log_path = directory / f"{arguments[0]}-{release}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            streamer_command(*arguments, release=release),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            if ready_url is not None:
                _wait_until_ready(ready_url, process, log_path)
            yield
        finally:
            _stop(process)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + _STARTED_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} never became ready:\n{log_path.read_text()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOPPED_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
