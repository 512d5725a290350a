"""The library page: what a person does there, and what goes wrong."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.pages import OpenPage
from tests.e2e.system import System, fetch_json, running_origin, wait_for


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "shopping list.mp4"
    path.write_text("bread, butter, milk\n" * 1000)
    return path


def card(page: Page, title: str) -> Locator:
    return page.locator(".card", has=page.get_by_role("link", name=title, exact=True))


def drop(page: Page, *paths: Path) -> None:
    """Drag files and folders from the desktop and let them go over the page."""
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for event in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": event, "x": 400, "y": 200, "data": data})


def append_a_byte(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\n")


def test_a_file_that_is_no_video_gives_its_reason(open_page: OpenPage, text_file: Path) -> None:
    page = open_page("/")
    page.get_by_label("Choose files").set_input_files(text_file)
    failed = card(page, "shopping list")
    expect(failed.locator(".chip")).to_have_text("Failed")
    expect(failed.locator(".card-reason")).to_contain_text("not a video")
    failed.get_by_role("link", name="shopping list").click()
    expect(page.get_by_role("heading", name="This video cannot be played")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="not a video")).to_be_visible()


def test_a_video_is_renamed_found_and_deleted(
    open_page: OpenPage, system: System, text_file: Path
) -> None:
    system.upload(text_file, "Before")
    page = open_page("/")
    card(page, "Before").get_by_role("button", name="Rename").click()
    page.get_by_label("Title", exact=True).fill("Zanzibar at dawn")
    page.get_by_label("Title", exact=True).press("Enter")
    expect(card(page, "Zanzibar at dawn")).to_be_visible()

    page.get_by_label("Search videos").fill("zanzibar")
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_label("Search videos").fill("no such title")
    expect(page.get_by_text("No video has a title like this.")).to_be_visible()
    page.get_by_label("Search videos").fill("zanzibar")

    card(page, "Zanzibar at dawn").get_by_role("button", name="Delete").click()
    question = page.get_by_role("dialog", name="Delete this video?")
    question.get_by_role("button", name="Cancel").click()
    expect(card(page, "Zanzibar at dawn")).to_be_visible()
    card(page, "Zanzibar at dawn").get_by_role("button", name="Delete").click()
    question.get_by_role("button", name="Delete").click()
    expect(page.locator(".card")).to_have_count(0)
    page.reload()
    page.get_by_label("Search videos").fill("zanzibar")
    expect(page.get_by_text("No video has a title like this.")).to_be_visible()


def test_enter_that_ends_a_composition_ends_no_renaming(
    open_page: OpenPage, system: System, text_file: Path
) -> None:
    system.upload(text_file, "Nihon")
    page = open_page("/")
    card(page, "Nihon").get_by_role("button", name="Rename").click()
    title = page.get_by_label("Title", exact=True)
    composition = {"text": "にほん", "selectionStart": 3, "selectionEnd": 3}
    page.context.new_cdp_session(page).send("Input.imeSetComposition", composition)
    title.press("Enter")
    expect(title).to_have_value("にほん")
    page.keyboard.insert_text("日本")
    title.press("Enter")
    expect(card(page, "日本")).to_be_visible()


@pytest.mark.parametrize("action", ["Delete", "Rename"])
def test_a_card_whose_video_is_gone_leaves_the_library(
    open_page: OpenPage, system: System, text_file: Path, action: str
) -> None:
    video_id = system.upload(text_file, f"{action} me")
    system.wait_until_final(video_id)
    page = open_page("/")
    gone = card(page, f"{action} me")
    expect(gone).to_be_visible()
    system.delete(video_id)
    gone.get_by_role("button", name=action).click()
    if action == "Delete":
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("status")).to_contain_text("was deleted")
    else:
        page.get_by_label("Title", exact=True).fill("Too late")
        page.get_by_label("Title", exact=True).press("Enter")
        expect(page.get_by_role("status")).to_contain_text("no such video")
    expect(page.locator(f".card[data-id='{video_id}']")).to_have_count(0)


def test_titles_are_laid_out_as_their_language_is_written(
    open_page: OpenPage, system: System, tmp_path: Path
) -> None:
    title = "فيديو العرض (1080p)"
    path = tmp_path / f"{title}.mp4"
    path.write_text("bread, butter, milk\n" * 1000)
    video_id = system.upload(path, title)
    page = open_page("/")
    shown = card(page, title)
    expect(shown.get_by_role("link", name=title)).to_have_css("direction", "rtl")
    shown.get_by_role("button", name="Rename").click()
    expect(page.get_by_label("Title", exact=True)).to_have_css("direction", "rtl")
    page.get_by_label("Title", exact=True).press("Escape")
    page.context.set_offline(True)
    page.get_by_label("Choose files").set_input_files(path)
    expect(page.locator(".upload-name")).to_have_css("direction", "rtl")
    page.context.set_offline(False)
    page.goto(f"{system.origin_url}/watch/{video_id}")
    expect(page.get_by_role("heading", name=title)).to_have_css("direction", "rtl")


def test_an_upload_goes_on_after_a_pause_and_after_a_reload(
    open_page: OpenPage, clip: Path
) -> None:
    page = open_page("/")
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": 1_500_000,
        },
    )
    page.get_by_label("Choose files").set_input_files(clip)
    row = page.get_by_role("list", name="Uploads").get_by_role("listitem")
    expect(row).to_contain_text(re.compile(r"MB of .*B/s"))
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("Paused")
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text(re.compile(r"[1-9]\d* MB of"))

    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    interrupted = page.locator(".card[data-state=uploading]").first
    expect(interrupted).to_contain_text("Choose the same file again")
    page.get_by_label("Choose files").set_input_files(clip)
    expect(row).to_contain_text(re.compile(r"[1-9]\d* MB of"))
    row.get_by_role("button", name="Cancel the upload").click()
    expect(row).to_have_count(0)


def test_a_token_is_asked_for_once(open_page: OpenPage, tmp_path: Path, text_file: Path) -> None:
    with running_origin(tmp_path, "--no-worker", token="open sesame") as origin_url:
        page = open_page("/", origin_url=origin_url)
        expect(page.get_by_role("heading", name="No videos yet")).to_be_visible()
        page.get_by_label("or fetch a file from the web").fill("https://video.invalid/a.mp4")
        page.get_by_role("button", name="Fetch").click()
        question = page.get_by_role("dialog", name="API token")
        question.get_by_label("Token").fill("wrong")
        question.get_by_role("button", name="Continue").click()
        expect(question).to_contain_text("did not accept")
        question.get_by_label("Token").fill("open sesame")
        question.get_by_role("button", name="Continue").click()
        expect(page.locator(".card")).to_have_count(1)
        page.get_by_label("Choose files").set_input_files(text_file)
        expect(page.locator(".card")).to_have_count(2)
        expect(question).to_have_count(0)


def test_a_dropped_folder_is_left_out_and_its_neighbours_are_taken(
    open_page: OpenPage, tmp_path: Path, text_file: Path
) -> None:
    folder = tmp_path / "holidays"
    folder.mkdir()
    with running_origin(tmp_path, "--no-worker") as origin_url:
        page = open_page("/", origin_url=origin_url)
        drop(page, folder, text_file)
        expect(page.get_by_role("status")).to_contain_text("Folders are left out")
        expect(page.locator(".card")).to_have_count(1)
        expect(page.get_by_role("list", name="Uploads").get_by_role("listitem")).to_have_count(0)


@pytest.mark.parametrize(
    ("spoil", "kept"),
    [
        pytest.param(append_a_byte, 0, id="changed"),
        pytest.param(Path.unlink, 1, id="gone", marks=pytest.mark.slow),
    ],
)
def test_a_file_that_cannot_be_read_any_more_is_told(
    open_page: OpenPage,
    tmp_path: Path,
    text_file: Path,
    spoil: Callable[[Path], object],
    kept: int,
) -> None:
    def create_and_spoil(route: Route) -> None:
        response = route.fetch()
        spoil(text_file)
        route.fulfill(response=response)

    with running_origin(tmp_path, "--no-worker") as origin_url:
        page = open_page("/", origin_url=origin_url)
        page.route("**/api/v1/uploads", create_and_spoil)
        page.get_by_label("Choose files").set_input_files(text_file)
        row = page.get_by_role("list", name="Uploads").get_by_role("listitem")
        expect(row).to_contain_text("This file is gone or was changed. Choose it again.")
        expect(row.get_by_role("button")).to_have_count(1)
        wait_for(
            lambda: len(fetch_json(f"{origin_url}/api/v1/videos")["items"]) == kept,
            f"there are never {kept} videos",
        )


@pytest.mark.parametrize(
    "spoiled",
    [
        "\u201copen sesame\u201d",
        pytest.param("open \u200bsesame", marks=pytest.mark.slow),
    ],
)
def test_a_token_that_cannot_be_sent_is_told_and_asked_for_again(
    open_page: OpenPage, tmp_path: Path, text_file: Path, spoiled: str
) -> None:
    with running_origin(tmp_path, "--no-worker", token="open sesame") as origin_url:
        page = open_page("/", origin_url=origin_url)
        page.get_by_label("Choose files").set_input_files(text_file)
        question = page.get_by_role("dialog", name="API token")
        question.get_by_label("Token").fill(spoiled)
        question.get_by_role("button", name="Continue").click()
        expect(question).to_contain_text("This is no token")
        page.reload()
        expect(page.get_by_role("heading", name="No videos yet")).to_be_visible()
        page.get_by_label("Choose files").set_input_files(text_file)
        question.get_by_label("Token").fill("open sesame")
        question.get_by_role("button", name="Continue").click()
        expect(page.locator(".card")).to_have_count(1)


def test_who_waits_for_a_video_that_is_deleted_is_told(
    open_page: OpenPage, tmp_path: Path, text_file: Path
) -> None:
    with running_origin(tmp_path, "--no-worker") as origin_url:
        installation = System(origin_url, origin_url)
        video_id = installation.upload(text_file, "Nobody's turn")
        page = open_page(f"/watch/{video_id}", origin_url=origin_url)
        expect(page.locator("#meta .chip")).to_be_visible()
        installation.delete(video_id)
        expect(page.get_by_role("heading", name="No video here")).to_be_visible()
        expect(page.locator("#meta")).to_be_empty()


def test_what_the_server_refuses_is_said(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_label("or fetch a file from the web").fill("http://127.0.0.1:1/private.mp4")
    page.get_by_role("button", name="Fetch").click()
    told = page.get_by_role("status").or_(page.locator(".card-reason"))
    expect(told.first).to_contain_text(re.compile("private|public|address", re.IGNORECASE))


def test_a_search_has_no_more_characters_than_a_title(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_label("Search videos").focus()
    page.keyboard.insert_text("zanzibar " * 30)
    expect(page.get_by_text("No video has a title like this.")).to_be_visible()
    expect(page.get_by_label("Search videos")).to_have_value(("zanzibar " * 30)[:200])


def test_without_javascript_the_library_says_so(browser: Browser, system: System) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(system.origin_url)
        expect(page.locator("noscript p")).to_contain_text("This page needs JavaScript")
        expect(page.get_by_text("Choose files")).to_be_hidden()
