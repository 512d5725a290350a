"""A SeaweedFS server on this machine, with one bucket: the S3 API for the demo and for tests."""

import asyncio
import json
import os
import secrets
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from streamer.core.errors import Unavailable
from streamer.processes import end_with_parent

_READY_SECONDS = 60.0
_STOP_SECONDS = 2.0
_POLL_SECONDS = 0.1
_BUCKET = "streamer"
_SOCKETS = Path("/tmp")  # noqa: S108  # its choice
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)
# Below those that Linux gives to who asks for any: none is taken by chance before it is bound.
_PORT_NUMBERS = range(10_000, 32_768)


class SeaweedFS:
    """The server, running while the block of this async context manager does.

    Attributes:
        endpoint: The URL of its S3 API.
        access_key: The only user's key, new in every run.
        secret_key: Its secret.
        bucket: The bucket's name.

    Args:
        directory: Where it keeps its data, made when it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self._process: asyncio.subprocess.Process | None = None
        self.endpoint = f"http://127.0.0.1:{self._ports['s3.port']}"
        self.access_key = secrets.token_hex(10)
        self.secret_key = secrets.token_hex(20)
        self.bucket = _BUCKET

    def environment(self) -> dict[str, str]:
        """The variables that make a Streamer process keep its objects here."""
        return {
            "STREAMER_STORE": f"s3://{self.bucket}",
            "STREAMER_S3_ADDRESSING_STYLE": "path",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
        }

    async def __aenter__(self) -> Self:
        """Start the server and wait until it takes objects.

        Raises:
            Unavailable: It ended, or was not ready in a minute; its log is in the directory.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        config = self._directory / "s3.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps(self._identities()))
        with (self._directory / "weed.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "TMPDIR": str(self._directory)},
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        try:
            await self._wait_until_ready(self._process)
        except BaseException:
            await self._stop(self._process)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            await self._stop(self._process)

    def _command(self, config: Path) -> list[str]:
        data = self._directory / "data"
        data.mkdir(exist_ok=True)
        return [
            str(Path(sys.executable).with_name("weed")),
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            *(f"-{name}={port}" for name, port in self._ports.items()),
            "-filer",
            f"-filer.localSocket={self._directory / 'filer.sock'}",
            "-s3",
            f"-s3.config={config}",
            f"-s3.localSocket={self._directory / 's3.sock'}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-volume.max=200",
            "-volume.preStopSeconds=0",
            "-master.volumeSizeLimitMB=256",
            "-master.telemetry=false",
        ]

    def _identities(self) -> dict[str, object]:
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        return {
            "identities": [{"name": "streamer", "credentials": credentials, "actions": ["Admin"]}]
        }

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with (
                asyncio.timeout(_READY_SECONDS),
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            ):
                while not await self._takes_objects(session):
                    if process.returncode is not None:
                        raise Unavailable(f"SeaweedFS ended; see {self._directory}/weed.log")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise Unavailable(f"SeaweedFS was not ready; see {self._directory}/weed.log") from error

    async def _takes_objects(self, session: aiohttp.ClientSession) -> bool:
        """Whether the bucket, made through the filer, is there and a volume takes bytes."""
        probe = f"http://127.0.0.1:{self._ports['filer.port']}/buckets/{self.bucket}/ready"
        steps = (
            ("PUT", probe, b"ready", (200, 201)),
            ("DELETE", probe, b"", (204,)),
            ("GET", f"{self.endpoint}/{self.bucket}", b"", (403,)),
        )
        try:
            for method, url, body, expected in steps:
                async with session.request(method, url, data=body) as answer:
                    if answer.status not in expected:
                        return False
        except (aiohttp.ClientError, TimeoutError):
            return False
        return True

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.terminate()
        try:  # its gRPC servers wait 10 s for clients; what it stored was written before
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        """Remove what it leaves behind outside of its directory."""
        for port in self._ports.values():
            for path in _SOCKETS.glob(f"seaweedfs-*-grpc-{port}.sock"):
                path.unlink(missing_ok=True)


def _free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    found: set[int] = set()
    while len(found) < count:
        port = secrets.choice(_PORT_NUMBERS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            found.add(port)
    return list(found)
