"""The ladder: which video renditions a source becomes."""

from dataclasses import dataclass, replace
from fractions import Fraction

from packager.core.source import VideoTrack
from streamer.core.options import VideoCodec

# The usual steps by short side: each about doubles the pixels of the one below.
STEPS = (240, 360, 480, 720, 1080, 1440, 2160)
# A step this close below the source's own size would cost its encoding and show no difference.
_SMALLEST_STEP_RATIO = 1.25
_LARGEST_SHORT_SIDE = 2160
# H.264 level 5.2 ends at 36864 macroblocks and 8 times as wide as high; players stop earlier.
_LARGEST_LONG_SIDE = 4096
_SMALLEST_SIDE = 16

# What x264 shows without a visible loss to most eyes.
CONSTANT_QUALITY = 23.0
# The bits that a codec needs for what H.264 shows.
_CODEC_SHARES = {VideoCodec.H264: 1.0, VideoCodec.HEVC: 0.65, VideoCodec.AV1: 0.55}

# In place of an encoder: the source's own pictures are the rendition.
_COPY = "copy"

_REFERENCE_PIXELS = 1920 * 1080
_REFERENCE_BPS = 5_500_000
# Larger pictures need fewer bits a pixel: this exponent runs through the customary ladders
# (0.6 Mbit/s at 240p, 1.6 at 480p, 3.0 at 720p, 15.5 at 2160p).
_PIXELS_EXPONENT = 0.75
# Twice the frames differ less from one another: they cost 1.4 times the bits.
_FRAME_RATE_EXPONENT = 0.5
_REFERENCE_FRAME_RATE = 30


@dataclass(frozen=True, slots=True)
class Rung:
    """One video rendition: its name, its even size in square pixels and its bit rate's cap.

    `quality` is on x264's scale of constant rate factors; `encoder` as in `core.encoders`, unless
    `is_copied` says that the source's own pictures are the rendition.
    """

    name: str
    width: int
    height: int
    max_bps: int
    quality: float = CONSTANT_QUALITY
    encoder: str = "libx264"

    @property
    def pixels(self) -> int:
        """Pixels of one frame."""
        return self.width * self.height

    @property
    def is_copied(self) -> bool:
        """Whether nothing is encoded for it."""
        return self.encoder == _COPY


def build_ladder(video: VideoTrack) -> tuple[Rung, ...]:
    """The renditions of a source, lowest first.

    The highest has the source's own size (at most 2160 lines): nothing is enlarged, the display
    aspect is kept and portrait stays upright.
    """
    short, long = sorted((video.width, video.height))
    own = _own_short_side(short, long)
    sides = [step for step in STEPS if step * _SMALLEST_STEP_RATIO <= own] + [own]
    return tuple(_rung(video, side) for side in sides)


def in_codec(rung: Rung, codec: VideoCodec, encoder: str) -> Rung:
    """The same rendition in another codec, named after it."""
    return replace(
        rung,
        name=f"{rung.name}-{codec.value}",
        max_bps=round(rung.max_bps * _CODEC_SHARES[codec] / 1000) * 1000,
        encoder=encoder,
    )


def copied(rung: Rung) -> Rung:
    """The same rendition out of the source's own pictures."""
    return replace(rung, encoder=_COPY)


def _own_short_side(short: int, long: int) -> int:
    fitting = min(short, _LARGEST_SHORT_SIDE, short * _LARGEST_LONG_SIDE // long)
    return max(_SMALLEST_SIDE, fitting // 2 * 2)


def _rung(video: VideoTrack, short_side: int) -> Rung:
    short, long = sorted((video.width, video.height))
    # 4:2:0 has no odd sizes.
    fitting = min(2 * round(short_side * long / short / 2), long // 2 * 2, _LARGEST_LONG_SIDE)
    long_side = max(_SMALLEST_SIDE, fitting)
    landscape = video.width >= video.height
    width, height = (long_side, short_side) if landscape else (short_side, long_side)
    return Rung(
        name=f"{short_side}p",
        width=width,
        height=height,
        max_bps=_max_bps(width * height, video.frame_rate),
    )


def _max_bps(pixels: int, frame_rate: Fraction) -> int:
    size: float = (pixels / _REFERENCE_PIXELS) ** _PIXELS_EXPONENT
    motion: float = max(1.0, float(frame_rate) / _REFERENCE_FRAME_RATE) ** _FRAME_RATE_EXPONENT
    return round(_REFERENCE_BPS * size * motion / 1000) * 1000
