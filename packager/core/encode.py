"""ffmpeg's arguments, with a reason for each, and no ffmpeg."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from packager.core.input import open_source
from packager.core.ladder import Rung
from packager.core.plan import Grid
from packager.core.source import AudioTrack, SourceInfo, VideoTrack

# x264 reorders by two frames at most: its b-pyramid is two deep whatever the preset.
REORDER_FRAMES = 2
AUDIO_RATE = 48_000
_AUDIO_BPS = 128_000
_CONSTANT_RATE_FACTOR = 23
# A rate cap over one and a half times the cap's second: a segment never overshoots a player's
# buffer, and a scene cut still gets what it needs.
_BUFFER_SECONDS = 1.5
# Seeking in an indexed file ends at the key frame before; half a frame keeps rounding harmless.
_INDEXED_MARGIN_FRAMES = Fraction(1, 2)
# Seeking in the others is a search by time stamp that may end past the key frame: tried in turn
# until the chunk's first frame is there. None decodes from the beginning.
_SEARCH_MARGINS_SECONDS: tuple[Fraction | None, ...] = (Fraction(5), Fraction(30), None)

# A damaged source keeps what decodes, however little it is.
_QUIET: dict[str, Any] = {"v": "error", "nostdin": None, "nostats": None, "max_error_rate": 1}
# Metadata and versions would make the init segments of two runs differ.
_BARE: dict[str, Any] = {
    "map_metadata": -1,
    "map_chapters": -1,
    "fflags": "+bitexact",
    "flags": "+bitexact",
}
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
    frames = _on_grid(opened, video, grid, from_zero=job.first_frame == 0)
    frames = frames.filter("trim", start_pts=job.first_frame, end_pts=job.stop_frame)
    outputs = [
        ffmpeg.output(picture, target, **_video_options(grid, rung, job.preset))
        for picture, rung, target in zip(
            _pictures(frames, video, job.rungs), job.rungs, targets, strict=True
        )
    ]
    return compile_argv(outputs)


def audio_argv(path: str, source: SourceInfo, audio: AudioTrack, target: str) -> list[str]:
    """The sound from the stream's time 0 on, as stereo AAC in small fragments.

    Gaps become silence and a late start too, so that sound keeps time with the picture.
    """
    opened = open_source(path, vn=None)
    sound = opened[str(audio.index)].filter("asetpts", f"PTS-({_ratio(source.zero_seconds)})/TB")
    sound = sound.filter("atrim", start=0)
    # async=1 fills gaps and cuts overlaps, it does not stretch; first_pts=0 begins at time 0.
    sound = sound.filter("aresample", AUDIO_RATE, **{"async": 1, "first_pts": 0})
    return compile_argv([ffmpeg.output(sound, target, **_audio_options())])


def silence_argv(target: str) -> list[str]:
    """One second of silence in the form that `audio_argv` gives sound."""
    silence = ffmpeg.input(f"anullsrc=r={AUDIO_RATE}:cl=stereo", f="lavfi", t=1)["a:0"]
    return compile_argv([ffmpeg.output(silence, target, **_audio_options())])


def _on_grid(opened: Any, video: VideoTrack, grid: Grid, *, from_zero: bool) -> Any:
    """The pictures at a constant rate, each with its frame number as time stamp."""
    frames = opened[str(video.index)].filter("setpts", f"PTS-({_ratio(video.start_seconds)})/TB")
    if video.interlaced:
        frames = frames.filter("bwdif", mode="send_frame", deint="all")
    # Pictures that cannot be decoded at the very beginning are replaced by the first one that can.
    start = {"start_time": 0} if from_zero else {}
    return frames.filter("fps", fps=_ratio(grid.frame_rate), round="near", **start)


def _pictures(frames: Any, video: VideoTrack, rungs: Sequence[Rung]) -> list[Any]:
    """The pictures in every rendition's size: 8-bit 4:2:0, BT.709, square pixels."""
    matrix = video.matrix
    if video.hdr_transfer is not None:
        frames = tonemap(frames, video.hdr_transfer, rungs[-1].width, rungs[-1].height)
        matrix = "bt709"
    branches = [frames]
    if len(rungs) > 1:
        split = frames.filter_multi_output("split", len(rungs))
        branches = [split.stream(number) for number in range(len(rungs))]
    return [
        fit(branch, rung.width, rung.height, matrix)
        for branch, rung in zip(branches, rungs, strict=True)
    ]


def fit(frames: Any, width: int, height: int, matrix: str) -> Any:
    """The pictures scaled and brought to the one format all players decode."""
    scaled = frames.filter(
        "scale",
        width,
        height,
        flags="bicubic",
        in_color_matrix=matrix,
        out_color_matrix="bt709",
        out_range="tv",
    )
    return scaled.filter("format", "yuv420p").filter("setsar", 1)


def tonemap(frames: Any, transfer: str, width: int, height: int) -> Any:
    """PQ or HLG brought to BT.709, in the largest size that is needed: it costs per pixel."""
    linear = frames.filter(
        "zscale", width, height, tin=transfer, min="bt2020nc", pin="bt2020", t="linear", npl=100
    )
    mapped = (
        linear.filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", tonemap="hable", desat=0)
    )
    return mapped.filter("zscale", t="bt709", m="bt709", r="tv").filter("format", "yuv420p")


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
        **_BARE,
    }


def _audio_options() -> dict[str, Any]:
    return {
        "c:a": "aac",
        "b:a": _AUDIO_BPS,
        "ac": 2,
        "f": "mp4",
        # delay_moov writes the encoder's priming into the edit list once it is known.
        "movflags": "+empty_moov+delay_moov+default_base_moof",
        # Small fragments: they are regrouped into segments, and the first is wanted soon.
        "frag_duration": 1_000_000,
        "flush_packets": 1,
        **_BARE,
    }


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def compile_argv(outputs: Sequence[Any]) -> list[str]:
    """The arguments of one ffmpeg run with these outputs, quiet, reporting its progress."""
    merged = outputs[0] if len(outputs) == 1 else ffmpeg.merge_outputs(*outputs)
    return [
        *_global_arguments(),
        *merged.get_args(),
    ]


def _global_arguments() -> list[str]:
    arguments = []
    for name, value in _QUIET.items():
        arguments += [f"-{name}"] if value is None else [f"-{name}", str(value)]
    # Twice a second ffmpeg reports on its standard output how far it is.
    return [*arguments, "-progress", "pipe:1", "-stats_period", "0.5"]
