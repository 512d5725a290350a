"""Subtitles and chapters in a real browser."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import expect

from tests.e2e.pages import OpenPage, preview, wait_until, wait_until_playing
from tests.e2e.system import System

CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1
START=0
END=4
title=Opening
[CHAPTER]
TIMEBASE=1/1
START=4
END=8
title=The rest
"""
# Also shown when the video has ended.
SUBTITLES = b"1\n00:00:00,000 --> 00:00:09,000\nGood evening\n"
SHOWN = """[...document.querySelector("video").textTracks]
  .filter((track) => track.mode === "showing")
  .flatMap((track) => [...(track.activeCues ?? [])])
  .map((cue) => cue.text)"""


@pytest.fixture
def chaptered(tmp_path: Path) -> Path:
    """Eight seconds in two chapters."""
    metadata, path = tmp_path / "chapters.txt", tmp_path / "chaptered.mkv"
    metadata.write_text(CHAPTERS)
    arguments = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8"]
    arguments += ["-i", str(metadata), "-map_metadata", "1"]
    arguments += ["-c:v", "libx264", "-preset", "ultrafast", str(path)]
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    subprocess.run([*ffmpeg, *arguments], check=True, timeout=60)
    return path


def test_added_subtitles_are_read_and_chapters_are_marked(
    open_page: OpenPage, system: System, chaptered: Path
) -> None:
    video_id = system.upload(chaptered, "An evening")
    system.wait_until_final(video_id)
    page = open_page("/")
    card = page.locator(".card", has_text="An evening")
    card.get_by_role("button", name="Add subtitles").click()
    page.get_by_label("WebVTT or SubRip file").set_input_files(
        {"name": "a.srt", "mimeType": "application/x-subrip", "buffer": SUBTITLES}
    )
    page.get_by_label("Language, as en or pt-BR").fill("fr")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("has subtitles now")

    page = open_page(f"/watch/{video_id}")
    wait_until_playing(page)
    page.get_by_role("button", name="Subtitles: Subtitles").click()
    page.get_by_role("menuitemradio", name="Français").click()
    expect(page.get_by_role("button", name="Subtitles: CC Français")).to_be_visible()
    wait_until(page, f"{SHOWN}.includes('Good evening')")
    page.keyboard.press("c")
    wait_until(page, f"{SHOWN}.length === 0")
    expect(page.locator(".scrubber-chapters > div")).to_have_count(1)
    expect(preview(page, 0.75, "chapter")).to_have_text("The rest")
