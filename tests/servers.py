"""Real servers for the tests."""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
from sqlalchemy import make_url

from streamer.processes import end_with_parent

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
# Below those that the system gives to who asks for any: nobody gets one by chance.
_PORTS = range(10_000, 32_768)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    while True:
        port = secrets.choice(_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Postgres:
    """A PostgreSQL server of its own, running while the block of this context manager does."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = self._directory / "data"
        self._port = free_port()
        self._user = _unprivileged_user()
        self._process: asyncio.subprocess.Process | None = None

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    async def create_database(self, template: str = "template1") -> str:
        """Make a database, empty or like another one; returns its URL."""
        name = f"test_{secrets.token_hex(8)}"
        statement = f"CREATE DATABASE {name} TEMPLATE {template}"
        await self.execute(self.url("postgres"), statement)
        return self.url(name)

    async def create_role(self, url: str) -> str:
        """Make a role that may log in, and no more; returns the database's URL as it has it."""
        name = f"role_{secrets.token_hex(8)}"
        await self.execute(url, f"CREATE ROLE {name} LOGIN")
        return url.replace("postgres@", f"{name}@")

    async def execute(self, url: str, *statements: str) -> None:
        """Have statements carried out, each in a transaction of its own."""
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def __aenter__(self) -> Self:
        if self._user is not None:
            shutil.chown(self._directory, self._user)
        await self._init()
        await self._serve()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()
        shutil.rmtree(self._directory)

    @asynccontextmanager
    async def stopped(self) -> AsyncGenerator[None]:
        """The server does not run meanwhile; it keeps its databases."""
        await self._stop()
        try:
            yield
        finally:
            await self._serve()

    async def _init(self) -> None:
        process = await self._start(
            "initdb",
            *("-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8"),
            *("--locale=C.UTF-8", "--no-sync", "--no-instructions"),
        )
        if await process.wait() != 0:
            raise RuntimeError(self._log())

    async def _serve(self) -> None:
        self._process = await self._start(
            "postgres",
            *("-D", str(self._data), "-h", "127.0.0.1", "-p", str(self._port)),
            *("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=60"),
            *("-c", "unix_socket_directories="),
        )
        try:
            await self._wait_until_ready(self._process)
        except BaseException:
            await self._stop()
            raise

    async def _start(self, command: str, *arguments: str) -> asyncio.subprocess.Process:
        with (self._directory / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                _binary(command),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                user=self._user,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                try:
                    connection = await asyncpg.connect(self.url("postgres"))
                except (OSError, asyncpg.PostgresError):
                    if process.returncode is not None:
                        raise RuntimeError(self._log()) from None
                    await asyncio.sleep(0.05)
                else:
                    await connection.close()
                    return

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    def _log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")


class Line:
    """A way to a database's server, open while the block of this context manager runs."""

    def __init__(self, url: str) -> None:
        self._far = make_url(url)
        self._port = free_port()
        self._writers: list[asyncio.StreamWriter] = []
        self._pumps: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """The database's URL by this way."""
        return self._far.set(port=self._port).render_as_string(hide_password=False)

    async def lose(self) -> None:
        """Nothing passes any more by the connections made so far, and no end is told."""
        pumps, self._pumps = self._pumps, []
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self.lose()
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._far.host, self._far.port)
        self._writers += [writer, far_writer]
        for source, target in ((reader, far_writer), (far_reader, writer)):
            self._pumps.append(asyncio.create_task(_pump(source, target)))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()
        writer.close()


def _unprivileged_user() -> str | None:
    """Who runs the server: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _binary(name: str) -> str:
    """The newest of Debian's binaries, which are not on the PATH, or the one that is."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(debian[-1]) if debian else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is missing: install Debian's package postgresql")
    return found
