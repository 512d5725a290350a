"""The `streamer` command.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 a server does not answer, 4 no such video,
130 interrupted. Results go to standard output, everything else to standard error.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from streamer.terminal import ERRORS, announce, complain
from streamer.terminal import run as run_command
from streamer.video_commands import commands, regular_file

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(commands)


class LogLevel(StrEnum):
    """What the services write to standard error."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@app.callback()
def configure(
    log_level: Annotated[
        LogLevel, typer.Option(envvar="STREAMER_LOG_LEVEL", help="The services' log.")
    ] = LogLevel.INFO,
) -> None:
    """A self-hosted video CDN: upload, package to HLS, cache at the edge, prefetch."""
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    logging.basicConfig(level=log_level.upper(), format=form)
    for schema_keeper in ("alembic", "dbos"):  # they tell of every step of every migration
        logging.getLogger(schema_keeper).setLevel(logging.WARNING)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to bind.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind.", show_default="8080")] = None,
    worker: Annotated[bool, typer.Option(help="Run one packager worker in a child.")] = True,
) -> None:
    """Run the origin."""
    from streamer.origin.settings import OriginSettings
    from streamer.processes import Child
    from streamer.server import run_origin

    _keep_to_group()
    settings = _settings(OriginSettings, host=host, port=port)

    async def run() -> None:
        async with Child(["worker"]) if worker else nullcontext():
            stop = _stop_event(at_hangup=True)
            await run_origin(settings, stop=stop, on_listening=announce)

    run_command(run())


@app.command()
def worker() -> None:
    """Run a packager worker."""
    from packager.settings import PackagerSettings
    from packager.worker import run_worker

    _keep_to_group()
    settings = _settings(PackagerSettings)

    async def run() -> None:
        await run_worker(settings, stop=_stop_event(at_hangup=True))

    run_command(run())


@app.command()
def edge(
    origin: Annotated[str | None, typer.Option(help="URL of the origin.")] = None,
    region: Annotated[str | None, typer.Option(help="The region this edge serves.")] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to bind.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind.", show_default="8081")] = None,
    admin_port: Annotated[
        int | None, typer.Option(help="Port of health and metrics.", show_default="9081")
    ] = None,
    public_url: Annotated[str | None, typer.Option(help="The URL viewers reach it at.")] = None,
    behaviours: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What is done for which path (TOML).")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only look whether settings and files are valid.")
    ] = False,
    tls_cert: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A certificate with its chain (PEM); repeatable."),
    ] = None,
    tls_key: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Its private key (PEM).")
    ] = None,
    redirect_port: Annotated[
        int | None, typer.Option(help="Port that sends viewers from HTTP to HTTPS.")
    ] = None,
    cache_dir: Annotated[Path | None, typer.Option(help="Directory of the disk tier.")] = None,
    disk_size: Annotated[str | None, typer.Option(help="Disk tier's bound, as 50G.")] = None,
    memory_size: Annotated[str | None, typer.Option(help="Memory tier's bound, as 1G.")] = None,
    prefetch_segments: Annotated[
        int | None, typer.Option(help="Segments fetched ahead of each viewer; 0 turns it off.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that serve; 0: one for each core.", show_default="1"),
    ] = None,
) -> None:
    """Run an edge node."""
    from edge.node import Ports
    from edge.run import run_edge
    from edge.settings import EdgeSettings

    _keep_to_group()
    settings = _settings(
        EdgeSettings,
        origin=origin,
        region=region,
        host=host,
        port=port,
        admin_port=admin_port,
        public_url=public_url,
        behaviours=behaviours,
        tls_cert=tls_cert or None,
        tls_key=tls_key or None,
        redirect_port=redirect_port,
        cache_dir=cache_dir,
        disk_size=disk_size,
        memory_size=memory_size,
        prefetch_segments=prefetch_segments,
        workers=workers,
    )
    _check_behaviours(settings.behaviours)
    if check:
        _check_certificates(settings.tls_pairs)
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it has files to read again
    gc.freeze()  # the code stays: looking through it for garbage would hold up viewers

    def started(ports: Ports) -> None:
        url, admin_url = settings.bound_url(ports.port), settings.admin_url(ports.admin_port)
        announce(f"{url}, health and metrics on {admin_url}")

    async def run() -> None:
        await run_edge(settings, stop=_stop_event(), started=started)

    run_command(run())


@app.command(hidden=True)
def edge_worker(
    number: Annotated[int, typer.Argument(min=0, help="Which of the workers it is.")],
) -> None:
    """Run one worker of an edge node; `streamer edge` starts it and tells it on standard input."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the process that started it heeds them
    from edge.worker import read_worker, run_worker

    settings, place, read = read_worker(sys.stdin.read(), number)

    async def run() -> None:
        await run_worker(settings, place, read, stop=_stop_event())

    run_command(run())


@app.command()
def demo(
    video: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            callback=regular_file,
            help="Upload this.",
            show_default="a sample video",
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Play the video through the edge, print JSON, exit.")
    ] = False,
    s3: Annotated[bool, typer.Option("--s3", help="Keep objects in SeaweedFS over S3.")] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Keep the videos here.", show_default="a temporary directory"),
    ] = None,
) -> None:
    """Run everything on this machine, with a video in it."""
    from streamer.demo import run_demo

    async def run() -> None:
        work = asyncio.create_task(
            run_demo(video, once=once, s3=s3, data_dir=data_dir, console=ERRORS)
        )
        stop = asyncio.create_task(_stop_event(at_hangup=True).wait())
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        else:
            await work

    run_command(run())


def _keep_to_group() -> None:
    """Let no other user read what is written: videos, content keys, what viewers were sent."""
    os.umask(os.umask(0o077) | 0o007)


SettingsT = TypeVar("SettingsT")


def _settings(kind: type[SettingsT], **options: object) -> SettingsT:
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as error:
        from streamer.shared.problems import reason_of

        for problem in error.errors(include_url=False, include_input=False):
            where = ".".join(map(str, problem["loc"])) or kind.__name__
            complain(f"{where}: {reason_of(problem)}")
        raise typer.Exit(2) from error


def _check_behaviours(file: Path | None) -> None:
    """Begin only with a file that is valid."""
    from edge.behaviour_file import BadBehaviours, read_behaviours

    if file is None:
        return
    try:
        read_behaviours(file)
    except BadBehaviours as error:
        complain(error.detail)
        raise typer.Exit(2) from error


def _check_certificates(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Say what is odd about certificates; end where one cannot be used."""
    from edge.certificates import Certificates
    from edge.errors import BadCertificate

    if not pairs:
        return
    try:
        doubts = Certificates(pairs, Path.read_bytes).doubts
    except BadCertificate as error:
        complain(error.detail)
        raise typer.Exit(2) from error
    for doubt in doubts:
        complain(doubt)


def _stop_event(*, at_hangup: bool = False) -> asyncio.Event:
    """An event that SIGINT and SIGTERM set; at a hangup SIGHUP too, unless nohup ignores it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if at_hangup and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    return stop
