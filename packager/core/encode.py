"""ffmpeg's arguments to encode pictures, with a reason for each, and no ffmpeg."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from packager.core.argv import BARE, compile_argv
from packager.core.copying import copy_output
from packager.core.encoders import ENCODERS, Wanted
from packager.core.filters import in_sizes, on_grid
from packager.core.input import open_source
from packager.core.ladder import Rung
from packager.core.plan import Grid
from packager.core.source import SourceInfo, VideoTrack
from streamer.core.options import Preset

# Seeking in an indexed file ends at the last key frame before its target, so a little behind the
# chunk's own first frame: where that is a key frame, its rounded time is not behind the target.
_INDEXED_MARGIN_FRAMES = Fraction(-1, 4)
# In the others a key frame must be met: tried in turn until the chunk's first frame is there. Most
# encoders put one at least every 250 pictures.
_SEARCH_MARGINS_SECONDS = (Fraction(12), Fraction(60), None)

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
    preset: Preset


@dataclass(frozen=True, slots=True)
class Approach:
    """How to get to a chunk's first frame in a source.

    Attributes:
        margin_seconds: How far before it to look for a key frame, from which on the source is
            decoded; below 0: how far behind it. None: it is decoded from its beginning.
        in_order: What comes before is read and left out, rather than sought past.
    """

    margin_seconds: Fraction | None
    in_order: bool = False

    def start_seconds(self, source: SourceInfo, grid: Grid, first_frame: int) -> Fraction | None:
        """From when on it is read, by the source's clock; None: from its beginning."""
        if self.margin_seconds is None or first_frame == 0:
            return None
        return source.zero_seconds + grid.seconds(first_frame) - self.margin_seconds


def approaches(source: SourceInfo, grid: Grid, *, in_order: bool = False) -> tuple[Approach, ...]:
    """The ways to get to a chunk, in the order to try."""
    searches = [Approach(margin, in_order) for margin in _SEARCH_MARGINS_SECONDS]
    if source.indexed and not in_order:
        return (Approach(_INDEXED_MARGIN_FRAMES / grid.frame_rate), *searches)
    return tuple(searches)


def chunk_argv(
    path: str,
    source: SourceInfo,
    video: VideoTrack,
    grid: Grid,
    job: ChunkJob,
    targets: Sequence[str],
    approach: Approach,
) -> list[str]:
    """One decode, one encode or copy per rendition, each into its own target.

    Frames are chosen by their number on the absolute grid, wherever decoding began, so a chunk
    begins and ends at exactly its frames. Of a copy, whoever reads it must choose them.
    """
    encoded = [rung for rung in job.rungs if not rung.is_copied]
    # Chunks fill the processors side by side. More threads before the encoders would only take
    # each other's pictures out of the caches; the first chunk, which a viewer waits for, is alone.
    is_first = job.first_frame == 0 and len(encoded) == 1
    decoding = {} if is_first else {"threads": 1}
    opened = open_at(path, source, grid, job.first_frame, approach, **decoding)
    pictures = iter(())
    if encoded:
        frames = choose_frames(opened, video, grid, job.first_frame, job.stop_frame)
        pictures = iter(in_sizes(frames, video, encoded))
    outputs = [
        copy_output(opened, video, grid, target, job.stop_frame)
        if rung.is_copied
        else _encode_output(next(pictures), grid, rung, job.preset, target)
        for rung, target in zip(job.rungs, targets, strict=True)
    ]
    devices = dict.fromkeys(ENCODERS[rung.encoder].globals for rung in encoded)
    return [
        *(argument for device in devices for argument in device),
        *(() if is_first else ("-filter_complex_threads", "1")),
        *compile_argv(outputs),
    ]


def open_at(
    path: str,
    source: SourceInfo,
    grid: Grid,
    first_frame: int,
    approach: Approach,
    **options: Any,
) -> Any:
    """The source from a key frame before a frame of the grid on; `options` are ffmpeg's for it."""
    start = approach.start_seconds(source, grid, first_frame)
    if start is None:
        return open_source(path, **options)
    after_begin = max(Fraction(0), start - source.format_start_seconds)
    if not approach.in_order:
        return open_source(path, seek_seconds=after_begin, **options)
    if after_begin > 0:
        options["bsf:v"] = _leave_out_until(start)
    return open_source(path, **options)


def _leave_out_until(seconds: Fraction) -> str:
    """A bit stream filter that drops packets until the first key frame from a time on."""
    begins = f"key*gte(pts*tb,{float(seconds):.6f})"
    # Register 0 remembers that it has begun.
    return f"noise=drop='if(ld(0),0,if({begins},st(0,1)*0,1))'"


def choose_frames(opened: Any, video: VideoTrack, grid: Grid, first: int, stop: int) -> Any:
    """The frames `first` to `stop` (exclusive) of the grid, out of an opened source."""
    frames = on_grid(opened, video, grid, from_zero=first == 0)
    return frames.filter("trim", start_pts=first, end_pts=stop)


def _encode_output(picture: Any, grid: Grid, rung: Rung, preset: Preset, target: str) -> Any:
    return ffmpeg.output(_uploaded(picture, rung), target, **_video_options(grid, rung, preset))


def _uploaded(picture: Any, rung: Rung) -> Any:
    """The pictures where the encoder reads them."""
    for name, argument in ENCODERS[rung.encoder].upload:
        picture = picture.filter(name, argument) if argument else picture.filter(name)
    return picture


def _video_options(grid: Grid, rung: Rung, preset: Preset) -> dict[str, Any]:
    wanted = Wanted(preset, rung.quality, rung.max_bps, grid.segment_frames)
    return {
        # The grid made the rate constant: ffmpeg must neither drop nor repeat.
        "fps_mode": "passthrough",
        "c:v": rung.encoder,
        **ENCODERS[rung.encoder].options(wanted),
        **_BT709,
        "f": "mp4",
        # A fragment per key frame; frag_discont keeps the frame numbers as decode times.
        "movflags": "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont",
        "video_track_timescale": grid.timescale,
        "flush_packets": 1,
        **BARE,
    }
