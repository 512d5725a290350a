"""Streams in players of other projects: HLS in hls.js and Shaka, DASH in Shaka and dash.js."""

import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from sample_media.bar_code import read_frame_number
from sample_media.generate import generate
from tests.e2e.pages import OpenPage, qualities, seek, wait_until, wait_until_past
from tests.e2e.system import System, wait_for
from tests.e2e.test_tracks import SHOWN

pytestmark = pytest.mark.slow

PLAYERS = Path(__file__).parent.parent / "players"
LIBRARIES = {
    "hls": "hls.js/dist/hls.min.js",
    "shaka": "shaka-player/dist/shaka-player.compiled.js",
    "dash": "dashjs/dist/modern/umd/dash.all.min.js",
}
ENGLISH_HERTZ, GERMAN_HERTZ = 440, 1320
OpenPlayer = Callable[[str, str], Page]
TEXT = "1\n00:00:00,000 --> 00:00:21,000\nGood evening\n"


# A browser that takes its time to find out that it can decrypt.
SLOW_KEYS = """
const setMediaKeys = HTMLMediaElement.prototype.setMediaKeys;
HTMLMediaElement.prototype.setMediaKeys = async function (keys) {
  await new Promise((done) => setTimeout(done, 1000));
  await setMediaKeys.call(this, keys);
  window.couldDecryptAt ??= performance.now();
};
"""
# One that fails to the first time.
KEYS_THAT_FAIL_ONCE = """
const setMediaKeys = HTMLMediaElement.prototype.setMediaKeys;
HTMLMediaElement.prototype.setMediaKeys = async () => {
  HTMLMediaElement.prototype.setMediaKeys = setMediaKeys;
  throw new DOMException("not now", "InvalidStateError");
};
"""
# Longer than the page waits before it asks a source again.
KEY_RETRY_MS = 6000
KEYS_ASKED_FOR = """
performance.getEntriesByType("resource").filter(({ name }) => /[/](key|license)/.test(name)).length
"""
MEDIA_ASKED_FOR_AT = """
performance.getEntriesByType("resource")
  .filter(({ name }) => /[.](m4s|mp4)$/.test(name)).map(({ startTime }) => startTime)
"""


@pytest.fixture(scope="module")
def two_languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of numbered frames, in two languages and with a text."""
    directory = tmp_path_factory.mktemp("players")
    text, path = directory / "text.srt", directory / "two_languages.mkv"
    text.write_text(TEXT)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(generate("numbered"))]
    for hertz in (ENGLISH_HERTZ, GERMAN_HERTZ):
        command += ["-f", "lavfi", "-i", f"sine=frequency={hertz}:duration=20"]
    command += ["-i", str(text), "-map", "0:v", "-map", "1", "-map", "2", "-map", "3"]
    command += ["-vf", "scale=640:360:flags=neighbor", "-preset", "ultrafast", "-c:a", "aac"]
    for stream, language in (("a:0", "eng"), ("a:1", "deu"), ("s:0", "eng")):
        command += [f"-metadata:s:{stream}", f"language={language}"]
    subprocess.run([*command, str(path)], check=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def video(system: System, two_languages: Path) -> dict[str, Any]:
    """Those, packaged."""
    found = system.wait_until_final(system.upload(two_languages, "Two languages"))
    assert (found["state"], found["error"]) == ("ready", None)
    return found


@pytest.fixture
def open_player(browser: Browser, system: System) -> Iterator[OpenPlayer]:
    """Opens a page on which a player plays the stream at an edge's path; fails on its errors."""
    pages: list[Page] = []

    def open_player(player: str, path: str) -> Page:
        page = browser.new_context(bypass_csp=True).new_page()
        pages.append(page)
        page.goto(f"{system.origin_url}/healthz")
        page.set_content("<video playsinline crossorigin=anonymous></video>")
        page.add_script_tag(path=PLAYERS / "node_modules" / LIBRARIES[player])
        page.add_script_tag(path=PLAYERS / "players.js")
        page.evaluate(
            "([player, url]) => openPlayer(player, url)", [player, system.edge_url + path]
        )
        return page

    yield open_player
    for page in pages:
        assert page.evaluate("errors") == []
        page.context.close()


@pytest.mark.parametrize(
    ("player", "form"), [("hls", "hls"), ("shaka", "hls"), ("shaka", "dash"), ("dash", "dash")]
)
def test_it_plays_switches_and_seeks_exactly(
    open_player: OpenPlayer, video: dict[str, Any], player: str, form: str
) -> None:
    playing = open_player(player, video["playback"][form])
    wait_until(playing, "document.querySelector('video').currentTime > 1")
    playing.evaluate("countStalls()")
    wait_until(playing, "document.querySelector('video').currentTime > 3")
    assert playing.evaluate("stalls") == 0

    wait_until(playing, f"Math.abs(loudest() - {ENGLISH_HERTZ}) < 20")
    playing.evaluate("player.chooseSound('de')")
    wait_until(playing, f"Math.abs(loudest() - {GERMAN_HERTZ}) < 20")

    playing.evaluate("player.chooseText('en')")
    wait_until(playing, "shown().includes('Good evening')")

    for seconds in (15.02, 3.02):
        assert frame_at(playing, seconds) == round(seconds * 25 - 0.5)

    playing.evaluate("document.querySelector('video').currentTime = 19")
    playing.evaluate("document.querySelector('video').play()")
    wait_until(playing, "document.querySelector('video').ended")


@pytest.fixture(scope="module")
def unevenly_long(system: System, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """HLS paths of a film and of a sound that are a little longer than their segments."""
    sound = tmp_path_factory.mktemp("sound") / "sound.wav"
    tone = ("-f", "lavfi", "-i", "sine=duration=4.03:sample_rate=48000")
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *tone, sound], check=True)
    paths = []
    for path in (generate("a_picture_more"), sound):
        video = system.wait_until_final(system.upload(path, path.stem))
        assert (video["state"], video["error"]) == ("ready", None)
        paths.append(video["playback"]["hls"])
    return paths


@pytest.mark.parametrize("player", ["hls", "shaka"])
def test_a_video_ends_that_is_a_frame_longer_than_its_segments(
    open_player: OpenPlayer, unevenly_long: list[str], player: str
) -> None:
    for path in unevenly_long:
        playing = open_player(player, path)
        wait_until(playing, "document.querySelector('video').currentTime > 0.2")
        playing.evaluate("document.querySelector('video').currentTime = 3.5")
        wait_until(playing, "document.querySelector('video').ended")


@pytest.fixture(scope="module")
def encrypted(system: System, two_languages: Path) -> dict[str, dict[str, str]]:
    """Playback paths with a token, by how the video is encrypted."""
    paths = {}
    for method in ("aes-128", "sample-aes"):
        video_id = system.upload(two_languages, method, "--encryption", method)
        video = system.wait_until_final(video_id)
        assert (video["state"], video["error"]) == ("ready", None)
        paths[method] = system.token_for(video_id)
    return paths


@pytest.mark.parametrize(
    ("player", "form", "method"),
    [
        ("hls", "hls", "aes-128"),
        ("shaka", "hls", "aes-128"),
        ("shaka", "hls", "sample-aes"),
        ("shaka", "dash", "sample-aes"),
        ("dash", "dash", "sample-aes"),
    ],
)
def test_an_encrypted_stream_plays_with_a_token(
    open_player: OpenPlayer,
    encrypted: dict[str, dict[str, str]],
    player: str,
    form: str,
    method: str,
) -> None:
    playing = open_player(player, encrypted[method][form])
    wait_until(playing, "document.querySelector('video').currentTime > 3")
    playing.evaluate("player.chooseText('en')")
    wait_until(playing, "shown().includes('Good evening')")
    # What is protected may not be read back: that it moves must do.
    playing.evaluate("document.querySelector('video').currentTime = 15")
    wait_until(playing, "document.querySelector('video').currentTime > 16")


@pytest.mark.parametrize("method", ["aes-128", "sample-aes"])
def test_the_player_page_plays_an_encrypted_video(
    open_page: OpenPage, encrypted: dict[str, dict[str, str]], method: str
) -> None:
    page = open_page(encrypted[method]["player"])
    wait_until_past(page, 3)
    seek(page, 15)
    wait_until(page, "document.querySelector('video').ended")
    page.get_by_role("button", name="Subtitles: Subtitles").click()
    page.get_by_role("menuitemradio", name="English").click()
    wait_until(page, f"{SHOWN}.includes('Good evening')")
    assert page.evaluate("document.querySelector('video').mediaKeys !== null") == (
        method == "sample-aes"
    )


@pytest.mark.parametrize("method", ["aes-128", "sample-aes"])
def test_without_a_token_the_player_page_says_so_and_asks_no_more(
    open_page: OpenPage, encrypted: dict[str, dict[str, str]], method: str
) -> None:
    page = open_page(encrypted[method]["player"].partition("?")[0])
    expect(page.get_by_text("This video needs a playback link.")).to_be_visible()
    expect(page.locator(".spinner")).to_have_css("opacity", "0")
    asked = page.evaluate(KEYS_ASKED_FOR)
    page.keyboard.press("k")
    page.wait_for_timeout(KEY_RETRY_MS)
    assert page.evaluate(KEYS_ASKED_FOR) == asked
    expect(page.locator(".spinner")).to_have_css("opacity", "0")
    expect(page.get_by_role("link", name="Back to the library")).to_be_visible()


@pytest.mark.parametrize("is_silent", [False, True])
@pytest.mark.parametrize("method", ["aes-128", "sample-aes"])
def test_a_key_that_one_source_does_not_give_is_had_from_the_next(
    open_page: OpenPage,
    system: System,
    encrypted: dict[str, dict[str, str]],
    method: str,
    is_silent: bool,
) -> None:
    asked: list[Route] = []

    def refuse(route: Route) -> None:
        asked.append(route)
        if not is_silent:
            route.fulfill(status=503, headers={"Access-Control-Allow-Origin": "*"})

    page = open_page("/")
    page.route(re.compile(rf"{system.edge_url}/v/.*/(key|license)[?]"), refuse)
    page.goto(system.origin_url + encrypted[method]["player"])
    wait_until_past(page, 1)
    assert len(asked) == 1


def test_a_media_element_that_took_no_keys_is_asked_again(
    open_page: OpenPage, encrypted: dict[str, dict[str, str]]
) -> None:
    page = open_page(encrypted["sample-aes"]["player"], script=KEYS_THAT_FAIL_ONCE)
    wait_until_past(page, 1)


def test_no_media_is_asked_for_before_it_can_be_decrypted(
    open_page: OpenPage, encrypted: dict[str, dict[str, str]]
) -> None:
    page = open_page(encrypted["sample-aes"]["player"], script=SLOW_KEYS)
    wait_until_past(page, 1)
    assert page.evaluate("window.couldDecryptAt") < min(page.evaluate(MEDIA_ASKED_FOR_AT))


def test_an_encrypted_video_plays_on_while_qualities_are_added(
    open_page: OpenPage, system: System, clip: Path
) -> None:
    video_id = system.upload(clip, "Sealed", "--encryption", "sample-aes")
    wait_for(lambda: system.video(video_id)["playable_at"], "it never became playable")
    page = open_page(system.token_for(video_id)["player"])
    wait_until_past(page, 3)
    assert system.wait_until_final(video_id)["state"] == "ready"
    all_of_them = ["Auto", "720p", "480p", "360p", "240p"]
    wait_for(lambda: qualities(page) == all_of_them, "its qualities were never added")
    seek(page, 30)
    page.evaluate("document.querySelector('video').play()")
    wait_until(page, "document.querySelector('video').ended")


@pytest.mark.parametrize("form", ["hls", "dash"])
def test_a_manifest_with_a_token_is_kept_by_no_edge(
    system: System, encrypted: dict[str, dict[str, str]], form: str
) -> None:
    with_token = encrypted["sample-aes"][form]
    without = with_token.partition("?")[0]
    # No setting says where licenses are had, so DASH names the host that it was asked at.
    for path, is_kept in ((with_token, False), (without, form == "hls")):
        with urllib.request.urlopen(system.edge_url + path, timeout=10) as answer:
            status = answer.headers["Cache-Status"]
        assert ("; stored" in status or "; hit" in status) == is_kept


def frame_at(page: Page, seconds: float) -> int:
    """The number that the picture shows at a moment."""
    page.evaluate(
        """async (seconds) => {
          const video = document.querySelector("video");
          video.pause();
          const seeked = new Promise((done) => {
            video.addEventListener("seeked", done, { once: true });
          });
          const painted = new Promise((done) => {
            const look = (_, { mediaTime }) => {
              if (Math.abs(mediaTime - seconds) < 0.1) done();
              else video.requestVideoFrameCallback(look);
            };
            video.requestVideoFrameCallback(look);
          });
          video.currentTime = seconds;
          await seeked;
          await painted;
        }""",
        seconds,
    )
    picture = page.evaluate("picture()")
    return read_frame_number(bytes(picture["luma"]), picture["width"], picture["height"])
