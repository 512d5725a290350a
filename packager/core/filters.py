"""A source's pictures brought to what all players show: a constant rate, BT.709, square pixels."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from packager.core.argv import spell_ratio
from packager.core.ladder import Rung
from packager.core.plan import Grid
from packager.core.source import VideoTrack

# The luminance of a white page in HDR (ITU-R BT.2408): it becomes nearly the white of SDR.
_REFERENCE_NITS = 203
# The brightest there can be (ITU-R BT.2100). What a file states of its brightest picture is often
# wrong, and room for more costs next to nothing with this curve; HLG is shown at 1000.
_PEAK_NITS = {"smpte2084": 10_000, "arib-std-b67": 1000}
# Below this share of white nothing changes; above, the brighter the more it is held back.
_LINEAR_SHARE = 0.4
# Of less than so much nobody is told that another picture stands there at the beginning.
_TOLD_SECONDS = Fraction(1)
_ERROR_LEVEL = 16
# Steps of 8 bits would be seen in a sky.
_BT709 = {"t": "bt709", "m": "bt709", "r": "tv", "dither": "ordered"}
# Matrices by the names of their standards, where swscale calls them otherwise.
_MATRICES = {"bt601": "smpte170m", "bt2020": "bt2020nc"}
# zscale knows no constant luminance in HDR.
_HDR_MATRICES = _MATRICES | {"bt2020c": "bt2020nc", "chroma-derived-c": "bt2020nc"}
# What swscale refuses to read.
_ZSCALE_ALONE = frozenset({"ycgco", "bt2020c", "ictcp", "chroma-derived-nc", "chroma-derived-c"})


def on_grid(opened: Any, video: VideoTrack, grid: Grid, *, filled_from: int | None = None) -> Any:
    """The pictures at a constant rate, each with its frame number as time stamp.

    Those that cannot be decoded from frame `filled_from` on, up to the first one that can, are
    replaced by that one. None: there are none before it.
    """
    frames = decoded(opened, video)
    begin, filling = f"({spell_ratio(video.start_seconds)})/TB", {}
    shown = f"PTS-{begin}"
    if filled_from is not None:
        start = grid.seconds(filled_from)
        filling = {"start_time": spell_ratio(start)}
        told_from = spell_ratio(max(start, video.late_seconds + _TOLD_SECONDS))
        # The first picture prints its time if it is later than it should be; that adds nothing.
        is_late = f"eq(N,0)*gte({shown},({told_from})/TB)"
        shown += f"+0*if({is_late},print(T,{_ERROR_LEVEL}))"
    rate = spell_ratio(grid.frame_rate)
    return frames.filter("setpts", shown).filter("fps", fps=rate, round="near", **filling)


def decoded(opened: Any, video: VideoTrack) -> Any:
    """The pictures of an opened source, whole, upright, opaque, in the first one's size and format.

    They state nothing that swscale refuses.
    """
    frames = opened[str(video.index)]
    if video.has_odd_colours:
        frames = _stated(frames, "bt709", "bt709", "bt709")
    # A source may change its size and format at any picture.
    frames = _deinterlaced(frames.filter("scale", "iw", "ih", eval="init"), video)
    if video.turn:
        frames = frames.filter("sidedata", mode="delete", type="DISPLAYMATRIX")
    for direction in video.turn:
        frames = frames.filter("transpose", direction)
    if video.has_alpha:
        # What is transparent lies on black.
        frames = frames.filter("premultiply", inplace=1)
    return frames


def in_sizes(frames: Any, video: VideoTrack, rungs: Sequence[Rung]) -> list[Any]:
    """The pictures in every rendition's size: 8-bit 4:2:0, BT.709, square pixels.

    Each size is made of the next larger one: a ladder takes 5 % less time than when the source is
    scaled again for each, and a size is still at 53 dB (PSNR) from an exact scaler's.
    """
    order = sorted(range(len(rungs)), key=lambda n: rungs[n].width * rungs[n].height, reverse=True)
    largest = rungs[order[0]]
    frames, matrix = in_bt709(frames, video, largest.width, largest.height)
    pictures = {order[0]: _fit(frames, largest.width, largest.height, matrix)}
    for larger, number in pairwise(order):
        split = pictures[larger].filter_multi_output("split", 2)
        pictures[larger] = split.stream(0)
        pictures[number] = _smaller(split.stream(1), rungs[number])
    return [pictures[number] for number in range(len(rungs))]


def in_bt709(frames: Any, video: VideoTrack, width: int, height: int) -> tuple[Any, str]:
    """The pictures with BT.709's colours and brightness, and the matrix they are coded with.

    What is neither HDR nor of a larger or odd colour space is left as it is. The rest is brought to
    the largest size that is needed: it costs per pixel.
    """
    primaries = video.wide_primaries or "bt709"
    if (transfer := video.hdr_transfer) is not None:
        matrix = _HDR_MATRICES.get(video.matrix, video.matrix)
        stated = _stated(frames, transfer, primaries, matrix)
        return _tonemap(stated, _PEAK_NITS[transfer], width, height), "bt709"
    if video.wide_primaries is not None or video.matrix in _ZSCALE_ALONE:
        matrix = _MATRICES.get(video.matrix, video.matrix)
        return _narrow(_stated(frames, "bt709", primaries, matrix), width, height), "bt709"
    return frames, video.matrix


def _fit(frames: Any, width: int, height: int, matrix: str) -> Any:
    """The pictures scaled and brought to the one format all players decode."""
    colours = {"in_color_matrix": matrix, "out_color_matrix": "bt709", "out_range": "tv"}
    # Without accurate_rnd, BT.601 comes out up to 4 levels darker.
    scaled = frames.filter("scale", width, height, flags="bicubic+accurate_rnd", **colours)
    pictures = scaled.filter("setsar", 1).filter("format", "yuv420p")
    # Encoders believe the pictures, which still state their source's transfer and primaries.
    return _stated(pictures, "bt709", "bt709", "bt709")


def _deinterlaced(frames: Any, video: VideoTrack) -> Any:
    """The pictures without the lines of another moment, where they are or may be fields."""
    if not (video.interlaced or video.may_become_interlaced):
        return frames
    deint = "all" if video.interlaced else "interlaced"
    return frames.filter("bwdif", mode="send_frame", deint=deint)


def _smaller(pictures: Any, rung: Rung) -> Any:
    """Such pictures in a smaller size; zscale takes a third less time for it than swscale."""
    return pictures.filter("zscale", rung.width, rung.height, f="bicubic").filter("setsar", 1)


def _tonemap(frames: Any, peak_nits: int, width: int, height: int) -> Any:
    """PQ or HLG: highlights are held back and stay apart, greys stay grey."""
    linear = frames.filter("zscale", width, height, t="linear", npl=_REFERENCE_NITS)
    mapped = (
        linear.filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter(
            "tonemap",
            tonemap="mobius",
            param=_LINEAR_SHARE,
            peak=round(peak_nits / _REFERENCE_NITS, 3),
            # Colours keep their hue: the three channels are scaled alike.
            desat=0,
        )
    )
    return mapped.filter("zscale", **_BT709).filter("format", "yuv420p")


def _narrow(frames: Any, width: int, height: int) -> Any:
    """Colours of a larger or odd space; the curve between light and signal is BT.709's in both."""
    return frames.filter("zscale", width, height, p="bt709", **_BT709).filter("format", "yuv420p")


def _stated(frames: Any, transfer: str, primaries: str, matrix: str) -> Any:
    """The pictures with these colours, whatever a later one states of itself."""
    colours = {"color_trc": transfer, "color_primaries": primaries, "colorspace": matrix}
    return frames.filter("setparams", **colours)
