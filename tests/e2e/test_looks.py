"""Both pages in both themes and down to the narrowest phone: readable, named, nothing cut off."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Page, expect

from sample_media.generate import generate
from tests.e2e.pages import (
    OpenPage,
    preview,
    seek,
    show_stats,
    wait_until_past,
    wait_until_playing,
)
from tests.e2e.system import System

_SCHEMES = ("light", "dark")
# WCAG 2.2 §1.4.3: the lowest contrast of each visible text with what is painted behind it.
_LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) =>
    [r, g, b].map((channel, index) => channel * a + below[index] * (1 - a));
  const backdrop = (element) => {
    if (!element) return [255, 255, 255];
    const color = rgba(getComputedStyle(element).backgroundColor);
    return color[3] === 1 ? color.slice(0, 3) : over(color, backdrop(element.parentElement));
  };
  const luminance = (color) => {
    const [r, g, b] = color.map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest("script, style")) continue;
    const behind = backdrop(element);
    const ink = over(rgba(getComputedStyle(element).color), behind);
    const [dark, light] = [luminance(ink), luminance(behind)].sort((a, b) => a - b);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${text}`);
  }
  return low;
}"""
_UNNAMED = """() => [...document.querySelectorAll(
  "button, a[href], input, [role=slider], [role=menu], progress, img, dialog[open]"
)]
  .filter((element) => element.checkVisibility() && !element.closest("[aria-hidden=true]"))
  .filter((element) => !(
    element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") ||
    element.textContent.trim() || element.labels?.length || element.hasAttribute("alt")
  ))
  .map((element) => element.outerHTML.slice(0, 120))"""

_HEADING_LEVELS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((element) => element.checkVisibility())
  .map((element) => Number(element.tagName[1]))"""
_CUT_OFF = """() => [...document.querySelectorAll("#controls button")]
  .filter((element) => element.checkVisibility())
  .filter((element) => element.getBoundingClientRect().right > innerWidth)
  .map((element) => element.getAttribute("aria-label"))"""
_SCRUBBER_COLOURS = """() => ["packaged", "buffered > div", "played"]
  .map((part) => document.querySelector(`.scrubber-${part}`))
  .map((element) => getComputedStyle(element).backgroundColor)"""
_LANGUAGE = "Português (Brasil)"
_SUBTITLES = b"1\n00:00:00,000 --> 00:00:30,000\nGood evening\n"


@pytest.fixture(params=_SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def shown_video(request: pytest.FixtureRequest, system: System) -> str:
    """The video in the pictures; a small library when they are wanted for the README."""
    if not os.environ.get("STREAMER_SCREENSHOTS"):
        return str(request.getfixturevalue("ready_video"))
    directory = request.getfixturevalue("tmp_path_factory").mktemp("showcase")
    notes = directory / "notes.txt"
    notes.write_text("bread, butter, milk\n" * 1000)
    uploads = [(notes, "Shopping list"), *_scenes(directory)]
    uploads.append((generate("demo"), "A night on the ridge"))
    for path, title in uploads:
        video_id = system.upload(path, title)
        system.wait_until_final(video_id)
    return video_id


def _scenes(directory: Path) -> list[tuple[Path, str]]:
    """Parts of the sample clip, with their titles."""
    moments = [(22, "First light"), (14, "Stars over the valley"), (7, "Moonrise, take three")]
    scenes = []
    for second, title in moments:
        path = directory / f"{second}.mp4"
        ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-ss", str(second)]
        part = ["-i", str(generate("demo")), "-t", "8", "-c", "copy", str(path)]
        subprocess.run([*ffmpeg, *part], check=True, timeout=60)
        scenes.append((path, title))
    return scenes


@pytest.fixture(scope="module")
def subtitled_video(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a video with subtitles, whose language has a long name."""
    clip = generate("beeps_flashes")
    subtitles = tmp_path_factory.mktemp("subtitles") / "a.srt"
    subtitles.write_bytes(_SUBTITLES)
    video_id = system.upload(clip, "Beeps")
    system.wait_until_final(video_id)
    command = [sys.executable, "-m", "streamer", "subtitles", video_id, str(subtitles)]
    command += ["--language", "pt-BR", "--label", _LANGUAGE, "--server", system.origin_url]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return video_id


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures of the pages go."""
    directory = Path(os.environ.get("STREAMER_SCREENSHOTS") or tmp_path)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def test_the_library(open_page: OpenPage, shown_video: str, scheme: str, pictures: Path) -> None:
    page = open_page("/", scheme=scheme)
    poster = page.locator(f".card[data-id='{shown_video}'] img")
    expect(poster).to_be_visible()
    assert page.evaluate(_LOW_CONTRAST) == []
    assert page.evaluate(_UNNAMED) == []
    assert_page_outline(page)
    save(page, pictures, "library", scheme)


def test_the_player(open_page: OpenPage, shown_video: str, scheme: str, pictures: Path) -> None:
    page = open_page(f"/watch/{shown_video}", scheme=scheme)
    wait_until_playing(page)
    seek(page, 9)
    show_stats(page)
    wait_until_past(page, 12)
    preview(page, 0.6, "picture")
    assert page.evaluate(_LOW_CONTRAST) == []
    assert page.evaluate(_UNNAMED) == []
    assert_page_outline(page)
    save(page, pictures, "player", scheme)


def test_the_scrub_bar_shows_what_was_played_in_forced_colours(
    open_page: OpenPage, shown_video: str, pictures: Path
) -> None:
    page = open_page(f"/watch/{shown_video}")
    page.emulate_media(forced_colors="active")
    wait_until_playing(page)
    seek(page, 12)
    wait_until_past(page, 12.2)
    page.mouse.move(600, 300)
    save(page, pictures, "player-forced-colours", "light")
    parts = page.evaluate(_SCRUBBER_COLOURS)
    assert len(set(parts)) == len(parts) == 3


def test_the_theme_button_overrules_the_system(open_page: OpenPage) -> None:
    page = open_page("/", scheme="light")
    light = background(page)
    page.get_by_role("button", name="Use the dark theme").click()
    dark = background(page)
    assert sum(dark) < sum(light) / 4
    page.reload()
    assert background(page) == dark
    page.get_by_role("button", name="Use the light theme").click()
    assert background(page) == light


@pytest.mark.parametrize("width", [320, 390, 768])
def test_the_library_fits(open_page: OpenPage, ready_video: str, width: int) -> None:
    page = open_page("/", width=width, height=700)
    expect(page.locator(f".card[data-id='{ready_video}']")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [320, 360, 420])
def test_the_player_with_subtitles_fits(
    open_page: OpenPage, subtitled_video: str, pictures: Path, width: int
) -> None:
    page = open_page(f"/watch/{subtitled_video}", width=width, height=568)
    wait_until_playing(page)
    for choice in (_LANGUAGE, "Off"):
        page.get_by_role("button", name="Subtitles").click()
        page.get_by_role("menuitemradio", name=choice).click()
        assert page.evaluate(_CUT_OFF) == []
        save(page, pictures, f"narrow-{width}-{choice}", "light")


def test_the_keyboard_reaches_the_library(open_page: OpenPage, ready_video: str) -> None:
    page = open_page("/")
    expect(page.locator(f".card[data-id='{ready_video}']")).to_be_visible()
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.className")
        )
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
    assert reached[:5] == ["skip", "brand", "search", "theme", "files"]
    assert "card-title" in reached


def save(page: Page, pictures: Path, name: str, scheme: str) -> None:
    suffix = "" if scheme == "light" else f"-{scheme}"
    page.screenshot(path=pictures / f"{name}{suffix}.png")


def assert_page_outline(page: Page) -> None:
    """One main region, one first heading, no level left out, a language and a title."""
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    levels = page.evaluate(_HEADING_LEVELS)
    assert all(below <= above + 1 for above, below in pairwise(levels)), levels
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title()


def background(page: Page) -> tuple[int, ...]:
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return tuple(int(part) for part in color.strip("rgb()").split(","))
