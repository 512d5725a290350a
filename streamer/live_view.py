"""A video's way to viewers, shown in a terminal as it goes, or told line by line."""

from collections.abc import AsyncIterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from streamer.client import VideoResource

_BAR_WIDTH = 40
_STYLES = {"ready": "green", "failed": "red"}


async def follow(events: AsyncIterator[VideoResource], console: Console) -> VideoResource | None:
    """Show every change of a video on `console`; returns its last one, None without any.

    Where the console is no terminal, each change that matters is one line.
    """
    if not console.is_terminal:
        return await _tell(events, console)
    last: VideoResource | None = None
    with Live(console=console, auto_refresh=False) as live:
        async for last in events:
            live.update(view(last), refresh=True)
    return last


def view(video: VideoResource) -> RenderableType:
    """The video as a few lines: state, progress, mark of the playable, renditions, warnings."""
    state = video["state"]
    head = Table.grid(padding=(0, 2))
    head.add_row(
        Text(state, style=_STYLES.get(state, "cyan")),
        ProgressBar(total=1.0, completed=video["progress"], width=_BAR_WIDTH),
        f"{video['progress']:.0%}",
        Text("▶ playable", style="green") if video["playable"] else Text("not playable yet"),
    )
    parts: list[RenderableType] = [Text(video["title"], style="bold"), head, _renditions(video)]
    parts += [Text(line, style="yellow") for line in _remarks(video)]
    return Group(*parts)


def line(video: VideoResource) -> str:
    """The video in one line."""
    parts = [video["state"], f"{video['progress']:.0%}"]
    if video["playable"]:
        parts.append("playable")
    return "  ".join([*parts, *_remarks(video)])


async def _tell(events: AsyncIterator[VideoResource], console: Console) -> VideoResource | None:
    last: VideoResource | None = None
    told = None
    async for last in events:
        matter = _matter(last)
        if matter != told:
            console.print(line(last), markup=False, highlight=False, soft_wrap=True)
        told = matter
    return last


def _matter(video: VideoResource) -> tuple[object, ...]:
    """What is worth a line when it changes: progress by tenths."""
    making = video["repackaging"]
    return (
        video["state"],
        video["playable"],
        int(video["progress"] * 10),
        video["warnings"],
        making and (making["error"], int(making["progress"] * 10)),
    )


def _renditions(video: VideoResource) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for rendition in video["renditions"]:
        height = rendition["height"]
        what = rendition["label"] or rendition["language"] or ""
        table.add_row(
            Text(rendition["name"]),
            f"{rendition['width']}x{height}" if height else Text(what),
            rendition["codecs"],
            f"{rendition['segments']} segments",
        )
    return table


def _remarks(video: VideoResource) -> list[str]:
    """What else its owner must know."""
    remarks = [f"warning: {warning}" for warning in video["warnings"]]
    if making := video["repackaging"]:
        failure = making["error"]
        how = f"failed: {failure['message']}" if failure else f"{making['progress']:.0%}"
        remarks.append(f"version {making['version']}: {how}")
    if failure := video["error"]:
        remarks.append(f"{failure['code']}: {failure['message']}")
    return remarks
