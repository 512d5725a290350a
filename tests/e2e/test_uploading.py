"""The upload rows of the library page: outages, second thoughts, other tabs, the token."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.pages import OpenPage
from tests.e2e.system import running_origin

_TOKEN = "open sesame"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.mp4" for name in ("bread", "butter", "milk")]
    for path in paths:
        path.write_text(f"{path.stem}\n" * 1000)
    return paths


def upload(page: Page, *paths: Path) -> None:
    page.get_by_label("Choose files").set_input_files(paths)


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="Uploads").get_by_role("listitem")


def give_token(page: Page) -> None:
    question = page.get_by_role("dialog", name="API token")
    question.get_by_label("Token").fill(_TOKEN)
    question.get_by_role("button", name="Continue").click()


def test_who_declines_the_token_is_asked_once_for_all_files(
    open_page: OpenPage, tmp_path: Path, files: list[Path]
) -> None:
    with running_origin(tmp_path, "--no-worker", token=_TOKEN) as origin_url:
        page = open_page("/", origin_url=origin_url)
        upload(page, *files)
        question = page.get_by_role("dialog", name="API token")
        expect(question).to_be_visible()
        question.press("Escape")
        needed = re.compile("This needs the API token.(?!:)")
        expect(rows(page)).to_contain_text([needed, needed, needed])
        expect(question).to_have_count(0)

        rows(page).last.get_by_role("button", name="Try again").click()
        give_token(page)
        expect(page.locator(".card")).to_have_count(1)
        expect(rows(page)).to_have_count(2)
