"""The commands that speak to an origin: videos, their versions and subtitles, purges."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from streamer.client import ApiClient, VideoResource
from streamer.core.api_token import is_sendable
from streamer.core.options import (
    LOUDNESSES,
    Encryption,
    LadderKind,
    PackagingOptions,
    Preset,
    VideoCodec,
    check_loudness,
)
from streamer.core.web_url import is_web_url
from streamer.live_view import follow
from streamer.terminal import ERRORS, RESULTS
from streamer.terminal import run as run_command
from streamer.upload_note import upload_note

commands = typer.Typer()


def regular_file(path: Path | None) -> Path | None:
    """The path of a file that has an end; BadParameter for a pipe or a device."""
    if path is not None and not path.is_file():
        raise typer.BadParameter(f"'{path}' is no regular file.")
    return path


def _sendable(token: str) -> str:
    """A token that can be sent; BadParameter for another."""
    if not is_sendable(token):
        raise typer.BadParameter("A token is printable ASCII.")
    return token


def _reachable(server: str) -> str:
    """A URL that can be asked; BadParameter for another."""
    if not is_web_url(server):
        raise typer.BadParameter(f"'{server}' is no URL of http:// or https:// with a host.")
    return server


def _audible(lufs: float | None) -> float | None:
    """A loudness that sound can be brought to; BadParameter for another."""
    try:
        return None if lufs is None else check_loudness(lufs)
    except ValueError as error:
        raise typer.BadParameter(f"{lufs:g} {error}.") from error


Server = Annotated[
    str,
    typer.Option(
        envvar="STREAMER_SERVER",
        help="The origin's URL.",
        show_default=True,
        callback=_reachable,
    ),
]
Token = Annotated[
    str,
    typer.Option(
        envvar="STREAMER_API_TOKEN", help="The API token.", show_default=False, callback=_sendable
    ),
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
EncryptionChoice = Annotated[Encryption | None, typer.Option(help="How segments are encrypted.")]
PassthroughChoice = Annotated[
    bool | None, typer.Option(help="Copy the source's own pictures as the highest rendition.")
]
LoudnessChoice = Annotated[
    float | None,
    typer.Option(callback=_audible, help=f"Bring sound to this loudness, in LUFS: {LOUDNESSES}."),
]
_SERVER = "http://127.0.0.1:8080"


@commands.command()
def upload(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, callback=regular_file, help="The video file."),
    ],
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
    encryption: EncryptionChoice = None,
    passthrough: PassthroughChoice = None,
    loudness: LoudnessChoice = None,
    wait: Annotated[bool, typer.Option(help="Wait until it is ready or has failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Upload a video; run again after it was interrupted, it goes on where it was."""
    options = _options(preset, ladder, codec, encryption, passthrough, loudness)

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            video_id = await _upload_with_progress(client, file, title, priority, options)
            video = await (_watch if wait else ApiClient.video)(client, video_id)
        _print_video(video, as_json=as_json)
        _exit_with_state(video)

    run_command(run())


@commands.command()
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
            RESULTS.print(_table(found))

    run_command(run())


@commands.command()
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

    run_command(run())


@commands.command()
def repackage(
    video_id: VideoId,
    preset: PresetChoice = None,
    ladder: LadderChoice = None,
    codec: CodecChoice = None,
    encryption: EncryptionChoice = None,
    passthrough: PassthroughChoice = None,
    loudness: LoudnessChoice = None,
    server: Server = _SERVER,
    token: Token = "",
    wait: Annotated[bool, typer.Option(help="Wait until it is done or has failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Package a ready or failed video anew; viewers keep the old version until the new is ready."""
    options = _options(preset, ladder, codec, encryption, passthrough, loudness)

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            video = await client.repackage(video_id, options.to_json())
            if wait:
                video = await _watch(client, video_id)
        _print_video(video, as_json=as_json)
        _exit_with_state(video)

    run_command(run())


@commands.command()
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

    run_command(run())


@commands.command()
def delete(video_id: VideoId, server: Server = _SERVER, token: Token = "") -> None:
    """Delete a video with everything that was made of it."""

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            await client.delete(video_id)

    run_command(run())


@commands.command()
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
    if not paths and not tag:
        raise typer.BadParameter("Name a path or a tag.")

    async def run() -> None:
        async with ApiClient(server, token=token) as client:
            await client.purge(paths or [], tag or [], is_soft=soft)

    run_command(run())


def _options(
    preset: Preset | None,
    ladder: LadderKind | None,
    codecs: list[VideoCodec] | None,
    encryption: Encryption | None,
    passthrough: bool | None,
    loudness_lufs: float | None,
) -> PackagingOptions:
    return PackagingOptions(
        preset=preset,
        ladder=ladder,
        codecs=tuple(codecs) if codecs else None,
        encryption=encryption,
        passthrough=passthrough,
        loudness_lufs=loudness_lufs,
    )


async def _upload_with_progress(
    client: ApiClient, file: Path, title: str | None, priority: int, options: PackagingOptions
) -> str:
    columns = (TextColumn("uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    request = {"title": title, "priority": priority, "options": options.to_json()}
    with (
        upload_note(client.server, file, request) as note,
        Progress(*columns, console=ERRORS, transient=True, disable=not _is_terminal()) as bars,
    ):
        bar = bars.add_task("upload", total=None)
        return await client.upload(
            file,
            title=title,
            priority=priority,
            options=options.to_json(),
            known_location=note.location,
            on_created=note.keep,
            on_progress=lambda sent, total: bars.update(bar, completed=sent, total=total),
        )


async def _watch(client: ApiClient, video_id: str) -> VideoResource:
    """Show a video's changes until nothing more will happen; returns its last one."""
    return await follow(client.events(video_id), ERRORS) or await client.video(video_id)


def _is_terminal() -> bool:
    return sys.stderr.isatty()


def _print_json(value: object) -> None:
    RESULTS.print_json(json.dumps(value)) if sys.stdout.isatty() else RESULTS.out(
        json.dumps(value), highlight=False
    )


def _print_video(video: VideoResource, *, as_json: bool) -> None:
    if as_json:
        _print_json(video)
        return
    table = Table.grid(padding=(0, 2))
    for name in ("id", "title", "state", "playable", "progress", "duration_seconds"):
        table.add_row(name, Text(str(video[name])))
    table.add_row("renditions", Text(" ".join(item["name"] for item in video["renditions"])))
    table.add_row("player", Text(video["playback"]["player"]))
    for warning in video["warnings"]:
        table.add_row("warning", Text(warning))
    if making := video["repackaging"]:
        failed = making["error"]
        how = failed["message"] if failed else f"{making['progress']:.0%}"
        table.add_row(f"version {making['version']}", Text(how))
    if video["error"]:
        table.add_row("error", Text(f"{video['error']['code']}: {video['error']['message']}"))
    RESULTS.print(table)


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
