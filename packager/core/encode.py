"""ffmpeg's arguments to encode pictures, with a reason for each, and no ffmpeg."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from packager.core.argv import BARE, compile_argv
from packager.core.filters import in_sizes, on_grid
from packager.core.input import open_source
from packager.core.ladder import Rung
from packager.core.plan import Grid
from packager.core.source import SourceInfo, VideoTrack

# x264 reorders by two frames at most: its b-pyramid is two deep whatever the preset.
REORDER_FRAMES = 2
_CONSTANT_RATE_FACTOR = 23
# A rate cap over one and a half times the cap's second: a segment never overshoots a player's
# buffer, and a scene cut still gets what it needs.
_BUFFER_SECONDS = 1.5
# Seeking in an indexed file ends at the key frame before; half a frame keeps rounding harmless.
_INDEXED_MARGIN_FRAMES = Fraction(1, 2)
# Seeking in the others is a search by time stamp that may end past the key frame: tried in turn
# until the chunk's first frame is there. None decodes from the beginning.
_SEARCH_MARGINS_SECONDS: tuple[Fraction | None, ...] = (Fraction(5), Fraction(30), None)

_BT709 = {
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "colorspace": "bt709",
    "color_range": "tv",
}


@dataclass(frozen=True, slots=True)
class ChunkJob:
    """Frames `first_frame` to `stop_frame` (exclusive) of the grid, in some renditions."""

    first_frame: int
    stop_frame: int
    rungs: tuple[Rung, ...]
    preset: str


def seek_margins(source: SourceInfo, grid: Grid) -> tuple[Fraction | None, ...]:
    """How far before a chunk to seek, in seconds, in the order to try; None: do not seek."""
    if source.indexed:
        return (_INDEXED_MARGIN_FRAMES / grid.frame_rate, *_SEARCH_MARGINS_SECONDS)
    return _SEARCH_MARGINS_SECONDS


def chunk_argv(
    path: str,
    source: SourceInfo,
    video: VideoTrack,
    grid: Grid,
    job: ChunkJob,
    targets: Sequence[str],
    margin_seconds: Fraction | None,
) -> list[str]:
    """One decode, one encode per rendition, each into its own target.

    Frames are chosen by their number on the absolute grid, wherever the seek ended, so a chunk
    begins and ends at exactly its frames.
    """
    seek = Fraction(0)
    if margin_seconds is not None:
        begin = source.zero_seconds - source.format_start_seconds
        seek = max(Fraction(0), begin + grid.seconds(job.first_frame) - margin_seconds)
    opened = open_source(path, seek_seconds=seek)
    frames = on_grid(opened, video, grid, from_zero=job.first_frame == 0)
    frames = frames.filter("trim", start_pts=job.first_frame, end_pts=job.stop_frame)
    outputs = [
        ffmpeg.output(picture, target, **_video_options(grid, rung, job.preset))
        for picture, rung, target in zip(
            in_sizes(frames, video, job.rungs), job.rungs, targets, strict=True
        )
    ]
    return compile_argv(outputs)


def _video_options(grid: Grid, rung: Rung, preset: str) -> dict[str, Any]:
    return {
        # The grid made the rate constant: ffmpeg must neither drop nor repeat.
        "fps_mode": "passthrough",
        "c:v": "libx264",
        "preset": preset,
        "profile:v": "high",
        "crf": _CONSTANT_RATE_FACTOR,
        "maxrate": rung.max_bps,
        "bufsize": round(rung.max_bps * _BUFFER_SECONDS),
        # Renditions and chunks run side by side already; with more threads, rate control would
        # depend on their timing and the bytes with it.
        "threads:v": 1,
        # An IDR frame at every segment boundary and nowhere else, no reference across it.
        "g": grid.segment_frames,
        "keyint_min": grid.segment_frames,
        "sc_threshold": 0,
        "flags:v": "+cgop",
        **_BT709,
        "f": "mp4",
        # A fragment per key frame; frag_discont keeps the frame numbers as decode times.
        "movflags": "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont",
        "video_track_timescale": grid.timescale,
        "flush_packets": 1,
        **BARE,
    }
