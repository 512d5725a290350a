"""ffmpeg's arguments to encode pictures, with a reason for each, and no ffmpeg."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from packager.core.approach import Approach, open_at
from packager.core.argv import BARE, compile_argv
from packager.core.copying import copy_output
from packager.core.encoders import ENCODERS, Wanted
from packager.core.filters import in_sizes, on_grid
from packager.core.ladder import Rung
from packager.core.plan import Grid, frame_grid
from packager.core.source import SourceInfo, VideoTrack
from streamer.core.options import Preset

_BT709 = {
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "colorspace": "bt709",
    "color_range": "tv",
}


@dataclass(frozen=True, slots=True)
class ChunkJob:
    """Frames `first_frame` to `stop_frame` (exclusive) of the grid, in some renditions.

    `is_held` says that the last picture stands still where the source ends before.
    """

    first_frame: int
    stop_frame: int
    rungs: tuple[Rung, ...]
    preset: Preset
    is_held: bool = False


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
        first, stop = job.first_frame, job.stop_frame
        is_filled = approach.start_seconds(source, grid, first) is None
        frames = choose_frames(
            opened, video, grid, first, stop, is_filled=is_filled, is_held=job.is_held
        )
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


def trial_argv(encoder: str, target: str) -> list[str]:
    """Encode one black picture."""
    rung = Rung("trial", 320, 180, 1_000_000, encoder=encoder)
    picture = ffmpeg.input("color=s=320x180:r=25", f="lavfi", t=0.04)["v:0"]
    output = _encode_output(picture, frame_grid(Fraction(25)), rung, Preset.FAST, target)
    return [*ENCODERS[encoder].globals, *compile_argv([output])]


def choose_frames(
    opened: Any,
    video: VideoTrack,
    grid: Grid,
    first: int,
    stop: int,
    *,
    is_filled: bool = False,
    is_held: bool = False,
) -> Any:
    """The frames `first` to `stop` (exclusive) of the grid, out of an opened source.

    Where its first picture comes later, that stands there before if it `is_filled`; where it ends
    before, the last one stands still up to there if it `is_held`.
    """
    frames = on_grid(opened, video, grid, filled_from=first if is_filled else None)
    if is_held:
        frames = frames.filter("tpad", stop=-1, stop_mode="clone")
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
