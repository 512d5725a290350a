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
    "wv",
    "gif",
    "apng",
    "ivf",
    "rm",
    "yuv4mpegpipe",
)
# Its other tags may be of any size.
_CONTAINER = (
    "format=format_name,duration,start_time:format_tags=encoder"
    ":chapter=start_time,end_time:chapter_tags=title"
)
_PROGRAMS = "program=program_id:program_stream=index"
# Pictures may say how they lie, and whether they are fields. Among so few packets there is most
# often one of them, and not many to decode. They are counted too: of AV1, say, this ffprobe decodes
# none. Nothing is told to the decoders: it would count while streams are described too.
_FIRST_FRAMES = (
    *("-count_packets", "-read_intervals", "%+#4"),
    *("-show_entries", "frame=stream_index,interlaced_frame:frame_side_data=displaymatrix"),
)
# Some containers do not state how large their pictures are, and ffprobe gives up after seconds, or
# 5 MB: a recording that begins inside a group of pictures says it with the next one, a slide show
# with its second picture.
_PATIENCE = ("-analyzeduration", "300000000", "-probesize", "64000000")
# About a minute.
_FIRST_PACKETS = "%+#4000"
# The worker's own server on the loopback interface, see `packager.sources`.
_SERVED = "http://127.0.0.1:"

Window = tuple[Fraction | None, Fraction]
"""From when to when, in seconds of the container's clock; None: from where the file begins."""


def probe_argv(path: str, *, is_patient: bool = False) -> list[str]:
    """Arguments for ffprobe: what there is to know of the container and its streams, as JSON.

    `is_patient` has it look farther into the file for what the beginning does not tell.
    """
    patience = _PATIENCE if is_patient else ()
    wanted = ("-show_streams", "-show_entries", f"{_CONTAINER}:{_PROGRAMS}")
    return _ask(path, *patience, *wanted, *_FIRST_FRAMES)


def packets_argv(path: str) -> list[str]:
    """Arguments for ffprobe: when the first packets are shown and where they lie, as JSON."""
    return _ask(path, "-read_intervals", _FIRST_PACKETS, "-show_entries", "packet=pts_time,pos")


def keys_argv(path: str, index: int, *windows: Window) -> list[str]:
    """Arguments for ffprobe: when packets in some windows are shown, which are keys, as JSON."""
    intervals = (
        f"{'' if start is None else _decimal(start)}%{_decimal(stop)}" for start, stop in windows
    )
    chosen = ("-select_streams", str(index), "-read_intervals", ",".join(intervals))
    return _ask(path, *chosen, "-show_entries", "packet=pts_time,flags")


def _ask(path: str, *options: str) -> list[str]:
    arguments = ["-v", "error", "-print_format", "json=compact=1", *options]
    for name, value in _whitelist(path).items():
        arguments += [f"-{name}", value]
    return [*arguments, "-i", _url(path)]


def open_source(path: str, *, seek_seconds: Fraction = Fraction(0), **options: Any) -> Any:
    """An upload, at a path or served by the worker, as input of an ffmpeg graph.

    Its own time stamps are kept.

    `seek_seconds` counts from the container's first time stamp; decoding begins at a key frame
    at or before it.
    """
    seek = {"ss": _decimal(seek_seconds), "noaccurate_seek": None} if seek_seconds > 0 else {}
    return ffmpeg.input(_url(path), copyts=None, **_whitelist(path), **seek, **options)


def _url(path: str) -> str:
    return path if path.startswith(_SERVED) else f"file:{path}"


def _whitelist(path: str) -> dict[str, str]:
    protocols = "http,tcp" if path.startswith(_SERVED) else "file"
    return {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": protocols}


def _decimal(seconds: Fraction) -> str:
    """Seconds in the spelling of ffmpeg's options, to the microsecond."""
    return f"{float(seconds):.6f}"
