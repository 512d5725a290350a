"""The commands that speak to an origin, with names that are not made for terminals."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.integration.origin.conftest import Origin
from tests.integration.origin.test_playback import make_video

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def streamer(
    origin: Origin, *arguments: str | Path, **environment: str
) -> tuple[int | None, str]:
    """The exit code of a command that complains of nothing, and what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer", *arguments, "--server", origin.url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    output, complaints = await process.communicate()
    assert complaints.decode() == ""
    return process.returncode, output.decode()


@pytest.mark.parametrize("text", ["[/red]x", "[draft] my film", ":smile:"])
async def test_titles_and_reasons_are_no_markup(origin: Origin, text: str) -> None:
    video_id = await make_video(origin)
    await origin.catalog.set_title(video_id, f"{text} title")
    await origin.catalog.fail(video_id, code="fetch_failed", message=f"{text} reason")
    code, output = await streamer(origin, "status", video_id)
    assert code == 1
    assert f"{text} title" in output
    assert f"fetch_failed: {text} reason" in output


async def test_titles_that_the_terminal_cannot_show(origin: Origin) -> None:
    video_id = await make_video(origin)
    await origin.catalog.set_title(video_id, "film \N{CLAPPER BOARD}")
    for arguments in (["videos"], ["status", video_id]):
        code, output = await streamer(origin, *arguments, PYTHONIOENCODING="ascii")
        assert (code, "film ?" in output) == (0, True)


async def test_files_whose_names_are_no_utf8(origin: Origin, tmp_path: Path) -> None:
    film = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    film.write_bytes(b"moving pictures")
    code, output = await streamer(origin, "upload", film)
    assert (code, "caf?" in output) == (0, True)

    video_id = await make_video(origin)
    text = tmp_path / os.fsdecode(b"caf\xe9.srt")
    text.write_text("00:00:01,000 --> 00:00:02,000\nx\n")
    label = ("--language", "fr", "--label", os.fsdecode(b"fran\xe7ais"))
    code, output = await streamer(origin, "subtitles", video_id, text, *label, "--json")
    assert (code, "fran?ais" in output) == (0, True)
