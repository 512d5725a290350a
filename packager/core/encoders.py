"""The encoders of pictures: how each is told what every rendition needs. One table.

What all of them are told: an IDR frame at every segment boundary and nowhere else, no reference
across it; a constant quality under a cap of the bit rate; and, where the encoder can, the same
bytes whenever the same frames are encoded again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streamer.core.options import Preset, VideoCodec

Options = Mapping[str, Any]

# A cap over one and a half times its second: a segment never overshoots a player's buffer, and a
# scene cut still gets what it needs.
_BUFFER_SECONDS = 1.5
# How far x264 looks ahead for what later frames refer to: a fast preset's 10 frames save 5 % of
# its time, and cost 0.8 VMAF at equal bits.
_LOOKAHEAD_FRAMES = {Preset.FAST: 40, Preset.BALANCED: 40, Preset.QUALITY: 50}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one run wants of an encoder.

    `quality` is on x264's scale of constant rate factors, whatever the encoder.
    """

    preset: Preset
    quality: float
    max_bps: int
    segment_frames: int

    @property
    def buffer_bits(self) -> int:
        """The size of the decoder's buffer that the cap is for."""
        return round(self.max_bps * _BUFFER_SECONDS)


@dataclass(frozen=True, slots=True)
class Encoder:
    """One encoder.

    Attributes:
        codec: What it makes.
        reorder_frames: How many frames it presents later than it decodes them, at most.
        options: Makes ffmpeg's output options.
        globals: ffmpeg's options before any input, as for a device.
        upload: Filters that bring pictures to where it reads them.
    """

    codec: VideoCodec
    reorder_frames: int
    options: Callable[[Wanted], dict[str, Any]]
    globals: tuple[str, ...] = ()
    upload: tuple[tuple[str, str], ...] = ()


def _x264(wanted: Wanted) -> dict[str, Any]:
    presets = {Preset.FAST: "veryfast", Preset.BALANCED: "medium", Preset.QUALITY: "slow"}
    return {
        "preset": presets[wanted.preset],
        "rc-lookahead": _LOOKAHEAD_FRAMES[wanted.preset],
        "profile:v": "high",
        "crf": wanted.quality,
        "maxrate": wanted.max_bps,
        "bufsize": wanted.buffer_bits,
        # Renditions and chunks run side by side already; with more threads, rate control would
        # depend on their timing and the bytes with it.
        "threads:v": 1,
        **_closed_groups(wanted),
        "sc_threshold": 0,
    }


def _x265(wanted: Wanted) -> dict[str, Any]:
    presets = {Preset.FAST: "superfast", Preset.BALANCED: "fast", Preset.QUALITY: "medium"}
    parameters = {
        "keyint": wanted.segment_frames,
        "min-keyint": wanted.segment_frames,
        "scenecut": 0,
        "open-gop": 0,
        "vbv-maxrate": wanted.max_bps // 1000,
        "vbv-bufsize": wanted.buffer_bits // 1000,
        # One frame and one row at a time: the bytes depend on no timing.
        "pools": "none",
        "frame-threads": 1,
        # No version and settings inside the stream.
        "info": 0,
        # Two frames of reordering, as for H.264.
        "bframes": 3,
        "log-level": "error",
    }
    return {
        "preset": presets[wanted.preset],
        # x265 looks the same four steps higher.
        "crf": wanted.quality + 4,
        # Apple's players want the parameter sets in the init segment only.
        "tag:v": "hvc1",
        "x265-params": ":".join(f"{name}={value}" for name, value in parameters.items()),
    }


def _svt_av1(wanted: Wanted) -> dict[str, Any]:
    presets = {Preset.FAST: 10, Preset.BALANCED: 8, Preset.QUALITY: 6}
    parameters = {
        "keyint": wanted.segment_frames,
        # Key frames that nothing refers across.
        "irefresh-type": 2,
        "scd": 0,
        # One processor: encoders run side by side already.
        "lp": 1,
    }
    return {
        "preset": presets[wanted.preset],
        # SVT-AV1's scale ends at 63 and looks the same about twelve steps higher.
        "crf": round(wanted.quality + 12),
        "maxrate": wanted.max_bps,
        "bufsize": wanted.buffer_bits,
        "g": wanted.segment_frames,
        "svtav1-params": ":".join(f"{name}={value}" for name, value in parameters.items()),
    }


def _nvenc(wanted: Wanted) -> dict[str, Any]:
    presets = {Preset.FAST: "p2", Preset.BALANCED: "p4", Preset.QUALITY: "p6"}
    return {
        "preset": presets[wanted.preset],
        "rc": "vbr",
        "cq": wanted.quality,
        "b:v": 0,
        "maxrate": wanted.max_bps,
        "bufsize": wanted.buffer_bits,
        "bf": 2,
        # Its own scene cuts would put key frames elsewhere; every forced one is an IDR frame.
        "no-scenecut": 1,
        "forced-idr": 1,
        "strict_gop": 1,
        **_closed_groups(wanted),
    }


def _vaapi(wanted: Wanted) -> dict[str, Any]:
    return {
        "rc_mode": "QVBR",
        "global_quality": round(wanted.quality),
        "b:v": wanted.max_bps,
        "maxrate": wanted.max_bps,
        "bufsize": wanted.buffer_bits,
        "bf": 2,
        "idr_interval": 0,
        **_closed_groups(wanted),
    }


def _videotoolbox(wanted: Wanted) -> dict[str, Any]:
    return {
        # Its quality runs from 1 to 100, upwards.
        "q:v": max(1, round(100 - 2 * wanted.quality)),
        "maxrate": wanted.max_bps,
        "bufsize": wanted.buffer_bits,
        "bf": 2,
        "allow_sw": 0,
        **_closed_groups(wanted),
    }


def _closed_groups(wanted: Wanted) -> dict[str, Any]:
    return {
        "g": wanted.segment_frames,
        "keyint_min": wanted.segment_frames,
        "flags:v": "+cgop",
    }


def _tagged(options: Callable[[Wanted], dict[str, Any]]) -> Callable[[Wanted], dict[str, Any]]:
    return lambda wanted: {**options(wanted), "tag:v": "hvc1"}


_VAAPI_UPLOAD = (("format", "nv12"), ("hwupload", ""))
_VAAPI_DEVICE = ("-vaapi_device", "/dev/dri/renderD128")

ENCODERS: Mapping[str, Encoder] = {
    # x264 reorders by two frames at most: its b-pyramid is two deep whatever the preset.
    "libx264": Encoder(VideoCodec.H264, 2, _x264),
    "libx265": Encoder(VideoCodec.HEVC, 2, _x265),
    # AV1 has frames that are not shown instead.
    "libsvtav1": Encoder(VideoCodec.AV1, 0, _svt_av1),
    "h264_nvenc": Encoder(VideoCodec.H264, 2, _nvenc),
    "hevc_nvenc": Encoder(VideoCodec.HEVC, 2, _tagged(_nvenc)),
    "h264_vaapi": Encoder(VideoCodec.H264, 2, _vaapi, _VAAPI_DEVICE, _VAAPI_UPLOAD),
    "hevc_vaapi": Encoder(VideoCodec.HEVC, 2, _tagged(_vaapi), _VAAPI_DEVICE, _VAAPI_UPLOAD),
    "h264_videotoolbox": Encoder(VideoCodec.H264, 2, _videotoolbox),
    "hevc_videotoolbox": Encoder(VideoCodec.HEVC, 2, _tagged(_videotoolbox)),
}
SOFTWARE: Mapping[VideoCodec, str] = {
    VideoCodec.H264: "libx264",
    VideoCodec.HEVC: "libx265",
    VideoCodec.AV1: "libsvtav1",
}


def encoder_name(codec: VideoCodec, hardware: str) -> str:
    """The encoder of a codec, in a hardware family where that has one; `software` is none."""
    prefix = {VideoCodec.H264: "h264", VideoCodec.HEVC: "hevc"}.get(codec, codec.value)
    name = f"{prefix}_{hardware}"
    return name if name in ENCODERS else SOFTWARE[codec]
