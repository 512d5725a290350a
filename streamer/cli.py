"""The `streamer` command.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 a server does not answer, 4 no such video,
130 interrupted. Results go to standard output, everything else to standard error.
"""

import asyncio
import gc
import json
import logging
import signal
import sys
from collections.abc import Coroutine
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvloop
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from streamer.client import ApiClient, VideoResource
from streamer.core.errors import NotFound, StreamerError, Unavailable
from streamer.core.options import Encryption, LadderKind, PackagingOptions, Preset, VideoCodec
from streamer.live_view import follow

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_console = Console(stderr=True)
_output = Console()

Server = Annotated[
    str, typer.Option(envvar="STREAMER_SERVER", help="The origin's URL.", show_default=True)
]
Token = Annotated[
    str, typer.Option(envvar="STREAMER_API_TOKEN", help="The API token.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VideoId = Annotated[str, typer.Argument(metavar="ID", help="The video's id.")]
PresetChoice = Annotated[
    Preset | None, typer.Option(help="Slower ones are smaller at equal quality.")
]
LadderChoice = Annotated[LadderKind | None, typer.Option(help="How rungs are chosen.")]
CodecChoice = Annotated[
    list[VideoCodec] | None, typer.Option(help="Offered beside H.264; repeatable.")
]
PassthroughChoice = Annotated[
    bool | None, typer.Option(help="Keep the source's own H.264 and AAC where they fit.")
]
EncryptionChoice = Annotated[Encryption | None, typer.Option(help="How segments are encrypted.")]
LoudnessChoice = Annotated[
    float | None, typer.Option(min=-70, max=0, help="Bring sound to this loudness, in LUFS.")
]
_SERVER = "http://127.0.0.1:8080"


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
    logging.getLogger("alembic").setLevel(logging.WARNING)


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

    settings = _settings(OriginSettings, host=host, port=port)

    async def run() -> None:
        async with Child(["worker"]) if worker else nullcontext():
            await run_origin(settings, stop=_stop_event())

    _run(run())


@app.command()
def worker() -> None:
    """Run a packager worker."""
    from packager.settings import PackagerSettings
    from packager.worker import run_worker

    settings = _settings(PackagerSettings)

    async def run() -> None:
        await run_worker(settings, stop=_stop_event())

    _run(run())


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
        bool, typer.Option("--check", help="Only look whether settings and behaviours are valid.")
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
    from edge.run import run_edge
    from edge.settings import EdgeSettings

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
        return
    gc.freeze()  # the code stays: looking through it for garbage would hold up viewers

    async def run() -> None:
        await run_edge(settings, stop=_stop_event())

    _run(run())


@app.command(hidden=True)
def edge_worker(
    number: Annotated[int, typer.Argument(min=0, help="Which of the workers it is.")],
    told: Annotated[str, typer.Option(envvar="EDGE_WORKER", help="What it is told.")],
) -> None:
    """Run one worker of an edge node; `streamer edge` starts it."""
    from edge.worker import read_worker, run_worker

    settings, place = read_worker(told, number)

    async def run() -> None:
        await run_worker(settings, place, stop=_stop_event())

    _run(run())


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The video file.")],
    title: Annotated[
        str | None, typer.Option(help="The video's title.", show_default="the file's name")
    ] = None,
    server: Server = _SERVER,
    token: Token = "",
    priority: Annotated[
        int, typer.Option(min=1, max=10, help="Weight of its packaging beside other videos'.")
    ] = 1,
    preset: PresetChoice = None,
    ladder: LadderChoice = None,
    codec: CodecChoice = None,
    passthrough: PassthroughChoice = None,
    encryption: EncryptionChoice = None,
    loudness: LoudnessChoice = None,
    wait: Annotated[bool, typer.Option(help="Wait until it is ready or has failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Upload a video."""
    options = PackagingOptions(
        preset=preset,
        ladder=ladder,
        codecs=tuple(codec) if codec else None,
        passthrough=passthrough,
        encryption=encryption,
        loudness_lufs=loudness,
    )

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            video_id = await _upload_with_progress(client, file, title, priority, options)
            video = await (_watch if wait else ApiClient.video)(client, video_id)
        _print_video(video, as_json=as_json)
        _exit_with_state(video)

    _run(run())


@app.command()
def videos(
    query: Annotated[str | None, typer.Option(help="Only titles that hold this text.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    server: Server = _SERVER,
    as_json: AsJson = False,
) -> None:
    """List videos, the newest first."""

    async def run() -> None:
        async with ApiClient(server) as client:
            found = await client.videos(limit=limit, query=query)
        if as_json:
            _print_json(found)
        else:
            _output.print(_table(found))

    _run(run())


@app.command()
def status(
    video_id: VideoId,
    server: Server = _SERVER,
    watch: Annotated[bool, typer.Option(help="Follow it until it is ready or failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a video."""

    async def run() -> None:
        async with ApiClient(server) as client:
            video = await (_watch if watch else ApiClient.video)(client, video_id)
        _print_video(video, as_json=as_json)
        _exit_with_state(video)

    _run(run())


@app.command()
def repackage(
    video_id: VideoId,
    preset: PresetChoice = None,
    ladder: LadderChoice = None,
    codec: CodecChoice = None,
    passthrough: PassthroughChoice = None,
    encryption: EncryptionChoice = None,
    loudness: LoudnessChoice = None,
    server: Server = _SERVER,
    token: Token = "",
    wait: Annotated[bool, typer.Option(help="Wait until it is done or has failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Package a ready video anew; viewers keep the old version until the new one is ready."""
    options = PackagingOptions(
        preset=preset,
        ladder=ladder,
        codecs=tuple(codec) if codec else None,
        passthrough=passthrough,
        encryption=encryption,
        loudness_lufs=loudness,
    )

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            video = await client.repackage(video_id, options.to_json())
            if wait:
                video = await _watch(client, video_id)
        _print_video(video, as_json=as_json)
        _exit_with_state(video)

    _run(run())


@app.command()
def subtitles(
    video_id: VideoId,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A WebVTT or SubRip file.")
    ],
    language: Annotated[str, typer.Option(help="Its language, as en or pt-BR.")],
    label: Annotated[
        str, typer.Option(help="What viewers choose it by.", show_default="the language's name")
    ] = "",
    default: Annotated[
        bool, typer.Option("--default", help="Shown unless viewers choose otherwise.")
    ] = False,
    forced: Annotated[
        bool, typer.Option("--forced", help="Only of what everybody must read.")
    ] = False,
    server: Server = _SERVER,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Give a video subtitles; those of the same language that were given before are replaced."""

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            video = await client.add_subtitles(
                video_id,
                file,
                language=language,
                label=label,
                is_default=default,
                is_forced=forced,
            )
        _print_video(video, as_json=as_json)

    _run(run())


@app.command()
def delete(video_id: VideoId, server: Server = _SERVER, token: Token = "") -> None:
    """Delete a video with everything that was made of it."""

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            await client.delete(video_id)

    _run(run())


@app.command()
def purge(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH…", help="URL paths; * at the end.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="A tag of objects; repeatable.")
    ] = None,
    soft: Annotated[bool, typer.Option("--soft", help="Make them stale, do not remove.")] = False,
    server: Server = _SERVER,
    token: Token = "",
) -> None:
    """Remove objects from the caches of all living edges, by path or by tag."""

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            await client.purge(paths or [], tag or [], is_soft=soft)

    _run(run())


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Play the sample through the edge, print JSON, exit.")
    ] = False,
    s3: Annotated[bool, typer.Option("--s3", help="Keep objects in SeaweedFS over S3.")] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Keep the videos here.", show_default="a temporary directory"),
    ] = None,
) -> None:
    """Run everything on this machine, with a sample video in it."""
    from streamer.demo import run_demo

    async def run() -> None:
        work = asyncio.create_task(run_demo(once=once, s3=s3, data_dir=data_dir, console=_console))
        stop = asyncio.create_task(_stop_event().wait())
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        else:
            await work

    _run(run())


def main() -> None:
    """The console script's entry point."""
    app()


SettingsT = TypeVar("SettingsT")


def _settings(kind: type[SettingsT], **options: object) -> SettingsT:
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            where = ".".join(map(str, problem["loc"])) or kind.__name__
            _complain(f"{where}: {problem['msg']}")
        raise typer.Exit(2) from error


def _check_behaviours(file: Path | None) -> None:
    """Begin only with a file that is valid."""
    from edge.behaviour_file import BadBehaviours, read_behaviours

    if file is None:
        return
    try:
        read_behaviours(file)
    except BadBehaviours as error:
        _complain(error.detail)
        raise typer.Exit(2) from error


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine; a failure becomes one line and an exit code."""
    try:
        uvloop.run(work)
    except NotFound as error:
        _end(error, 4)
    except Unavailable as error:
        _end(error, 3)
    except StreamerError as error:
        _end(error, 1)
    except OSError as error:
        _complain(error.strerror or type(error).__name__)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _end(error: StreamerError, code: int) -> NoReturn:
    _complain(error.detail)
    raise typer.Exit(code) from error


def _complain(message: str) -> None:
    _console.print(f"streamer: {message}", markup=False, highlight=False, soft_wrap=True)


def _stop_event() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _upload_with_progress(
    client: ApiClient, file: Path, title: str | None, priority: int, options: PackagingOptions
) -> str:
    columns = (TextColumn("uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=_console, transient=True, disable=not _is_terminal()) as bars:
        bar = bars.add_task("upload", total=None)
        return await client.upload(
            file,
            title=title,
            priority=priority,
            options=options.to_json(),
            on_progress=lambda sent, total: bars.update(bar, completed=sent, total=total),
        )


async def _watch(client: ApiClient, video_id: str) -> VideoResource:
    """Show a video's changes until nothing more will happen; returns its last one."""
    return await follow(client.events(video_id), _console) or await client.video(video_id)


def _is_terminal() -> bool:
    return sys.stderr.isatty()


def _print_json(value: object) -> None:
    _output.print_json(json.dumps(value)) if sys.stdout.isatty() else _output.out(
        json.dumps(value), highlight=False
    )


def _print_video(video: VideoResource, *, as_json: bool) -> None:
    if as_json:
        _print_json(video)
        return
    table = Table.grid(padding=(0, 2))
    for name in ("id", "title", "state", "playable", "progress", "duration_seconds"):
        table.add_row(name, str(video[name]))
    table.add_row("renditions", " ".join(item["name"] for item in video["renditions"]))
    table.add_row("player", video["playback"]["player"])
    for warning in video["warnings"]:
        table.add_row("warning", Text(warning))
    if making := video["repackaging"]:
        failed = making["error"]
        how = failed["message"] if failed else f"{making['progress']:.0%}"
        table.add_row(f"version {making['version']}", Text(how))
    if video["error"]:
        table.add_row("error", f"{video['error']['code']}: {video['error']['message']}")
    _output.print(table)


def _table(found: list[VideoResource]) -> Table:
    table = Table("id", "state", "progress", "seconds", "title", box=None, header_style="bold")
    for video in found:
        seconds = video["duration_seconds"]
        table.add_row(
            video["id"],
            video["state"],
            f"{video['progress']:.0%}",
            "" if seconds is None else f"{seconds:.1f}",
            Text(video["title"]),
        )
    return table


def _exit_with_state(video: VideoResource) -> None:
    making = video["repackaging"]
    if video["state"] == "failed" or (making and making["error"]):
        raise typer.Exit(1)
