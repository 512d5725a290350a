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
    return ("-f", "srt", "-i", f"data:text/plain;base64,{base64.b64encode(_SUBTITLES).decode()}")


def video(name: str, suffix: str, reason: str, *arguments: str) -> Clip:
    """A clip that ffmpeg encodes with these arguments."""
    return Clip(name, suffix, reason, Encode(arguments))
