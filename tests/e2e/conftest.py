"""A whole installation and a real browser.

Playwright's synchronous interface keeps an event loop of its own while it runs, so the browser
lives no longer than a module; the installation is started once.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.e2e.pages import OpenPage
from tests.e2e.system import System, running_system

BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
# Posters and storyboards are looked for before they are there.
_EXPECTED_CONSOLE_ERRORS = ("Failed to load resource",)
PATIENCE_MS = 60_000
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Origin, worker and edge."""
    with running_system(tmp_path_factory.mktemp("system")) as system:
        yield system


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of 720p with sound: packaging it takes longer than opening a page."""
    path = tmp_path_factory.mktemp("clips") / "harbour_clock.mp4"
    arguments = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=15:duration=32"]
    arguments += ["-f", "lavfi", "-i", "sine=frequency=330:duration=32"]
    arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(path)]
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    subprocess.run([*ffmpeg, *arguments], check=True, timeout=120)
    return path


@pytest.fixture(scope="session")
def ready_video(system: System, clip: Path) -> str:
    """The id of a packaged video."""
    video_id = system.upload(clip, "Harbour clock")
    video = system.wait_until_final(video_id)
    assert video["state"] == "ready", video["error"]
    return video_id


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    executable = shutil.which("chromium")
    assert executable, "chromium is not installed: make test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def watch_for_errors() -> Iterator[Callable[[Page], None]]:
    """Listens to the scripts of a page, which in the end may have told of no error."""
    errors: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_EXPECTED_CONSOLE_ERRORS):
            errors.append(message.text)

    def watch_for_errors(page: Page) -> None:
        page.on("console", on_console)
        page.on("pageerror", lambda error: errors.append(str(error)))

    yield watch_for_errors
    assert errors == []


@pytest.fixture
def open_page(
    browser: Browser, system: System, watch_for_errors: Callable[[Page], None]
) -> Iterator[OpenPage]:
    """Opens pages of the origin in contexts of their own; fails on errors of their scripts."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: str,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: str = "light",
        touch: bool = False,
        origin_url: str | None = None,
        script: str = "",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=touch,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.add_init_script(script)
        watch_for_errors(page)
        page.goto((origin_url or system.origin_url) + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
