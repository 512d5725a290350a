"""Watching a video in a real browser, through an edge."""

import re
import subprocess
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Error, Route, expect

from tests.e2e.pages import (
    OpenPage,
    position,
    preview,
    qualities,
    quality_button,
    record_stalls,
    seek,
    show_stats,
    stalls,
    stat,
    video_id,
    wait_until,
    wait_until_past,
    wait_until_playing,
)
from tests.e2e.system import REGION, System, wait_for

BUFFERED_END = """(({ buffered }) => buffered.length && buffered.end(buffered.length - 1))(
  document.querySelector("video"))"""


def test_an_upload_plays_through_the_edge_while_it_is_packaged(
    open_page: OpenPage, system: System, clip: Path, tmp_path: Path
) -> None:
    camera_file = tmp_path / "fresh_from_the_camera.mp4"
    camera_file.symlink_to(clip)
    page = open_page("/")
    page.get_by_label("Choose files").set_input_files(camera_file)
    card = page.locator(".card", has_text="fresh from the camera")
    expect(card.locator(".chip")).to_contain_text("Playable", timeout=60_000)
    card.get_by_role("link").click()
    page.wait_for_url("**/watch/*")
    wait_until_playing(page)
    playing_since = page.evaluate("Date.now()") / 1000
    record_stalls(page)
    show_stats(page)
    assert f"edge-{REGION}" in stat(page, "Served by")

    wait_until_past(page, 3)
    wait_until(page, "document.querySelector('video').seekable.end(0) >= 12")
    seek(page, 9)
    wait_until_past(page, 10)
    seek(page, 2)
    wait_until_past(page, 4)
    # However long packaging takes, the viewer does not come to its end.
    page.keyboard.press("k")

    video = system.wait_until_final(video_id(page))
    assert video["state"] == "ready"
    assert datetime.fromisoformat(video["ready_at"]).timestamp() > playing_since
    # The page that began with one quality offers all of them, without having been reloaded.
    all_of_them = ["Auto", "720p", "480p", "360p", "240p"]
    wait_for(lambda: qualities(page) == all_of_them, "its qualities were never added")
    seek(page, 24)
    page.keyboard.press("k")
    wait_until_past(page, 26)
    expect(quality_button(page)).to_contain_text("720p")
    assert stalls(page) == []
    assert "source changed" not in stat(page, "Stalls")
    assert int(stat(page, "Prefetched").split()[0]) >= 1


def test_the_second_viewer_gets_everything_from_the_edge(
    open_page: OpenPage, system: System, ready_video: str
) -> None:
    # In all qualities: which of them a browser asks for depends on how fast it gets them.
    url = f"{system.edge_url}/v/{ready_video}/index.m3u8"
    everything = ["-i", url, "-map", "0", "-c", "copy", "-f", "null", "-"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *everything], check=True, timeout=120)
    page = open_page(f"/watch/{ready_video}")
    show_stats(page)
    seek(page, 30)
    wait_until(page, "document.querySelector('video').ended")
    assert stat(page, "Edge hits").startswith("100%")


def test_where_no_edge_is_near_another_one_serves(open_page: OpenPage, ready_video: str) -> None:
    page = open_page(f"/watch/{ready_video}?region=nowhere")
    wait_until_playing(page)
    show_stats(page)
    assert stat(page, "Served by") == f"edge-{REGION}"


@pytest.mark.slow
def test_a_source_that_gives_an_older_playlist_serves_when_another_failed(
    open_page: OpenPage, system: System, ready_video: str
) -> None:
    def answer_as_before(route: Route) -> None:
        lines = route.fetch().text().splitlines()
        first = next(n for n, line in enumerate(lines) if line.endswith("/index.m3u8"))
        others = [line for line in lines[first:] if not line.endswith("/index.m3u8")]
        kept = [line for line in others if not line.startswith("#EXT-X-STREAM-INF")]
        route.fulfill(body="\n".join([*lines[: first + 1], *kept]), content_type="audio/mpegurl")

    page = open_page("/")
    page.route(re.compile(rf"{system.edge_url}/v/.*/00000[4-9]-"), lambda route: route.abort())
    page.route(f"{system.origin_url}/v/*/index.m3u8", answer_as_before, times=1)
    page.goto(f"{system.origin_url}/watch/{ready_video}")
    wait_until_playing(page)
    seek(page, 20)
    wait_until_past(page, 21)
    show_stats(page)
    assert "source changed" in stat(page, "Stalls")
    wait_for(lambda: len(qualities(page)) == 5, "its qualities never came back")


@pytest.mark.slow
def test_a_step_back_while_the_next_source_takes_over_stays(
    open_page: OpenPage, system: System, ready_video: str
) -> None:
    segments: list[Route] = []
    playlists: list[Route] = []
    page = open_page("/")
    page.route(
        re.compile(rf"{system.edge_url}/v/.*/00000[4-9]-"), lambda route: segments.append(route)
    )
    page.route(f"{system.origin_url}/v/*/index.m3u8", lambda route: playlists.append(route))
    page.goto(f"{system.origin_url}/watch/{ready_video}")
    wait_until_playing(page)
    page.keyboard.press("k")
    wait_until(page, f"{BUFFERED_END} > 14")
    seek(page, 12)
    with page.expect_request(f"{system.origin_url}/v/*/index.m3u8"):
        segments[0].abort()
    seek(page, 2)
    wait_until(page, "!document.querySelector('video').seeking")
    playlists[0].continue_()
    wait_until(page, f"{BUFFERED_END} > 22")
    assert position(page) == 2


@pytest.mark.slow
def test_the_remembered_position_stays_when_the_first_source_fails(
    open_page: OpenPage, system: System, ready_video: str
) -> None:
    page = open_page(f"/watch/{ready_video}")
    wait_until_playing(page)
    seek(page, 12)
    wait_until_past(page, 12.2)
    page.route(f"{system.edge_url}/v/*/index.m3u8", lambda route: route.abort())
    page.reload()
    wait_until_playing(page)
    assert position(page) > 11


@pytest.mark.slow
@pytest.mark.parametrize("is_whole_elsewhere", [True, False])
def test_a_segment_that_arrives_as_something_else_is_asked_of_the_next_source(
    open_page: OpenPage, system: System, ready_video: str, is_whole_elsewhere: bool
) -> None:
    def answer_with_a_page(route: Route) -> None:
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(body="<html>Sign in</html>" * 500, headers=headers)

    host = system.edge_url if is_whole_elsewhere else ""
    page = open_page("/")
    page.route(re.compile(rf"{host}.*/v/.*/audio.*/000004-"), answer_with_a_page)
    page.goto(f"{system.origin_url}/watch/{ready_video}")
    wait_until_playing(page)
    seek(page, 15)
    if is_whole_elsewhere:
        wait_until_past(page, 16.2)
        assert position(page) < 19
    wait_until_past(page, 21)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["240p|360p|480p|720p", "audio[^/]*"])
@pytest.mark.parametrize("is_whole_elsewhere", [True, False])
def test_media_that_cannot_be_decoded_are_asked_of_the_next_source(
    open_page: OpenPage, system: System, ready_video: str, is_whole_elsewhere: bool, kind: str
) -> None:
    broken: list[str] = []

    def answer_with_noise(route: Route) -> None:
        broken.append(route.request.url)
        answer = route.fetch()
        head, mdat, media = answer.body().partition(b"mdat")
        noise = bytes(number * 37 & 0xFF for number in range(len(media)))
        route.fulfill(response=answer, body=head + mdat + noise)

    host = system.edge_url if is_whole_elsewhere else ""
    page = open_page("/")
    page.route(re.compile(rf"{host}.*/v/[^/]*/({kind})/000004-"), answer_with_noise)
    page.goto(f"{system.origin_url}/watch/{ready_video}")
    wait_until_playing(page)
    page.keyboard.press(">")
    seek(page, 14)
    if is_whole_elsewhere:
        wait_until_past(page, 16.2)
        assert position(page) < 19
    wait_until_past(page, 21)
    assert page.evaluate("document.querySelector('video').playbackRate") == 1.25
    # Of each source once, of the first one twice; then in each other quality once. Once more where
    # the element fails before it is known at which segment.
    assert len(broken) <= 2 * (3 + 3)


def test_a_quality_can_be_fixed(open_page: OpenPage, ready_video: str) -> None:
    page = open_page(f"/watch/{ready_video}")
    wait_until_playing(page)
    quality_button(page).click()
    page.get_by_role("menuitemradio", name=re.compile("^360p")).click()
    expect(quality_button(page)).to_have_text("360p")
    wait_until(page, "document.querySelector('video').videoHeight === 360")
    quality_button(page).click()
    chosen = page.get_by_role("menuitemradio", checked=True)
    expect(chosen).to_have_count(1)
    expect(chosen).to_contain_text("360p")


def test_the_scrub_bar_shows_pictures(open_page: OpenPage, ready_video: str) -> None:
    page = open_page(f"/watch/{ready_video}")
    wait_until_playing(page)
    bar = page.get_by_role("slider", name="Seek")
    width = (bar.bounding_box() or {"width": 0})["width"]
    picture = preview(page, 0.75, "picture")
    expect(page.locator(".preview-time")).to_have_text(re.compile(r"0:2[34]"))
    assert "sprite-" in picture.evaluate("element => element.style.backgroundImage")
    bar.click(position={"x": width * 0.75, "y": 10})
    wait_until_past(page, 22)


def test_the_keyboard_does_everything(open_page: OpenPage, ready_video: str) -> None:
    page = open_page(f"/watch/{ready_video}")
    wait_until_playing(page)
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="Play", exact=True).first).to_be_visible()
    page.keyboard.press("5")
    assert 15.5 <= position(page) <= 16.5
    page.keyboard.press("l")
    page.keyboard.press("ArrowLeft")
    assert 20 <= position(page) <= 22
    page.keyboard.press("m")
    assert page.evaluate("document.querySelector('video').muted")
    page.keyboard.press(">")
    assert page.evaluate("document.querySelector('video').playbackRate") == 1.25
    page.keyboard.press("i")
    expect(page.locator("#overlay")).to_be_visible()
    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_be_visible()
    shortcuts.get_by_role("button", name="Close").click()
    expect(shortcuts).to_be_hidden()
    page.keyboard.press("f")
    wait_until(page, "document.fullscreenElement !== null")


def test_the_volume_slider_takes_only_the_keys_that_move_it(
    open_page: OpenPage, ready_video: str
) -> None:
    page = open_page(f"/watch/{ready_video}")
    wait_until_playing(page)
    slider = page.get_by_label("Volume")
    slider.click()
    page.keyboard.press("k")
    assert page.evaluate("document.querySelector('video').paused")
    left_at = position(page)
    volume = float(slider.input_value())
    page.keyboard.press("ArrowLeft")
    assert float(slider.input_value()) == pytest.approx(volume - 0.05)
    assert position(page) == left_at


def test_the_position_outlasts_a_page_that_is_hidden_and_ends_without_a_word(
    open_page: OpenPage, ready_video: str
) -> None:
    page = open_page(f"/watch/{ready_video}")
    wait_until_playing(page)
    seek(page, 12)
    wait_until_past(page, 14)
    # This browser hides no page by itself.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    kept = page.evaluate("JSON.parse(localStorage['streamer.positions'])[0][1]")
    assert kept >= 14
    seek(page, 22)
    wait_until_past(page, 22.2)
    with page.expect_event("crash"), suppress(Error):
        page.goto("chrome://crash")
    again = page.context.new_page()
    again.goto(page.url)
    wait_until_playing(again)
    assert position(again) > 21


def test_position_and_volume_are_remembered(open_page: OpenPage, ready_video: str) -> None:
    page = open_page(f"/watch/{ready_video}")
    wait_until_playing(page)
    page.get_by_label("Volume").fill("0.4")
    seek(page, 12)
    wait_until_past(page, 12.2)
    page.reload()
    wait_until_playing(page)
    assert position(page) > 11
    assert page.evaluate("document.querySelector('video').volume") == 0.4


def test_it_fits_a_phone_and_answers_to_touch(open_page: OpenPage, ready_video: str) -> None:
    page = open_page(f"/watch/{ready_video}", width=320, height=640, touch=True)
    wait_until_playing(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    for button in page.locator(".controls-row button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    page.touchscreen.tap(160, 120)
    expect(page.locator("#stage")).to_have_class(re.compile(r"\bidle\b"))


@pytest.mark.parametrize("name", ["zzzzzzzzzzzzzzzzzzzz", "%00%ff"])
def test_a_video_that_is_not_there_says_so(open_page: OpenPage, name: str) -> None:
    page = open_page(f"/watch/{name}")
    expect(page.get_by_role("heading", name="No video here")).to_be_visible()
    assert all(text.strip() for text in page.get_by_role("heading").all_inner_texts())
    expect(page.get_by_role("link", name="Back to the library")).to_be_visible()


@pytest.mark.slow
def test_a_page_that_opens_while_the_server_fails_goes_on_by_itself(
    open_page: OpenPage, system: System, ready_video: str
) -> None:
    page = open_page("/")
    videos = re.compile("/api/v1/videos/")
    page.route(videos, lambda route: route.fulfill(status=503))
    page.goto(f"{system.origin_url}/watch/{ready_video}")
    expect(page.get_by_role("heading", name="Not available right now")).to_be_visible()
    page.unroute(videos)
    wait_until_playing(page)
