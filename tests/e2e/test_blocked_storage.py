"""A browser that keeps nothing, because its owner blocks all site data or there is no room."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import BROWSER_OPTIONS, PATIENCE_MS
from tests.e2e.pages import OpenPage, position, seek, wait_until_past, wait_until_playing
from tests.e2e.system import System, running_origin

_BLOCKED = 2
_PREFERENCES = {"profile": {"default_content_setting_values": {"cookies": _BLOCKED}}}
_FILL_STORAGE = """() => {
  for (let size = 2 ** 24; size >= 1; size /= 2) {
    try {
      localStorage.setItem(size, "x".repeat(size));
    } catch {}
  }
}"""


@pytest.fixture
def blocking_page(
    browser: Browser, tmp_path: Path, watch_for_errors: Callable[[Page], None]
) -> Iterator[Page]:
    preferences = tmp_path / "profile" / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    preferences.write_text(json.dumps(_PREFERENCES))
    context = browser.browser_type.launch_persistent_context(
        tmp_path / "profile", executable_path=shutil.which("chromium"), args=BROWSER_OPTIONS
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watch_for_errors(page)
    yield page
    context.close()


def test_a_video_plays_from_its_beginning(
    blocking_page: Page, system: System, ready_video: str
) -> None:
    page = blocking_page
    page.goto(f"{system.origin_url}/watch/{ready_video}")
    wait_until_playing(page)
    page.get_by_label("Volume").fill("0.4")
    seek(page, 20)
    wait_until_past(page, 20.2)
    page.reload()
    wait_until_playing(page)
    assert position(page) < 20


def test_a_token_is_kept_until_the_page_is_left(blocking_page: Page, tmp_path: Path) -> None:
    page = blocking_page
    no_video = tmp_path / "shopping list.mp4"
    no_video.write_text("bread, butter, milk\n" * 1000)
    with running_origin(tmp_path, "--no-worker", token="open sesame") as origin_url:
        page.goto(origin_url)
        page.get_by_label("or fetch a file from the web").fill("https://video.invalid/a.mp4")
        page.get_by_role("button", name="Fetch").click()
        question = page.get_by_role("dialog", name="API token")
        question.get_by_label("Token").fill("open sesame")
        question.get_by_role("button", name="Continue").click()
        expect(page.locator(".card")).to_have_count(1)
        page.get_by_label("Choose files").set_input_files(no_video)
        expect(page.locator(".card")).to_have_count(2)
        expect(question).to_have_count(0)


def test_the_theme_can_be_chosen(blocking_page: Page, system: System) -> None:
    blocking_page.goto(system.origin_url)
    switch_theme_twice(blocking_page)


def test_the_theme_can_be_chosen_where_there_is_no_room(open_page: OpenPage) -> None:
    page = open_page("/")
    page.evaluate(_FILL_STORAGE)
    switch_theme_twice(page)


def switch_theme_twice(page: Page) -> None:
    page.get_by_role("button", name="Use the dark theme").click()
    page.get_by_role("button", name="Use the light theme").click()
    expect(page.get_by_role("button", name="Use the dark theme")).to_be_visible()
