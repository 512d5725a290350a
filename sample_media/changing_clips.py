"""Clips whose pictures change their size, format, colours or fields.

Recordings of calls and of channels do. Each is two clips of six seconds, one after the other.
"""

from sample_media.ingredients import AAC, H264, picture, tone, video
from sample_media.recipe import Clip, Joined

_SECONDS = 6
_MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-threads", "1")
_HEVC = ("-c:v", "libx265", "-preset", "ultrafast")
_X265 = "log-level=error:pools=none:frame-threads=1"
_HDR = f"{_X265}:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"


def _part(
    name: str,
    reason: str,
    size: tuple[int, int],
    *options: str,
    second: bool,
    rate: str = "25",
    then: str = "null",
) -> Clip:
    begin = str(10 + _SECONDS * second)
    return video(
        *(name, ".ts", reason, *picture(size, rate, _SECONDS, then), *tone(_SECONDS)),
        *(*options, *AAC, "-muxdelay", "0", "-output_ts_offset", begin),
    )


CHANGING = (
    _part("small", "Before its picture grows.", (320, 180), *H264, second=False),
    _part(
        "large", "Larger, in full range, with all of its colours.", (640, 360), *H264,
        "-vf", "scale=out_range=pc,format=yuv444p", "-color_range", "pc", "-pix_fmt", "yuv444p",
        second=True,
    ),
    Clip("growing", ".ts", "Another size and format from 6 s on.", Joined(("small", "large"))),
    Clip("upright", ".ts", "As a phone is turned.", Joined(("small", "portrait_later"))),
    _part("portrait_later", "Taller than wide.", (180, 320), *H264, second=True),
    _part(
        "hdr", "A channel's film in HDR10.", (320, 180), *_HEVC, "-pix_fmt", "yuv420p10le",
        "-x265-params", _HDR, second=False,
    ),
    _part(
        "sdr", "What comes between.", (640, 360), *_HEVC, "-pix_fmt", "yuv420p",
        "-x265-params", _X265, second=True,
    ),
    _part("film", "What a channel begins with.", (360, 288), *_MPEG2, second=False),
    _part(
        "news", "What it goes on with: fields.", (360, 288), *_MPEG2, "-alternate_scan", "1",
        rate="50", then="tinterlace=interleave_top,setfield=tff", second=True,
    ),
    Clip("film_and_news", ".ts", "Whole pictures, then fields.", Joined(("film", "news"))),
    Clip("dimming", ".ts", "HDR, then not.", Joined(("hdr", "sdr"))),
)  # fmt: skip
