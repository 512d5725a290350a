"""The upload rows of the library page: outages, second thoughts, other tabs, the token."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.e2e.pages import OpenPage
from tests.e2e.system import fetch_json, running_origin, wait_for

_TOKEN = "open sesame"
_CREATION = "**/api/v1/uploads"
_UPLOAD = "**/api/v1/uploads/*"
Creation = tuple[Route, APIResponse]


@pytest.fixture
def origin_url(tmp_path: Path) -> Iterator[str]:
    """An origin without a worker: what is uploaded stays as it is."""
    with running_origin(tmp_path, "--no-worker") as origin_url:
        yield origin_url


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


def rename(page: Page, title: str) -> None:
    """Renames the only video, as another page would."""
    page.evaluate(
        """async (title) => {
            const { id } = document.querySelector(".card").dataset;
            const headers = { "Content-Type": "application/json" };
            const body = JSON.stringify({ title });
            await fetch(`/api/v1/videos/${id}`, { method: "PATCH", headers, body });
        }""",
        title,
    )
    expect(page.locator(".card")).to_contain_text(title)


def video_states(origin_url: str) -> list[str]:
    return [video["state"] for video in fetch_json(f"{origin_url}/api/v1/videos")["items"]]


def create_and_hold(page: Page, path: Path) -> list[Creation]:
    """The creations of an upload that the origin has answered and the page has not heard of."""
    creations: list[Creation] = []
    page.route(_CREATION, lambda route: creations.append((route, route.fetch())))
    upload(page, path)

    def look() -> bool:
        page.wait_for_timeout(10)
        return bool(creations)

    wait_for(look, "the upload is never created")
    return creations


def let_go(creations: list[Creation]) -> None:
    for route, response in creations:
        route.fulfill(response=response)


def test_an_upload_outlasts_an_outage(
    open_page: OpenPage, origin_url: str, files: list[Path]
) -> None:
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.method)
        if len(refused) % 2:
            route.abort("connectionrefused")
        else:
            route.fulfill(status=502)  # as a proxy says it

    page = open_page("/", origin_url=origin_url)
    page.clock.install()
    page.route(_UPLOAD, refuse)
    upload(page, files[0])
    expect(rows(page)).to_contain_text("Waiting for the connection…")

    def pass_time() -> bool:
        page.clock.fast_forward(30_000)
        expect(rows(page)).to_contain_text(re.compile("Waiting for the (connection|server)…"))
        return len(refused) > 12

    wait_for(pass_time, "the page tries no more")
    page.unroute(_UPLOAD)
    page.clock.fast_forward(30_000)
    expect(page.locator(".card")).to_have_count(1)
    assert video_states(origin_url) == ["probing"]


@pytest.mark.slow
def test_an_upload_goes_on_as_soon_as_the_browser_is_online(
    open_page: OpenPage, origin_url: str, files: list[Path]
) -> None:
    page = open_page("/", origin_url=origin_url)
    page.clock.install(time=0)
    page.clock.pause_at(3600)  # no timer fires any more
    page.route(_UPLOAD, lambda route: route.abort("internetdisconnected"))
    upload(page, files[0])
    expect(rows(page)).to_contain_text("Waiting for the connection…")
    page.unroute(_UPLOAD)
    page.context.set_offline(True)
    page.context.set_offline(False)
    expect(page.locator(".card")).to_have_count(1)


@pytest.mark.slow
def test_a_request_over_which_nothing_moves_is_sent_anew(
    open_page: OpenPage, origin_url: str, files: list[Path]
) -> None:
    page = open_page("/", origin_url=origin_url)
    page.clock.install()
    page.route(_UPLOAD, lambda _: None, times=1)
    with page.expect_request(_UPLOAD):
        upload(page, files[0])
    page.clock.fast_forward(15_000)
    expect(rows(page)).to_contain_text("Waiting for the server…")
    page.clock.fast_forward(60_000)
    expect(page.locator(".card")).to_have_count(1)


def test_an_upload_that_is_cancelled_while_it_is_created_leaves_nothing(
    open_page: OpenPage, origin_url: str, files: list[Path]
) -> None:
    page = open_page("/", origin_url=origin_url)
    creations = create_and_hold(page, files[0])
    rows(page).get_by_role("button", name="Cancel the upload").click()
    with page.expect_response(lambda response: response.request.method == "DELETE") as gone:
        let_go(creations)
    assert gone.value.ok
    assert video_states(origin_url) == []


@pytest.mark.slow
def test_an_upload_that_is_paused_while_it_is_created_is_not_created_twice(
    open_page: OpenPage, origin_url: str, files: list[Path]
) -> None:
    page = open_page("/", origin_url=origin_url)
    creations = create_and_hold(page, files[0])
    rows(page).get_by_role("button", name="Pause").click()
    rows(page).get_by_role("button", name="Resume").click()
    let_go(creations)
    expect(page.locator(".card")).to_have_count(1)
    assert video_states(origin_url) == ["probing"]


@pytest.mark.slow
def test_other_tabs_offer_to_continue_an_upload_once_nobody_is_at_it(
    open_page: OpenPage, origin_url: str, files: list[Path]
) -> None:
    page = open_page("/", origin_url=origin_url)
    page.route(_UPLOAD, lambda route: route.abort("connectionrefused"))
    upload(page, files[0])
    expect(rows(page)).to_contain_text("Waiting for the connection…")
    other = page.context.new_page()
    other.goto(origin_url)
    card = other.locator(".card[data-state=uploading]")
    expect(card).not_to_contain_text("Choose the same file again")
    locks = "navigator.locks.query().then(({ pending }) => pending.length)"
    wait_for(lambda: other.evaluate(locks) >= 1, "the other tab waits for nobody")
    expect(card).not_to_contain_text("Choose the same file again")
    rename(other, "flour")
    rename(other, "yeast")
    assert other.evaluate(locks) == 1
    page.close()
    expect(card).to_contain_text("Choose the same file again")
    other.evaluate("""() => {
        const remark = document.querySelector(".card-reason");
        const note = () => { window.wasBlank ||= remark.hidden; };
        new MutationObserver(note).observe(remark, { attributes: true, childList: true });
    }""")
    rename(other, "salt")
    expect(card).to_contain_text("Choose the same file again")
    assert not other.evaluate("window.wasBlank")


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
