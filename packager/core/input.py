"""How ffmpeg and ffprobe may open an upload: as one local media file and nothing else.

A container can name other files and URLs (playlists, concat scripts, references). No demuxer that
follows such names is allowed, nor any protocol but reading this file.
"""

from fractions import Fraction
from typing import Any

import ffmpeg

FORMATS = (
    "mov",
    "matroska",
    "webm",
    "mpegts",
    "mpeg",
    "avi",
    "flv",
    "asf",
    "ogg",
    "mxf",
    "nut",
    "dv",
    "wav",
    "w64",
    "aiff",
    "caf",
    "mp3",
    "aac",
    "ac3",
    "eac3",
    "flac",
    "amr",
)
_WHITELIST = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}


def probe_argv(path: str) -> list[str]:
    """Arguments for ffprobe: all it knows of the container and its streams, as JSON."""
    arguments = [
        "-v",
        "error",
        "-print_format",
        "json",
        "-show_format",
        "-show_streams",
        "-show_chapters",
    ]
    for name, value in _WHITELIST.items():
        arguments += [f"-{name}", value]
    return [*arguments, "-i", f"file:{path}"]


def open_source(path: str, *, seek_seconds: Fraction = Fraction(0), **options: Any) -> Any:
    """An upload as input of an ffmpeg graph, its own time stamps kept.

    `seek_seconds` counts from the container's first time stamp; decoding begins at a key frame
    at or before it.
    """
    seek = {"ss": _decimal(seek_seconds), "noaccurate_seek": None} if seek_seconds > 0 else {}
    return ffmpeg.input(f"file:{path}", copyts=None, **_WHITELIST, **seek, **options)


def _decimal(seconds: Fraction) -> str:
    """Seconds in the spelling of ffmpeg's options, to the microsecond."""
    return f"{float(seconds):.6f}"
