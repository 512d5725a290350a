"""Runs ffmpeg and ffprobe: the only file that starts processes.

Every run has its own process group, no standard input unless bytes are fed to it, no way to write
a file, limits on processor time, a deadline on standing still, and ends with its worker.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from packager.confinement import Confinement
from packager.core.input import Window, keys_argv, packets_argv, probe_argv
from packager.core.probe import ends_before_the_picture
from packager.core.report import Report, clean_report, read_frames, tells_damage, tells_end
from packager.inputs import Inputs
from packager.processors import used_seconds
from packager.standing import Standing
from packager.together import together, unless
from packager.waits import Deadline, Waits
from streamer.core.errors import StreamerError, Unavailable

_PIECE_BYTES = 256 * 1024
_LARGEST_PROBE_BYTES = 4 * 1024 * 1024
_KEPT_REPORT_BYTES = 32 * 1024
# What glibc's malloc(3) got back from one picture it keeps for the next, in large pages, instead of
# having the kernel clear all of it anew; it takes no more memory at the most.
_ALLOCATION = {"mmap_threshold": 32 << 20, "trim_threshold": 1 << 30, "hugetlb": 1}
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C",
    "GLIBC_TUNABLES": ":".join(
        f"glibc.malloc.{name}={value}" for name, value in _ALLOCATION.items()
    ),
}

# Of processes that a signal ended which they did not cause; 255 is ffmpeg's own word for that.
_INTERRUPTED_CODES = (-signal.SIGKILL, -signal.SIGTERM, 255)

Sink = Callable[[AsyncIterator[bytes]], Awaitable[None]]
"""Reads one output of a run to its end."""


class FfmpegError(Exception):
    """The process ended with an error or was ended.

    Attributes:
        report: The last lines it wrote, fit for a log or a person.
    """

    def __init__(self, report: str) -> None:
        super().__init__(report or "ffmpeg failed without a word")
        self.report = report


class FfmpegInterruptedError(FfmpegError):
    """The process was killed, or stood still: that says nothing of what it read."""


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """The two programs, and what they may do.

    Attributes:
        ffmpeg: The program.
        ffprobe: The other.
        stall_seconds: How long one may stand still, but for what it waits for.
        probe_seconds: How long ffprobe may take, but for what it waits for.
        inputs: What they read.
        confinement: What its processes are kept from.
    """

    ffmpeg: str
    ffprobe: str
    stall_seconds: float = 120.0
    probe_seconds: float = 20.0
    inputs: Inputs = field(default_factory=Inputs)
    confinement: Confinement = Confinement()

    async def probe(self, path: str) -> dict[str, Any]:
        """What ffprobe says of the file.

        Raises:
            FfmpegError: It cannot be opened as a media file.
            StreamerError: What it reads cannot be read, or no process be started.
        """
        probe = await self._ask(probe_argv(path))
        if ends_before_the_picture(probe):
            probe = await self._ask(probe_argv(path, is_patient=True))
        return probe

    async def first_packets(self, path: str) -> list[dict[str, Any]]:
        """What ffprobe says of the file's first packets: `pts_time` and `pos`, in its own order.

        Raises:
            FfmpegError: It cannot be opened as a media file.
            StreamerError: What it reads cannot be read, or no process be started.
        """
        return await self._packets(packets_argv(path))

    async def key_packets(self, path: str, index: int, *windows: Window) -> list[dict[str, Any]]:
        """What ffprobe says of a stream's packets in some windows: `pts_time` and `flags`.

        Raises:
            FfmpegError: It cannot be opened as a media file.
            StreamerError: What it reads cannot be read, or no process be started.
        """
        return await self._packets(keys_argv(path, index, *windows))

    async def _packets(self, argv: Sequence[str]) -> list[dict[str, Any]]:
        packets = (await self._ask(argv)).get("packets", [])
        return [packet for packet in packets if isinstance(packet, dict)]

    async def _ask(self, argv: Sequence[str]) -> dict[str, Any]:
        command = [self.ffprobe, *argv]
        late = FfmpegError("reading the file took too long")
        deadline = Deadline(self.probe_seconds, self.inputs.waits(command), late)
        output = bytearray()

        async def keep(pieces: AsyncIterator[bytes]) -> None:
            async for piece in pieces:
                output.extend(piece[: _LARGEST_PROBE_BYTES - len(output)])
            deadline.meet()

        await _run(
            command,
            self.inputs,
            stdout=keep,
            confinement=self.confinement,
            others=[deadline.watch],
        )
        try:
            probe = json.loads(output)
        except ValueError as error:
            raise FfmpegError("the description of the file is not readable") from error
        return probe if isinstance(probe, dict) else {}

    async def run(
        self,
        argv: Callable[[Sequence[str]], Sequence[str]],
        sinks: Sequence[Sink],
        *,
        on_frames: Callable[[int], None] | None = None,
        feed: AsyncIterator[bytes] | None = None,
        standing: Standing = Standing(),
    ) -> Report:
        """Run ffmpeg until it ends.

        Args:
            argv: Makes the arguments, given one target for each sink.
            sinks: Each reads one output to its end. When one raises, the run ends with that.
            on_frames: Told how many frames are done, about twice a second.
            feed: Bytes for standard input.
            standing: How far it stands back for other processes.

        Raises:
            FfmpegError: It ended with an error.
            FfmpegInterruptedError: It was killed, or nothing came of it for `stall_seconds`.
            StreamerError: What it reads cannot be read, or no process be started.
        """
        async with _Pipes(len(sinks)) as pipes:
            command = [self.ffmpeg, *argv([f"pipe:{fd}" for fd in pipes.write_ends])]
            watch = _Watch(self.stall_seconds, on_frames, self.inputs.waits(command))
            readers = [
                partial(watch.fill, sink, pieces)
                for sink, pieces in zip(sinks, await pipes.open(), strict=True)
            ]

            def started(process_id: int) -> None:
                pipes.close_write_ends()
                watch.begin(process_id)

            report = await _run(
                command,
                self.inputs,
                stdout=watch.follow,
                confinement=self.confinement,
                standing=standing,
                pass_fds=pipes.write_ends,
                started=started,
                others=[*readers, watch.deadline.watch],
                feed=feed,
            )
            return replace(report, processor_seconds=watch.processor_seconds)


class _Watch:
    """Notices progress, and the lack of it.

    `deadline` is how long it may stand still. `processor_seconds` is what the process took in all.
    A busy machine may hear of its end when nobody knows any more: then it is what it had taken when
    it was last looked at, and how long it ran since.
    """

    processor_seconds: float | None = None

    def __init__(
        self,
        stall_seconds: float,
        on_frames: Callable[[int], None] | None,
        waits: Waits,
    ) -> None:
        late = FfmpegInterruptedError("the conversion stood still")
        self.deadline = Deadline(stall_seconds, waits, late)
        self._on_frames = on_frames
        self._waits = waits
        self._frames = -1

    def begin(self, process_id: int) -> None:
        """The process has started."""
        self._process_id = process_id
        self._used_seconds, self._looked_at = 0.0, time.monotonic()

    async def fill(self, sink: Sink, pieces: AsyncIterator[bytes]) -> None:
        """Hand pieces to a sink: each shows that the run moves, which waits until it is taken."""
        async with aclosing(self._seen(pieces)) as seen:
            await sink(seen)

    async def _seen(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        async for piece in pieces:
            with self._waits.one_more():
                yield piece
            self.deadline.renew()

    async def follow(self, pieces: AsyncIterator[bytes]) -> None:
        """Read the progress report until the process closes it."""
        async for piece in pieces:
            progress = piece.decode("ascii", "replace")
            self._look()
            if tells_end(progress):
                since_seconds = time.monotonic() - self._looked_at
                self.processor_seconds = self._used_seconds + since_seconds
            frames = read_frames(progress)
            if frames is None or frames == self._frames:
                continue
            self._frames = frames
            self.deadline.renew()
            if self._on_frames is not None:
                self._on_frames(frames)
        self.deadline.meet()

    def _look(self) -> None:
        used = used_seconds(self._process_id)
        if used is not None:
            self._used_seconds, self._looked_at = used, time.monotonic()


class _Pipes:
    """One socket pair for each output of a run.

    Not pipes: uvloop closes the descriptor of an adopted pipe twice, and in between another thread
    may have been given its number.
    """

    def __init__(self, count: int) -> None:
        with _starting():
            self._pairs = [socket.socketpair() for _ in range(count)]
        self._writers: list[asyncio.StreamWriter] = []
        self.write_ends = tuple(write.fileno() for _, write in self._pairs)

    async def __aenter__(self) -> "_Pipes":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close_write_ends()
        for writer in self._writers:
            writer.close()
        for read, _ in self._pairs[len(self._writers) :]:
            read.close()

    async def open(self) -> list[AsyncIterator[bytes]]:
        """The read ends."""
        return [await self._open(read) for read, _ in self._pairs]

    def close_write_ends(self) -> None:
        """Leave the write ends to the process alone, so that its end ends the streams."""
        for _, write in self._pairs:
            write.close()

    async def _open(self, read: socket.socket) -> AsyncIterator[bytes]:
        reader, writer = await asyncio.open_connection(sock=read, limit=_PIECE_BYTES)
        self._writers.append(writer)
        return _pieces(reader)


async def _run(
    command: Sequence[str],
    inputs: Inputs,
    *,
    stdout: Sink,
    confinement: Confinement,
    standing: Standing = Standing(),
    pass_fds: tuple[int, ...] = (),
    started: Callable[[int], None] = lambda process_id: None,
    others: Sequence[Callable[[], Awaitable[None]]] = (),
    feed: AsyncIterator[bytes] | None = None,
) -> Report:
    """Start one process and carry its streams until it ends; it never outlives this call."""
    with _starting():
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            preexec_fn=lambda: confinement.apply(standing.nice_at_start),
            env=_ENVIRONMENT,
        )
    started(process.pid)
    report = _ReportReader()
    keeping = asyncio.create_task(standing.keep(process.pid))
    try:
        streams = [stdout(_pieces(_stream(process.stdout))), report.follow(process.stderr)]
        streams += [other() for other in others]
        if feed is not None:
            streams.append(_feed(process, feed))
        await unless(together(streams), inputs.failure(command))
        code = await process.wait()
    except BaseException as error:
        await _end(process)
        is_ffmpeg_s = isinstance(error, Exception) and not isinstance(error, StreamerError)
        if is_ffmpeg_s and process.returncode not in (0, -signal.SIGKILL):
            raise _failure(process.returncode, report.text) from error
        raise
    finally:
        keeping.cancel()
    if code != 0:
        raise _failure(code, report.text)
    return Report(report.text, report.tells_damage, report.tail)


@contextmanager
def _starting() -> Generator[None]:
    """Raise Unavailable for want of processes, threads, files or memory: no input is to blame."""
    try:
        yield
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        raise Unavailable("ffmpeg cannot be started", reason=str(error)) from error


def _failure(code: int | None, report: str) -> FfmpegError:
    if code in _INTERRUPTED_CODES:
        ended = "the conversion was ended from outside"
        return FfmpegInterruptedError(f"{report} / {ended}" if report else ended)
    if code is not None and code < 0:
        crash = f"it crashed ({signal.strsignal(-code)})"
        return FfmpegError(f"{report} / {crash}" if report else crash)
    return FfmpegError(report)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())


async def _feed(process: asyncio.subprocess.Process, pieces: AsyncIterator[bytes]) -> None:
    if process.stdin is None:
        return
    # A process that has what it needs closes its input early.
    with suppress(BrokenPipeError, ConnectionResetError):
        async for piece in pieces:
            process.stdin.write(piece)
            await process.stdin.drain()
    process.stdin.close()


class _ReportReader:
    """The last of what a process writes to its standard error."""

    def __init__(self) -> None:
        self._tail = b""
        self.tells_damage = False

    async def follow(self, stream: asyncio.StreamReader | None) -> None:
        line = b""
        async for piece in _pieces(_stream(stream)):
            self._tail = (self._tail + piece)[-_KEPT_REPORT_BYTES:]
            *lines, line = (line + piece).split(b"\n")
            self._note(lines)
            line = line[-_KEPT_REPORT_BYTES:]
        self._note([line])

    def _note(self, lines: Sequence[bytes]) -> None:
        if not self.tells_damage:
            self.tells_damage = any(tells_damage(line.decode("utf-8", "replace")) for line in lines)

    @property
    def text(self) -> str:
        return clean_report(self.tail)

    @property
    def tail(self) -> str:
        return self._tail.decode("utf-8", "replace")


def _stream(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        raise RuntimeError("the process was started without this stream")
    return stream


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(_PIECE_BYTES):
        yield piece
