"""Subtitles and chapters in a real browser."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.pages import (
    OpenPage,
    preview,
    seek,
    stat,
    wait_until,
    wait_until_past,
    wait_until_playing,
)
from tests.e2e.system import System, wait_for

pytestmark = pytest.mark.slow

CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1
START=0
END=4
title=Opening
[CHAPTER]
TIMEBASE=1/1
START=4
END=8
title=The rest
"""
# Also shown when the video has ended.
SUBTITLES = b"1\n00:00:00,000 --> 00:00:09,000\nGood evening\n"
SHOWN = """[...document.querySelector("video").textTracks]
  .filter((track) => track.mode === "showing")
  .flatMap((track) => [...(track.activeCues ?? [])])
  .map((cue) => cue.text)"""
LATE_SEGMENT = re.compile(r"/180p/00001\d-")
# What else arrives meanwhile finds a segment that is loaded and not yet appended.
DECRYPT_SLOWLY = """
  const { decrypt } = SubtleCrypto.prototype;
  SubtleCrypto.prototype.decrypt = async function (...what) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return decrypt.apply(this, what);
  };
"""


@pytest.fixture
def chaptered(tmp_path: Path) -> Path:
    """Eight seconds in two chapters."""
    metadata, path = tmp_path / "chapters.txt", tmp_path / "chaptered.mkv"
    metadata.write_text(CHAPTERS)
    arguments = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8"]
    arguments += ["-i", str(metadata), "-map_metadata", "1"]
    arguments += ["-c:v", "libx264", "-preset", "ultrafast", str(path)]
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    subprocess.run([*ffmpeg, *arguments], check=True, timeout=60)
    return path


def test_added_subtitles_are_read_and_chapters_are_marked(
    open_page: OpenPage, system: System, chaptered: Path
) -> None:
    video_id = system.upload(chaptered, "An evening")
    system.wait_until_final(video_id)
    page = open_page("/")
    card = page.locator(".card", has_text="An evening")
    card.get_by_role("button", name="Add subtitles").click()
    page.get_by_label("WebVTT or SubRip file").set_input_files(
        {"name": "a.srt", "mimeType": "application/x-subrip", "buffer": SUBTITLES}
    )
    page.get_by_label("Language, as en or pt-BR").fill("fr")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("has subtitles now")

    page = open_page(f"/watch/{video_id}")
    wait_until_playing(page)
    page.get_by_role("button", name="Subtitles: Subtitles").click()
    page.get_by_role("menuitemradio", name="Français").click()
    expect(page.get_by_role("button", name="Subtitles: CC Français")).to_be_visible()
    wait_until(page, f"{SHOWN}.includes('Good evening')")
    page.keyboard.press("c")
    wait_until(page, f"{SHOWN}.length === 0")
    expect(page.locator(".scrubber-chapters > div")).to_have_count(1)
    expect(preview(page, 0.75, "chapter")).to_have_text("The rest")


@pytest.fixture
def spoken_in_two_languages(tmp_path: Path) -> Callable[[bool], Path]:
    """Makes eight seconds in English and German, with subtitles that are forced in each of them.

    There may also be English ones that are not.
    """

    def make(has_choice: bool) -> Path:
        path = tmp_path / f"spoken_{has_choice}.mkv"
        texts = {"Forced English": "eng", "Forced German": "deu", "All of it": "eng"}
        chosen = dict(list(texts.items())[: 3 if has_choice else 2])
        arguments = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=8"]
        arguments += ["-f", "lavfi", "-i", "sine=duration=8"]
        for text in chosen:
            subtitles = tmp_path / f"{text}.srt"
            subtitles.write_text(f"1\n00:00:00,000 --> 00:00:09,000\n{text}\n")
            arguments += ["-i", str(subtitles)]
        arguments += ["-map", "0", "-map", "1", "-map", "1"]
        for number, (text, language) in enumerate(chosen.items()):
            arguments += [
                "-map",
                str(number + 2),
                f"-metadata:s:s:{number}",
                f"language={language}",
            ]
            disposition = "forced" if text.startswith("Forced") else "0"
            arguments += [f"-disposition:s:{number}", disposition]
        arguments += ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"]
        arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "srt"]
        ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
        subprocess.run([*ffmpeg, *arguments, str(path)], check=True, timeout=60)
        return path

    return make


def choose(page: Page, menu: str, item: str) -> None:
    page.get_by_role("button", name=f"{menu}: ").click()
    page.get_by_role("menuitemradio", name=item, exact=True).click()


def test_forced_subtitles_show_by_themselves_in_the_language_spoken(
    open_page: OpenPage, system: System, spoken_in_two_languages: Callable[[bool], Path]
) -> None:
    video_id = system.upload(spoken_in_two_languages(True), "Two languages")
    system.wait_until_final(video_id)
    page = open_page(f"/watch/{video_id}")
    wait_until_playing(page)

    def shows(text: str) -> None:
        wait_until(page, f"String({SHOWN}) === '{text}'")

    shows("Forced English")
    choose(page, "Audio", "Deutsch")
    shows("Forced German")
    page.keyboard.press("c")
    shows("All of it")
    choose(page, "Audio", "English")
    expect(page.get_by_role("button", name="Subtitles: CC English")).to_be_visible()
    choose(page, "Subtitles", "Off")
    shows("Forced English")
    expect(page.get_by_role("button", name="Subtitles: Subtitles")).to_be_visible()


def test_forced_subtitles_are_no_captions_to_hide(
    open_page: OpenPage, system: System, spoken_in_two_languages: Callable[[bool], Path]
) -> None:
    video_id = system.upload(spoken_in_two_languages(False), "Forced alone")
    system.wait_until_final(video_id)
    page = open_page(f"/watch/{video_id}")
    wait_until_playing(page)
    wait_until(page, f"String({SHOWN}) === 'Forced English'")
    page.keyboard.press("c")
    expect(page.locator("#flash")).to_have_text("No captions")
    wait_until(page, f"String({SHOWN}) === 'Forced English'")


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute in two languages, which is more than a page holds ahead, with a text."""
    directory = tmp_path_factory.mktemp("minute")
    text, path = directory / "text.srt", directory / "minute.mkv"
    text.write_bytes(SUBTITLES)
    arguments = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=5:duration=60"]
    arguments += ["-f", "lavfi", "-i", "sine=duration=60", "-i", str(text)]
    arguments += ["-map", "0", "-map", "1", "-map", "1", "-map", "2"]
    for stream, language in (("a:0", "eng"), ("a:1", "deu"), ("s:0", "eng")):
        arguments += [f"-metadata:s:{stream}", f"language={language}"]
    arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(path)]
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    subprocess.run([*ffmpeg, *arguments], check=True, timeout=60)
    return path


def test_the_chosen_language_stays_when_a_source_fails(
    open_page: OpenPage, system: System, minute: Path
) -> None:
    video_id = system.upload(minute, "A minute of two languages")
    system.wait_until_final(video_id)
    page = open_page(f"/watch/{video_id}")
    wait_until_playing(page)
    choose(page, "Audio", "Deutsch")
    page.route(LATE_SEGMENT, lambda route: route.abort(), times=1)
    with page.expect_request(re.compile(r"/audio-[a-z]+/index\.m3u8")) as asked:
        seek(page, 45)
    assert "/audio-deu/" in asked.value.url
    wait_until_past(page, 45.5)
    expect(page.get_by_role("button", name="Audio: Deutsch")).to_be_visible()


@pytest.fixture(scope="module")
def encrypted_minute(system: System, minute: Path) -> str:
    """The id of that, encrypted."""
    video_id = system.upload(minute, "A minute for few", "--encryption", "aes-128")
    assert system.wait_until_final(video_id)["state"] == "ready"
    return video_id


@pytest.fixture
def expired(open_page: OpenPage, system: System, encrypted_minute: str) -> Page:
    """A page that has begun to play what its token opens no more, and waits."""
    token = system.token_for(encrypted_minute, ttl_seconds=30)
    page = open_page(token["player"], script=DECRYPT_SLOWLY)
    wait_until_playing(page)
    page.keyboard.press("k")
    key = f"{system.origin_url}/v/{encrypted_minute}/key?token={token['token']}"
    wait_for(lambda: page.request.get(key).status == 403, "the token never expired")
    return page


def test_what_an_expired_token_does_not_open_any_more_costs_the_text_only(expired: Page) -> None:
    expired.keyboard.press("i")
    expired.keyboard.press("c")
    expect(expired.locator(".toast")).to_have_text("The subtitles cannot be loaded.")
    expect(expired.get_by_role("button", name="Subtitles: Subtitles")).to_be_visible()
    assert "source changed" not in stat(expired, "Stalls")

    expired.route(LATE_SEGMENT, lambda route: route.abort(), times=1)
    seek(expired, 45)
    expired.keyboard.press("k")
    wait_until_past(expired, 45.5)
    assert "source changed" in stat(expired, "Stalls")


def test_subtitles_may_take_as_long_as_their_size_needs(
    open_page: OpenPage, system: System, ready_video: str, tmp_path: Path
) -> None:
    cue = "00:00:{:02},000 --> 00:00:{:02},900\n" + "words and words " * 55 + "\n\n"
    path = tmp_path / "long.srt"
    path.write_text("".join(f"{n}\n" + cue.format(n % 30, n % 30) for n in range(3000)))
    page = open_page("/")
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000},
    )
    card = page.locator(f".card[data-id='{ready_video}']")
    card.get_by_role("button", name="Add subtitles").click()
    page.get_by_label("WebVTT or SubRip file").set_input_files(path)
    page.get_by_role("textbox", name="Language").fill("cy")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("has subtitles now", timeout=60_000)
    added = f"{system.origin_url}/api/v1/videos/{ready_video}/subtitles/uploaded-cy"
    assert page.request.delete(added).ok  # other tests watch this video
