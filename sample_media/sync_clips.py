"""Clips that show whether sound keeps time with the picture.

A flash is seen and a beep is heard, for 0.1 s each, at each whole second.
"""

from sample_media.ingredients import AAC, H264, video
from sample_media.recipe import Clip, Joined, Remux

_FLASHES = "color=black:s=320x180:r=30:d=10,drawbox=color=white:t=fill:enable='lt(mod(n\\,30)\\,3)'"
_BEEP = "0.6*sin(2000*PI*t)*lt(mod(t\\,1)\\,0.1)"


def _beeps(name: str, reason: str, then: str, channels: str, *options: str) -> Clip:
    sound = "|".join(_BEEP for _ in channels.split("+"))
    return video(
        *(name, ".mp4", reason, "-f", "lavfi", "-i", f"{_FLASHES},{then}"),
        *("-f", "lavfi", "-i", f"aevalsrc='{sound}':c={channels}:s=48000:d=10", *H264, *options),
    )


SYNC = (
    _beeps("beeps_flashes", "Sound and picture in time.", "null", "FC", *AAC),
    _beeps(
        "beeps_vfr", "A third of the frames is missing, except in flashes.",
        "select='lt(mod(n\\,30)\\,3)+mod(n\\,3)'", "FL+FR", *AAC, "-fps_mode", "vfr",
    ),
    _beeps(
        "beeps_51", "Beeps on six channels.",
        "null", "FL+FR+FC+LFE+BL+BR", "-c:a", "aac", "-b:a", "256k",
    ),
    Clip(
        "beeps_start_offset", ".ts", "Its time starts far from 0.",
        Remux("beeps_flashes", output_options=("-output_ts_offset", "5000")),
    ),
    Clip(
        "beeps_51_later", ".ts", "What a broadcast goes on with after 10 s.",
        Remux("beeps_51", output_options=("-output_ts_offset", "5010")),
    ),
    Clip(
        "beeps_changing", ".ts", "Another number of channels from its middle on.",
        Joined(("beeps_start_offset", "beeps_51_later")),
    ),
    video(
        "beeps_right", ".mp4", "Beeps on the right alone.",
        *("-f", "lavfi", "-i", _FLASHES, "-f", "lavfi", "-i"),
        *(f"aevalsrc='0|{_BEEP}':c=stereo:s=48000:d=10", *H264, *AAC),
    ),
    Clip(
        "beeps_right_later", ".ts", "What goes on in stereo after 10 s.",
        Remux("beeps_right", output_options=("-output_ts_offset", "5010")),
    ),
    Clip(
        "beeps_widening", ".ts", "One channel, then two.",
        Joined(("beeps_start_offset", "beeps_right_later")),
    ),
    Clip(
        "beeps_rewound", ".ts", "Its clock begins anew in its middle.",
        Joined(("beeps_start_offset", "beeps_start_offset")),
    ),
    Clip(
        "beeps_disc", ".m2ts", "Packets with the time of their arrival, as on a disc.",
        Remux("beeps_flashes", output_options=("-mpegts_m2ts_mode", "1")),
    ),
    Clip(
        "beeps_disc_rewound", ".m2ts", "Two recordings of a disc, joined.",
        Joined(("beeps_disc", "beeps_disc")),
    ),
    video(
        "beeps_dvd", ".vob", "MPEG-2 as on a DVD, with times in few packets.",
        *("-f", "lavfi", "-i", _FLASHES, "-f", "lavfi", "-i", f"aevalsrc='{_BEEP}':s=48000:d=10"),
        # It begins and ends between beeps: frames of sound overlap where two are joined.
        *("-vf", "trim=0.5:9.5,setpts=PTS-STARTPTS", "-af", "atrim=0.5:9.5,asetpts=PTS-STARTPTS"),
        *("-c:v", "mpeg2video", "-q:v", "4", "-g", "15", "-bf", "2", "-c:a", "ac3", "-f", "dvd"),
    ),
    Clip(
        "beeps_dvd_rewound", ".vob", "Two of a DVD's parts, joined.",
        Joined(("beeps_dvd", "beeps_dvd")),
    ),
    Clip(
        "beeps_hours_later", ".ts", "The same, by a clock that is hours ahead.",
        Remux("beeps_flashes", output_options=("-output_ts_offset", "20000")),
    ),
    Clip(
        "beeps_interrupted", ".ts", "Three recordings: the clock jumps ahead, then back.",
        Joined(("beeps_start_offset", "beeps_hours_later", "beeps_start_offset")),
    ),
    Clip(
        "beeps_edit_list", ".mp4", "Edit lists hide what comes before 1.5 s.",
        Remux("beeps_flashes", input_options=("-ss", "1.5")),
    ),
    Clip(
        "beeps_matroska", ".mkv", "Its time stamps are rounded to milliseconds.",
        Remux("beeps_flashes"),
    ),
)  # fmt: skip
