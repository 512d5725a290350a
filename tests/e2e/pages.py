"""What the tests see of the pages, and do with them."""

import re
import time
from typing import Protocol

from playwright.sync_api import Locator, Page

from tests.e2e.system import wait_for

_PATIENCE_SECONDS = 60.0
_RECORD_STALLS = """() => {
  const video = document.querySelector("video");
  window.stalls = [];
  video.addEventListener("waiting", () => {
    const { buffered, currentTime, seeking } = video;
    // A busy machine may also be late to decode what is there.
    const isThere = [...Array(buffered.length).keys()].some(
      (n) => buffered.start(n) <= currentTime && currentTime + 0.5 < buffered.end(n));
    if (!seeking && !isThere) window.stalls.push(currentTime);
  });
}"""


class OpenPage(Protocol):
    """Opens a page of the origin in a browser context of its own, and runs `script` before it."""

    def __call__(
        self,
        path: str,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: str = "light",
        touch: bool = False,
        origin_url: str | None = None,
        script: str = "",
    ) -> Page: ...


# What the player does, for a failure to tell.
_STATE = """() => [...document.querySelectorAll("video")].map((video) => ({
  time: video.currentTime, duration: video.duration, paused: video.paused,
  ready: video.readyState, error: video.error?.message,
  buffered: [...Array(video.buffered.length).keys()].map(
    (n) => [video.buffered.start(n), video.buffered.end(n)]),
}))"""


def wait_until(page: Page, condition: str) -> None:
    """Return once a JavaScript expression is true.

    Playwright's own `wait_for_function` needs eval, which the pages' security policy forbids.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"never true: {condition}; {page.evaluate(_STATE)}"
        page.wait_for_timeout(50)


def wait_until_playing(page: Page) -> None:
    """Return once pictures move."""
    wait_until_past(page, 0.1)


def wait_until_past(page: Page, seconds: float) -> None:
    """Return once playback is past a position."""
    wait_until(page, f"document.querySelector('video').currentTime > {seconds}")


def position(page: Page) -> float:
    return float(page.evaluate("document.querySelector('video').currentTime"))


def record_stalls(page: Page) -> None:
    """Begin to note where playback runs dry, other than right after a seek."""
    page.evaluate(_RECORD_STALLS)


def stalls(page: Page) -> list[float]:
    return list(page.evaluate("window.stalls"))


def show_stats(page: Page) -> None:
    page.get_by_role("button", name="Stats for engineers").click()
    page.get_by_label("Stats for engineers").locator("dl").wait_for()


def stat(page: Page, name: str) -> str:
    """A figure of the stats for engineers."""
    return page.locator(f"[data-stat='{name}']").inner_text()


def seek(page: Page, seconds: float) -> None:
    page.evaluate(f"document.querySelector('video').currentTime = {seconds}")


def preview(page: Page, share: float, part: str) -> Locator:
    """A part of what is shown above the scrub bar where the mouse is, after a share of its length.

    The bar is hidden from a mouse that rests, before the part may be there.
    """
    found = page.locator(f".preview-{part}")

    def look() -> bool:
        bar = page.get_by_role("slider", name="Seek").bounding_box()
        assert bar is not None
        x, y = bar["x"] + bar["width"] * share, bar["y"] + bar["height"] / 2
        page.mouse.move(x, y - 100)
        page.mouse.move(x, y)
        return found.is_visible()

    wait_for(look, f"the scrub bar never showed a {part}")
    return found


def video_id(page: Page) -> str:
    """The id of the video whose page this is."""
    return page.url.split("?")[0].rsplit("/", 1)[-1]


def quality_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Quality"))


def qualities(page: Page) -> list[str]:
    """The choices of the quality menu."""
    menu = page.get_by_role("menu", name="Quality", include_hidden=True)
    return menu.locator(".menu-label").all_text_contents()
