"""Clips whose sounds are odd."""

from sample_media.ingredients import AAC, BOTH, H264, picture, tone, video
from sample_media.recipe import Clip


def _spatial(name: str, reason: str, layout: str, *speech: str) -> Clip:
    """A tone from the left, in channels of a sphere (ACN, SN3D), and channels of speech."""
    tone_left = "0.2*sin(880*PI*t)"
    sound = "|".join((tone_left, tone_left, "0", "0", *speech))
    names = "|".join(map(str, range(4 + len(speech))))
    return video(
        *(name, ".mkv", reason, *picture(), "-f", "lavfi", "-i"),
        *(f"aevalsrc='{sound}':s=48000:d=4", "-af", f"channelmap={names}:{layout}", *H264),
        *("-c:a", "libopus", "-mapping_family", "2"),
    )


SOUNDS = (
    video("no_audio", ".mp4", "Silent film.", *picture(), *H264),
    video("audio_only", ".m4a", "There is no picture.", *tone(), *AAC),
    video(
        "surround_51", ".mp4", "Six channels, a tone of its own on each.",
        *picture(), "-f", "lavfi", "-i",
        "aevalsrc='" + "|".join(f"0.2*sin({200 + 100 * i}*PI*t)" for i in range(6))
        + "':channel_layout=5.1:s=48000:d=4",
        *H264, "-c:a", "aac", "-b:a", "256k",
    ),
    _spatial("spatial", "A tone from the left, as panoramic cameras record it.", "ambisonic 1"),
    _spatial(
        "spatial_and_speech", "The same, and two channels that do not turn: a tone on the right.",
        "ambisonic 1+stereo", "0", "0.2*sin(1200*PI*t)",
    ),
    video(
        "mono_44100", ".mp4", "One channel at 44.1 kHz.",
        *picture(), "-f", "lavfi", "-i", "sine=f=440:r=44100:d=4", *H264, *AAC,
    ),
    video(
        "languages", ".mp4", "Two audio tracks: English and, by default, German.",
        *picture(), *tone(hertz=300), *tone(hertz=600),
        *BOTH, "-map", "2:a", *H264, *AAC,
        "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu",
        "-disposition:a:0", "0", "-disposition:a:1", "default",
    ),
    video(
        "still_and_song", ".mp4", "One picture, and 21 s of sound.",
        *picture((640, 360), seconds=0.04), *tone(21), *H264, *AAC,
    ),
    video(
        "screen_recording", ".webm", "Nothing is new to see after 5 s; it says not how long it is.",
        *picture(seconds=5), *tone(9), "-c:v", "libvpx-vp9", "-deadline", "realtime",
        "-cpu-used", "8", "-threads", "1", "-c:a", "libopus", "-live", "1",
    ),
    video(
        "fading_out", ".ts", "The sound ends 1.2 s after the picture.",
        *picture(seconds=2), *tone(3.2), *H264, *AAC,
    ),
)  # fmt: skip
