"""What `streamer status --watch` says."""

import io
from collections.abc import AsyncIterator
from typing import Any

from rich.console import Console

from streamer.live_view import follow, view

VIDEO: dict[str, Any] = {
    "title": "Clip [bold]",
    "state": "packaging",
    "playable": False,
    "progress": 0.0,
    "renditions": [],
    "warnings": [],
    "repackaging": None,
    "error": None,
}
RENDITION = {
    "name": "240p",
    "width": 426,
    "height": 240,
    "codecs": "avc1.64001e",
    "label": None,
    "language": None,
    "segments": 3,
}


async def changes(*videos: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for video in videos:
        yield video


def plain() -> Console:
    return Console(file=io.StringIO(), width=100)


def written(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


async def test_each_change_that_matters_is_a_line() -> None:
    console = plain()
    playable = {**VIDEO, "playable": True, "progress": 0.31}
    hardly = {**playable, "progress": 0.33}
    error = {"code": "truncated", "message": "The file ends early."}
    failed = {**VIDEO, "state": "failed", "error": error}
    assert await follow(changes(VIDEO, playable, hardly, failed), console) == failed
    assert written(console) == [
        "packaging  0%",
        "packaging  31%  playable",
        "failed  0%  truncated: The file ends early.",
    ]


async def test_a_new_version_is_told_by_tenths() -> None:
    console = plain()
    ready = {**VIDEO, "state": "ready", "progress": 1.0, "playable": True}
    making = [
        {**ready, "repackaging": {"version": 2, "progress": progress, "error": None}}
        for progress in (0.1, 0.15, 0.5)
    ]
    await follow(changes(*making, ready), console)
    assert written(console) == [
        "ready  100%  playable  version 2: 10%",
        "ready  100%  playable  version 2: 50%",
        "ready  100%  playable",
    ]


async def test_nothing_is_none() -> None:
    assert await follow(changes(), plain()) is None


def test_the_view_names_renditions_and_warnings_as_they_are() -> None:
    console = plain()
    console.print(view({**VIDEO, "renditions": [RENDITION], "warnings": ["It ends [early]."]}))
    text = "\n".join(written(console))
    for part in ("Clip [bold]", "not playable yet", "240p", "426x240", "warning: It ends [early]."):
        assert part in text
