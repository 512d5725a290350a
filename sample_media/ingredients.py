"""What clips are made from: ffmpeg arguments that many of them share."""

import base64

from sample_media.bar_code import bar_code_overlay
from sample_media.recipe import Clip, Encode

# One thread: on a busy machine, x264's frame threads now and then choose other bits.
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-threads", "1")
AAC = ("-c:a", "aac", "-b:a", "96k")
BOTH = ("-map", "0:v", "-map", "1:a")
_SUBTITLES = (
    b"1\n00:00:00,500 --> 00:00:02,000\nFirst line\n\n2\n00:00:02,500 --> 00:00:03,500\nSecond\n"
)
_SUBSTATION = rb"""[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, Italic, Alignment
Style: Default,Arial,16,0,2
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.20,0:00:00.80,Default,,0,0,0,,Before the picture
Dialogue: 0,0:00:00.50,0:00:02.00,Default,,0,0,0,,{\an8}First {\i1}slanted{\i0}\Ntwo & {note}last
Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,{\p1}m 0 0 l 100 0 100 100{\p0}
Dialogue: 0,0:00:02.50,0:00:03.50,Default,,0,0,0,,Hard\hspace
"""


def picture(
    size: tuple[int, int] = (320, 180), rate: str = "25", seconds: float = 4, then: str = "null"
) -> tuple[str, ...]:
    """Input options: a moving test picture whose frames carry their number."""
    width, height = size
    source = f"testsrc2=s={width}x{height}:r={rate}:d={seconds}"
    return ("-f", "lavfi", "-i", f"{bar_code_overlay(source, width, height, rate)},{then}")


def tone(seconds: float = 4, hertz: int = 440) -> tuple[str, ...]:
    """Input options: a quiet stereo tone."""
    wave = f"0.2*sin(2*PI*{hertz}*t)"
    return ("-f", "lavfi", "-i", f"aevalsrc='{wave}|{wave}':s=48000:d={seconds}")


def subtitles() -> tuple[str, ...]:
    """Input options: two lines of text."""
    return _inline("srt", _SUBTITLES)


def substation() -> tuple[str, ...]:
    """Input options: Advanced SubStation Alpha with overrides, a drawing and a comment."""
    return _inline("ass", _SUBSTATION)


def video(name: str, suffix: str, reason: str, *arguments: str) -> Clip:
    """A clip that ffmpeg encodes with these arguments."""
    return Clip(name, suffix, reason, Encode(arguments))


def _inline(format_name: str, data: bytes) -> tuple[str, ...]:
    return ("-f", format_name, "-i", f"data:text/plain;base64,{base64.b64encode(data).decode()}")
