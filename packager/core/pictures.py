"""The poster and the storyboard: what a viewer sees before and beside the player."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import ffmpeg

from packager.core.argv import compile_argv
from packager.core.filters import decoded, in_bt709
from packager.core.input import open_source
from packager.core.ladder import Rung
from packager.core.plan import SEGMENT_SECONDS
from packager.core.source import AudioTrack, SourceInfo, VideoTrack

_JPEG_START = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
_JPEG: dict[str, Any] = {
    "f": "image2pipe",
    "c:v": "mjpeg",
    "q:v": 4,
    "pix_fmt": "yuvj420p",
    "map_metadata": -1,
    "fflags": "+bitexact",
    "flags:v": "+bitexact",
}
_POSTER_POSITION = Fraction(1, 10)
_LATEST_POSTER_SECONDS = 60
_POSTER_LONG_SIDE = 1280
# The most typical of these frames is taken: not the black one between two scenes.
_POSTER_CANDIDATES = 24
_WAVEFORM_SECONDS = 600
_WAVEFORM_SIZE = "1280x720"

_TILE_LONG_SIDE = 160
_SHEET_COLUMNS = 10
_SHEET_ROWS = 10
_TARGET_TILES = 200
# Up to here every frame is decoded for finer steps; beyond, only the key frame of each segment.
_FINE_SECONDS = 120
_FINE_STEP_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Storyboard:
    """A grid of small pictures, one every `step_seconds`."""

    step_seconds: int
    tile_width: int
    tile_height: int
    key_frames_only: bool

    def tiles(self, duration_seconds: float) -> int:
        """How many pictures the video has."""
        return max(1, -(-round(duration_seconds * 1000) // (self.step_seconds * 1000)))


def plan_storyboard(duration_seconds: float, rung: Rung) -> Storyboard:
    """The storyboard of a video whose lowest rendition is `rung`."""
    fine = duration_seconds <= _FINE_SECONDS
    wanted = max(1, round(duration_seconds / _TARGET_TILES / SEGMENT_SECONDS)) * SEGMENT_SECONDS
    shrink = min(1.0, _TILE_LONG_SIDE / max(rung.width, rung.height))
    return Storyboard(
        step_seconds=_FINE_STEP_SECONDS if fine else wanted,
        tile_width=max(2, 2 * round(rung.width * shrink / 2)),
        tile_height=max(2, 2 * round(rung.height * shrink / 2)),
        key_frames_only=not fine,
    )


def storyboard_argv(storyboard: Storyboard, target: str) -> list[str]:
    """Sheets of tiles, as one JPEG after the other, out of a rendition read from standard input."""
    skip = {"skip_frame": "nokey"} if storyboard.key_frames_only else {}
    frames = ffmpeg.input("pipe:0", f="mp4", protocol_whitelist="pipe", **skip)["v:0"]
    chosen = frames.filter("fps", fps=f"1/{storyboard.step_seconds}", round="up", start_time=0)
    tiles = _in_jfif(chosen, storyboard.tile_width, storyboard.tile_height, "bt709", "area")
    sheets = tiles.filter("tile", f"{_SHEET_COLUMNS}x{_SHEET_ROWS}")
    return compile_argv([ffmpeg.output(sheets, target, **_JPEG)])


def poster_positions(source: SourceInfo) -> tuple[Fraction, Fraction]:
    """Where to look for the poster, in seconds from the container's beginning, in this order.

    Behind the first tenth, where titles have ended; at the beginning, where there is a key frame.
    """
    begin = source.zero_seconds - source.format_start_seconds
    into = min(
        Fraction(source.duration_seconds) * _POSTER_POSITION, Fraction(_LATEST_POSTER_SECONDS)
    )
    return (max(Fraction(0), begin + into), Fraction(0))


def poster_argv(
    path: str, video: VideoTrack, rung: Rung, position: Fraction, target: str
) -> list[str]:
    """One typical picture from `position` on, in the size of `rung` or a little smaller."""
    shrink = min(1.0, _POSTER_LONG_SIDE / max(rung.width, rung.height))
    width, height = round(rung.width * shrink), round(rung.height * shrink)
    opened = open_source(path, seek_seconds=position, **video.decoding)
    frames = decoded(opened, video).filter("thumbnail", _POSTER_CANDIDATES)
    frames, matrix = in_bt709(frames, video, rung.width, rung.height)
    picture = _in_jfif(frames, width, height, matrix, "bicubic")
    return compile_argv([ffmpeg.output(picture, target, **{"frames:v": 1, **_JPEG})])


def waveform_argv(path: str, audio: AudioTrack, target: str) -> list[str]:
    """A picture of the sound, for what has no other."""
    opened = open_source(path, vn=None, t=_WAVEFORM_SECONDS)
    wave = opened[str(audio.index)].filter(
        "showwavespic", s=_WAVEFORM_SIZE, colors="0x6d8bff", scale="sqrt"
    )
    return compile_argv([ffmpeg.output(wave, target, **{"frames:v": 1, **_JPEG})])


def split_jpegs(data: bytes) -> list[bytes]:
    """The pictures of a stream of JPEGs."""
    starts = []
    position = data.find(_JPEG_START)
    while position >= 0:
        starts.append(position)
        end = data.find(_JPEG_END, position)
        position = data.find(_JPEG_START, end) if end >= 0 else -1
    return [data[start:stop] for start, stop in pairwise([*starts, len(data)])]


def render_storyboard(
    storyboard: Storyboard, sheets: Sequence[str], duration_seconds: float
) -> str:
    """The WebVTT of a storyboard: for every moment a sheet and the place on it (media fragments).

    `sheets` are the sheets' URLs, relative to the WebVTT's own.
    """
    lines = ["WEBVTT"]
    per_sheet = _SHEET_COLUMNS * _SHEET_ROWS
    tiles = min(storyboard.tiles(duration_seconds), per_sheet * len(sheets))
    for number in range(tiles):
        start = number * storyboard.step_seconds
        stop = duration_seconds if number == tiles - 1 else start + storyboard.step_seconds
        row, column = divmod(number % per_sheet, _SHEET_COLUMNS)
        place = (
            column * storyboard.tile_width,
            row * storyboard.tile_height,
            storyboard.tile_width,
            storyboard.tile_height,
        )
        lines += [
            "",
            f"{_timestamp(start)} --> {_timestamp(stop)}",
            f"{sheets[number // per_sheet]}#xywh={_commas(place)}",
        ]
    return "\n".join(lines) + "\n"


def _commas(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _timestamp(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _in_jfif(frames: Any, width: int, height: int, matrix: str, scaler: str) -> Any:
    """The pictures scaled and in the only colours that a JPEG has (ITU-T T.871 §7)."""
    colours = {"in_color_matrix": matrix, "out_color_matrix": "bt601", "out_range": "pc"}
    scaled = frames.filter("scale", width, height, flags=f"{scaler}+accurate_rnd", **colours)
    return scaled.filter("setsar", 1).filter("format", _JPEG["pix_fmt"])
