"""Watching a video in a real browser while the installation is upgraded."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from streamer.shared.release import RELEASE
from tests.e2e.pages import OpenPage, wait_until, wait_until_playing
from tests.e2e.system import System, running_origin, running_worker, wait_for

pytestmark = pytest.mark.slow

RECORD_END = """() => {
  document.querySelector("video").addEventListener("emptied", () => { window.hasEnded = true; });
}"""


def test_a_video_that_is_begun_anew_plays_again_by_itself(
    open_page: OpenPage, clip: Path, tmp_path: Path
) -> None:
    with running_origin(tmp_path, "--no-worker") as origin_url:
        old = System(origin_url, edge_url="")
        with running_worker(tmp_path):
            video_id = old.upload(clip, "Harbour clock")
            wait_for(lambda: old.video(video_id)["playable"], "it never became playable")
            page = open_page(f"/watch/{video_id}", origin_url=origin_url)
            wait_until_playing(page)
        assert old.video(video_id)["state"] == "packaging"
        page.evaluate(RECORD_END)
        with (
            running_origin(tmp_path, "--no-worker", release=RELEASE + 1),
            running_worker(tmp_path, release=RELEASE + 1),
        ):
            wait_until(page, "window.hasEnded")
            wait_until_playing(page)
            expect(page.locator("#controls")).to_be_visible()
