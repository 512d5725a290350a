"""A source's own pictures as a rendition: how ffmpeg copies them, and their place in time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from packager.core.argv import BARE, compile_argv
from packager.core.boxes import MediaFormatError
from packager.core.fmp4 import Fragment, Sample
from packager.core.h264 import is_idr, without_parameter_sets
from packager.core.input import open_source
from packager.core.plan import SEGMENT_SECONDS, Grid
from packager.core.source import VideoTrack

# How many frames a source may present later than it decodes them. Encoders stay at two or three;
# with more than the source needs, players only decode a little earlier.
REORDER_FRAMES = 4
# From here on ffmpeg's times, of 64 bits without a sign, are those before zero.
_NEGATIVE = 1 << 63
# ISO/IEC 14496-12 §8.8.3.1: depends on nothing; or on others, and is no sync sample.
_SYNC, _DEPENDENT = 0x02000000, 0x01010000
# In a line of ffmpeg's framecrc, which does not name the flags of a mere key frame.
_FLAGS = re.compile(rb", F=0x([0-9A-F]+)")
# AV_PKT_FLAG_DISCARD: decoded, and not shown.
_DISCARDED = 0x4


@dataclass(frozen=True, slots=True)
class CopiedFrame:
    """One frame of a source, in decoding order.

    `number` is the frame of the grid that it is nearest to, `drift_ticks` how far it is from that.
    """

    number: int
    drift_ticks: int
    sample: Sample


def number_frames(fragment: Fragment, video: VideoTrack, grid: Grid) -> Iterator[CopiedFrame]:
    """The frames of a fragment of a copying run, with their numbers on the grid."""
    # With negative offsets, ffmpeg's times of decoding are late by the delay of reordering: those
    # of presentation are the source's.
    start = fragment.start_ticks
    if start >= _NEGATIVE:
        start -= 2 * _NEGATIVE
    decoded = start - round(video.start_seconds * grid.timescale)
    for sample in fragment.samples:
        presented = decoded + sample.offset_ticks
        number = round(Fraction(presented, grid.frame_ticks))
        yield CopiedFrame(number, abs(presented - number * grid.frame_ticks), sample)
        decoded += sample.duration_ticks


def copy_output(
    opened: Any, video: VideoTrack, grid: Grid, target: str, stop_frame: int | None = None
) -> Any:
    """The pictures of an opened source as they are, to `stop_frame` of the grid and a little more.

    They begin where the seek ended.
    """
    stop = {}
    if stop_frame is not None:
        stop_seconds = video.start_seconds + grid.seconds(stop_frame)
        stop = {"to": f"{max(0.0, float(stop_seconds)):.6f}"}
    return ffmpeg.output(
        opened[str(video.index)],
        target,
        **{
            **stop,
            "c:v": "copy",
            # Whatever the container: lengths of four bytes, and parameter sets where they change.
            "bsf:v": "h264_mp4toannexb",
            "f": "mp4",
            "movflags": "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets"
            "+frag_discont",
            # ffmpeg holds a fragment in memory: none is longer than a segment.
            "frag_duration": SEGMENT_SECONDS * 1_000_000,
            "video_track_timescale": grid.timescale,
            "flush_packets": 1,
            **BARE,
        },
    )


def copy_argv(path: str, video: VideoTrack, grid: Grid, target: str, list_target: str) -> list[str]:
    """All pictures of a source as they are, and a list of them, a line each, in decoding order."""
    opened = open_source(path)
    options = {"c:v": "copy", "f": "framecrc", **BARE}
    listed = ffmpeg.output(opened[str(video.index)], list_target, **options)
    return compile_argv([copy_output(opened, video, grid, target), listed])


def is_left_out(line: bytes) -> bool:
    """Whether a line of the list is of a picture that the file has, and says not to show.

    MP4 says so by an edit list.
    """
    flags = _FLAGS.search(line)
    return flags is not None and bool(int(flags[1], 16) & _DISCARDED)


def place_frames(frames: Sequence[CopiedFrame], first: int, grid: Grid) -> tuple[Sample, ...]:
    """The samples of one segment, whose frames are those from `first` on, in decoding order.

    Their time is the grid's; the init segment's edit takes `REORDER_FRAMES` away again.

    Raises:
        MediaFormatError: It does not begin with a key frame, a frame is missing, or one would be
            presented before it is decoded.
    """
    if sorted(frame.number for frame in frames) != list(range(first, first + len(frames))):
        raise MediaFormatError("frames that were copied are not those of their segment")
    if frames[0].number != first or not is_idr(frames[0].sample.data):
        raise MediaFormatError("a segment boundary has no key frame")
    delays = [frame.number - decoded for decoded, frame in enumerate(frames, start=first)]
    if min(delays) < -REORDER_FRAMES:
        raise MediaFormatError("frames are reordered further than the init segment says")
    return tuple(
        Sample(
            duration_ticks=grid.frame_ticks,
            offset_ticks=(delay + REORDER_FRAMES) * grid.frame_ticks,
            flags=_SYNC if is_idr(frame.sample.data) else _DEPENDENT,
            data=without_parameter_sets(frame.sample.data),
        )
        for frame, delay in zip(frames, delays, strict=True)
    )
