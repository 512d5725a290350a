"""Encrypted videos: packaged by a real worker, opened by ffmpeg with the key of a real origin."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import imageio_ffmpeg
import pytest

from sample_media.bar_code import NoBarCodeError, read_frame_number
from sample_media.generate import generate
from tests.e2e.system import System, running_origin

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
FRAMES, WIDTH, HEIGHT = 500, 320, 180
GRAY = ("-f", "rawvideo", "-pix_fmt", "gray", "-")


@pytest.fixture(scope="module", params=["aes-128", "sample-aes"])
def encrypted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, str]]:
    """The method, the origin's URL and a video that is encrypted so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PACKAGER_ENCRYPTION", request.param)
        with running_origin(tmp_path_factory.mktemp("encrypted")) as url:
            system = System(url, url)
            video_id = system.upload(generate("numbered"), "secret")
            video = system.wait_until_final(video_id)
            assert (video["state"], video["error"]) == ("ready", None)
            yield request.param, url, video_id


def token_of(url: str, video_id: str) -> dict[str, str]:
    answer = httpx.post(f"{url}/api/v1/videos/{video_id}/tokens", json={"ttl_seconds": 60})
    assert answer.status_code == 201
    found: dict[str, str] = answer.json()
    return found


def frames_of(*arguments: str) -> list[int | None]:
    raw = subprocess.run(
        [FFMPEG, "-v", "error", *arguments, "-map", "0:v:0", "-fps_mode", "passthrough", *GRAY],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    size = WIDTH * HEIGHT
    return [
        read_frame_number(raw[start : start + size], WIDTH, HEIGHT)
        for start in range(0, len(raw), size)
    ]


def test_the_key_is_for_who_holds_a_token(encrypted: tuple[str, str, str]) -> None:
    _, url, video_id = encrypted
    key_url = f"{url}/v/{video_id}/key"
    refused = httpx.get(key_url)
    assert refused.status_code == 403
    assert refused.headers["Content-Type"] == "application/problem+json"
    token = token_of(url, video_id)["token"]
    answer = httpx.get(key_url, params={"token": token})
    assert (answer.status_code, len(answer.content)) == (200, 16)
    assert answer.headers["Cache-Control"] == "no-store"
    assert httpx.get(key_url, params={"token": token + "x"}).status_code == 403
    head = httpx.head(key_url, params={"token": token})
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "16", b"")
    assert httpx.head(key_url).status_code == 403
    clear_key = httpx.post(
        f"{url}/v/{video_id}/license", params={"token": token}, json={"kids": []}
    )
    assert clear_key.json()["type"] == "temporary"


def test_playlists_carry_the_token_only_for_who_has_it(encrypted: tuple[str, str, str]) -> None:
    _, url, video_id = encrypted
    token = token_of(url, video_id)
    with_token = httpx.get(f"{url}{token['hls']}").text
    assert f"180p/index.m3u8?token={token['token']}" in with_token
    media = httpx.get(f"{url}/v/{video_id}/180p/index.m3u8?token={token['token']}").text
    assert f'&token={token["token"]}"' in media
    plain = httpx.get(f"{url}/v/{video_id}/180p/index.m3u8").text
    key_uri = next(line for line in plain.splitlines() if "EXT-X-KEY" in line).split('"')[1]
    assert "token" not in key_uri
    key = httpx.get(f"{url}/v/{video_id}/180p/{key_uri}", params={"token": token["token"]})
    assert len(key.content) == 16
    other = httpx.get(f"{url}/v/{video_id}/key", params={"token": token["token"], "kid": "0" * 32})
    assert other.status_code == 404
    junk = httpx.get(f"{url}/v/{video_id}/180p/index.m3u8?token=a%26b%23c").text
    assert junk == plain
    for query, audience in (("", "public"), (f"?token={token['token']}", "private")):
        for path in ("index.m3u8", "180p/index.m3u8"):
            answer = httpx.get(f"{url}/v/{video_id}/{path}{query}")
            assert answer.headers["Cache-Control"].startswith(f"{audience}, max-age=60")
    assert httpx.get(f"{url}/v/{video_id}/storyboard.vtt").status_code == 404


async def test_every_frame_comes_back_with_the_key(
    encrypted: tuple[str, str, str], tmp_path: Path
) -> None:
    method, url, video_id = encrypted
    token = token_of(url, video_id)
    if method == "aes-128":
        arguments = ["-allowed_extensions", "ALL", "-i", f"{url}{token['hls']}"]
    else:
        key = key_of(url, video_id, token["token"])
        track = await asyncio.to_thread(whole_track, url, video_id, tmp_path)
        arguments = ["-decryption_key", key.hex(), "-i", str(track)]
    assert await asyncio.to_thread(frames_of, *arguments) == list(range(FRAMES))


def test_no_frame_comes_without_it(encrypted: tuple[str, str, str], tmp_path: Path) -> None:
    _, url, video_id = encrypted
    track = whole_track(url, video_id, tmp_path)
    shown = subprocess.run(
        [FFMPEG, "-v", "quiet", "-i", str(track), "-f", "rawvideo", "-pix_fmt", "gray", "-"],
        capture_output=True, check=False, timeout=60,
    ).stdout  # fmt: skip
    size = WIDTH * HEIGHT
    frames = [shown[start : start + size] for start in range(0, len(shown) - size + 1, size)]
    readable = [number_in(frame) for frame in frames]
    assert sum(number == place for place, number in enumerate(readable)) < FRAMES // 10


def key_of(url: str, video_id: str, token: str) -> bytes:
    return httpx.get(f"{url}/v/{video_id}/key", params={"token": token}).content


def number_in(frame: bytes) -> int | None:
    try:
        return read_frame_number(frame, WIDTH, HEIGHT)
    except NoBarCodeError:
        return None


def whole_track(url: str, video_id: str, directory: Path) -> Path:
    """A rendition's init segment and all its segments, as they are stored."""
    base = f"{url}/v/{video_id}/180p/"
    lines = httpx.get(f"{base}index.m3u8").text.splitlines()
    init = next(line for line in lines if line.startswith("#EXT-X-MAP")).split('"')[1]
    names = [init, *(line for line in lines if line and not line.startswith("#"))]
    target = directory / "track.mp4"
    target.write_bytes(b"".join(httpx.get(base + name).content for name in names))
    return target
