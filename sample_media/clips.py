"""Every clip there is, with the reason for each."""

import base64

from sample_media.bar_code import bar_code_overlay
from sample_media.recipe import Clip, Edit, Encode, Remux, Written
from sample_media.scene import demo_arguments
from sample_media.surgery import claiming_duration, without_box

# One thread: on a busy machine, x264's frame threads now and then choose other bits.
_H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-threads", "1")
_X265 = "log-level=error:pools=1:frame-threads=1:colorprim=bt2020:colormatrix=bt2020nc"
_AAC = ("-c:a", "aac", "-b:a", "96k")
_BOTH = ("-map", "0:v", "-map", "1:a")
_SUBTITLES = (
    b"1\n00:00:00,500 --> 00:00:02,000\nFirst line\n\n2\n00:00:02,500 --> 00:00:03,500\nSecond\n"
)


def _picture(
    size: tuple[int, int] = (320, 180), rate: str = "25", seconds: float = 4, then: str = "null"
) -> tuple[str, ...]:
    """Input options: a moving test picture whose frames carry their number."""
    width, height = size
    source = f"testsrc2=s={width}x{height}:r={rate}:d={seconds}"
    return ("-f", "lavfi", "-i", f"{bar_code_overlay(source, width, height, rate)},{then}")


def _tone(seconds: float = 4, hertz: int = 440) -> tuple[str, ...]:
    """Input options: a quiet stereo tone."""
    wave = f"0.2*sin(2*PI*{hertz}*t)"
    return ("-f", "lavfi", "-i", f"aevalsrc='{wave}|{wave}':s=48000:d={seconds}")


def _subtitles() -> tuple[str, ...]:
    return ("-f", "srt", "-i", f"data:text/plain;base64,{base64.b64encode(_SUBTITLES).decode()}")


def _video(name: str, suffix: str, reason: str, *arguments: str) -> Clip:
    return Clip(name, suffix, reason, Encode(arguments))


_SHOWN = (
    _video("demo", ".mp4", "What the demo plays: 30 s of 1080p30.", *demo_arguments(30)),
    _video("demo_60s", ".mp4", "What the benchmarks pack: 60 s of 1080p30.", *demo_arguments(60)),
)

_PLAIN = (
    _video(
        "plain", ".mp4", "Nothing odd: 360p25 H.264 and stereo AAC in a fast-start MP4.",
        *_picture((640, 360)), *_tone(), *_H264, *_AAC, "-movflags", "+faststart",
    ),
    _video(
        "moov_last", ".mp4", "The index stands behind the media, as ffmpeg and cameras write it.",
        *_picture(), *_tone(), *_H264, *_AAC,
    ),
    _video(
        "numbered", ".mp4", "Frame exactness over several chunks: 20 s with B-frames, numbered.",
        *_picture(seconds=20), *_tone(20), *_H264, "-bf", "3", *_AAC,
    ),
    _video(
        "beeps_flashes", ".mp4", "A/V sync: a beep and a flash of 0.1 s at each whole second.",
        "-f", "lavfi", "-i",
        "color=black:s=320x180:r=30:d=10,drawbox=color=white:t=fill:enable='lt(mod(n\\,30)\\,3)'",
        "-f", "lavfi", "-i", "aevalsrc='0.6*sin(2000*PI*t)*lt(mod(t\\,1)\\,0.1)':s=48000:d=10",
        *_H264, *_AAC,
    ),
)  # fmt: skip

_SHAPES = (
    _video(
        "portrait", ".mp4", "Taller than wide.",
        *_picture((360, 640)), *_tone(), *_H264, *_AAC,
    ),
    Clip(
        "rotated", ".mp4", "Coded lying, shown upright by a display matrix, as phones do.",
        Remux("plain", input_options=("-display_rotation:v:0", "90")),
    ),
    _video(
        "non_square_pixels", ".mp4", "Anamorphic: 360x288 pixels shown 16:9.",
        *_picture((360, 288), then="setsar=64/45"), *_tone(), *_H264, *_AAC,
    ),
    _video(
        "odd_size", ".mkv", "Width and height are odd, which 4:2:0 H.264 cannot code.",
        *_picture(then="scale=321:181,format=yuv444p"), *_tone(),
        "-c:v", "ffv1", "-threads", "1", *_AAC,
    ),
    _video(
        "tiny", ".mp4", "Smaller than the lowest rung of any ladder.",
        *_picture((96, 64)), *_tone(), *_H264, *_AAC,
    ),
    _video(
        "interlaced", ".ts", "Fields, top first, 25 frames a second.",
        *_picture((360, 288), rate="50", then="tinterlace=interleave_top,setfield=tff"), *_tone(),
        *_H264, "-flags", "+ildct+ilme", "-x264-params", "tff=1", *_AAC,
    ),
)  # fmt: skip

_TIMES = (
    _video(
        "vfr", ".mp4", "Variable frame rate: every third frame of a second half is missing.",
        *_picture(rate="30", then="select='lt(t\\,2)+mod(n\\,3)'"), *_tone(),
        "-fps_mode", "vfr", *_H264, *_AAC,
    ),
    _video(
        "fps_60", ".mp4", "60 frames a second: the highest rate that is kept.",
        *_picture(rate="60"), *_tone(), *_H264, *_AAC,
    ),
    _video(
        "fps_120", ".mp4", "120 frames a second: must be halved.",
        *_picture(rate="120"), *_tone(), *_H264, *_AAC,
    ),
    _video(
        "ntsc_2997", ".mp4", "30000/1001 frames a second: no segment lasts exactly 4 s.",
        *_picture(rate="30000/1001", seconds=10), *_tone(10), *_H264, *_AAC,
    ),
    _video(
        "short", ".mp4", "Shorter than a segment, and than a second.",
        *_picture(seconds=0.4), *_tone(0.4), *_H264, *_AAC,
    ),
    _video(
        "one_frame", ".mp4", "A single frame.",
        *_picture(seconds=0.04), *_H264, "-frames:v", "1",
    ),
    _video(
        "start_offset", ".ts", "MPEG-TS whose time starts far from 0.",
        *_picture(), *_tone(), *_H264, *_AAC, "-output_ts_offset", "5000",
    ),
    Clip(
        "edit_list", ".mp4", "An edit list hides the first 1.5 s, which are still in the file.",
        Remux("moov_last", input_options=("-ss", "1.5")),
    ),
    _video(
        "late_audio", ".mp4", "The sound begins 1.5 s after the picture.",
        *_picture(), "-itsoffset", "1.5", *_tone(2.5), *_H264, *_AAC,
    ),
    _video(
        "late_video", ".mkv", "The picture begins 1 s after the sound.",
        "-itsoffset", "1", *_picture(seconds=3), *_tone(), *_H264, *_AAC,
    ),
    _video(
        "long_gop", ".mp4", "One keyframe in 12 s: chunks must start between keyframes.",
        *_picture(seconds=12), *_tone(12), *_H264, "-g", "600", "-sc_threshold", "0", *_AAC,
    ),
    _video(
        "open_gop", ".mp4", "Open GOPs: B-frames that lean on the GOP before.",
        *_picture(seconds=10), *_tone(10), *_H264, "-g", "25", "-bf", "3",
        "-x264-params", "open-gop=1", *_AAC,
    ),
    Clip(
        "wrong_duration", ".mkv", "Its header claims 20 times its true duration.",
        Edit("mkv_vp9", lambda data: claiming_duration(data, 20)),
    ),
)  # fmt: skip

_COLOURS = (
    _video(
        "hdr_pq", ".mp4", "HDR10: HEVC 10 bit, BT.2020, PQ; must be tone-mapped.",
        *_picture(), *_tone(), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt",
        "yuv420p10le", "-tag:v", "hvc1", "-x265-params",
        f"{_X265}:transfer=smpte2084:hdr10=1:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
        "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", *_AAC,
    ),
    _video(
        "hlg", ".mp4", "HDR in hybrid log-gamma.",
        *_picture(), *_tone(), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt",
        "yuv420p10le", "-tag:v", "hvc1", "-x265-params", f"{_X265}:transfer=arib-std-b67",
        "-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace", "bt2020nc",
        *_AAC,
    ),
    _video(
        "ten_bit_422", ".mov", "An editor's export: ProRes 4:2:2, 10 bit, PCM sound.",
        *_picture(), *_tone(), "-c:v", "prores_ks", "-profile:v", "standard", "-threads", "1",
        "-pix_fmt", "yuv422p10le", "-c:a", "pcm_s16le",
    ),
)  # fmt: skip

_SOUNDS = (
    _video("no_audio", ".mp4", "Silent film.", *_picture(), *_H264),
    _video("audio_only", ".m4a", "There is no picture.", *_tone(), *_AAC),
    _video(
        "surround_51", ".mp4", "Six channels, a tone of its own on each.",
        *_picture(), "-f", "lavfi", "-i",
        "aevalsrc='" + "|".join(f"0.2*sin({200 + 100 * i}*PI*t)" for i in range(6))
        + "':channel_layout=5.1:s=48000:d=4",
        *_H264, "-c:a", "aac", "-b:a", "256k",
    ),
    _video(
        "mono_44100", ".mp4", "One channel at 44.1 kHz.",
        *_picture(), "-f", "lavfi", "-i", "sine=f=440:r=44100:d=4", *_H264, *_AAC,
    ),
    _video(
        "languages", ".mp4", "Two audio tracks: English and, by default, German.",
        *_picture(), *_tone(hertz=300), *_tone(hertz=600),
        *_BOTH, "-map", "2:a", *_H264, *_AAC,
        "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu",
        "-disposition:a:0", "0", "-disposition:a:1", "default",
    ),
)  # fmt: skip

_CONTAINERS = (
    _video(
        "subtitles", ".mkv", "SRT subtitles inside Matroska.",
        *_picture(), *_tone(), *_subtitles(), *_BOTH, "-map", "2:s", *_H264, *_AAC,
        "-c:s", "srt", "-metadata:s:s:0", "language=eng",
    ),
    _video(
        "mov_text", ".mp4", "Subtitles inside MP4.",
        *_picture(), *_tone(), *_subtitles(), *_BOTH, "-map", "2:s", *_H264, *_AAC,
        "-c:s", "mov_text", "-metadata:s:s:0", "language=eng",
    ),
    _video(
        "many_streams", ".mkv", "Subtitles and two sounds stand before the picture.",
        *_picture(), *_tone(), *_subtitles(), *_tone(hertz=600),
        "-map", "2:s", "-map", "1:a", "-map", "3:a", "-map", "0:v", *_H264, *_AAC, "-c:s", "srt",
    ),
    _video(
        "cover_art", ".mp4", "A cover is a video stream too, and must not be taken for the video.",
        "-f", "lavfi", "-i", "color=red:s=640x640:d=0.04:r=25", *_picture(), *_tone(),
        "-map", "0:v", "-map", "1:v", "-map", "2:a", *_H264, *_AAC,
        "-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p", "-disposition:v:0", "attached_pic",
    ),
    _video(
        "timecode", ".mov", "A camera's timecode track: a stream that is not media.",
        *_picture(), *_tone(), *_H264, *_AAC, "-timecode", "01:00:00:00",
    ),
    _video(
        "mkv_vp9", ".mkv", "VP9 and Opus in Matroska.",
        *_picture(), *_tone(), "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8",
        "-b:v", "300k", "-threads", "1", "-c:a", "libopus", "-b:a", "64k",
    ),
    _video(
        "webm_av1", ".webm", "AV1 and Opus in WebM.",
        *_picture(), *_tone(), "-c:v", "libsvtav1", "-preset", "12", "-crf", "40",
        "-svtav1-params", "lp=1", "-c:a", "libopus", "-b:a", "64k",
    ),
    _video(
        "avi", ".avi", "MPEG-4 part 2 and MP3 in AVI, which stores no presentation times.",
        *_picture(), *_tone(), "-c:v", "mpeg4", "-q:v", "5", "-bf", "2", "-threads", "1",
        "-c:a", "libmp3lame", "-b:a", "96k",
    ),
    _video(
        "fragmented", ".mp4", "Fragmented MP4, as recorders write it.",
        *_picture(), *_tone(), *_H264, *_AAC, "-movflags", "+frag_keyframe+empty_moov", "-g", "25",
    ),
)  # fmt: skip

_REFUSED = (
    Clip(
        "truncated", ".mp4", "The last third is missing; the index in front is whole.",
        Edit("plain", lambda data: data[: len(data) * 2 // 3]),
    ),
    Clip(
        "moov_less", ".mp4", "The upload broke off before the index at the end.",
        Edit("moov_last", lambda data: without_box(data, b"moov")),
    ),
    _video(
        "encrypted", ".mp4", "Common encryption: the samples cannot be decoded.",
        *_picture(), *_tone(), *_H264, *_AAC, "-encryption_scheme", "cenc-aes-ctr",
        "-encryption_key", "000102030405060708090a0b0c0d0e0f",
        "-encryption_kid", "101112131415161718191a1b1c1d1e1f",
    ),
    _video(
        "still_picture", ".png", "A photo is no video.",
        *_picture(seconds=0.04), "-frames:v", "1", "-f", "image2", "-update", "1",
    ),
    Clip(
        "garbage", ".mp4", "Bytes without meaning.",
        Written(bytes((i * i * 31 + i // 7) % 251 for i in range(200_000))),
    ),
    Clip("empty", ".mp4", "No bytes at all.", Written(b"")),
    Clip(
        "html", ".mp4", "A web page: must be refused and never be served as one.",
        Written(b"<!doctype html><title>x</title><script>alert(document.domain)</script>\n" * 20),
    ),
    Clip(
        "playlist_named_mp4", ".mp4", "An HLS playlist: the file it names must not be opened.",
        Written(
            b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n"
            b"#EXTINF:4,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
        ),
    ),
    Clip(
        "ffconcat_named_mp4", ".mp4", "A concat script: the file it names must not be opened.",
        Written(b"ffconcat version 1.0\nfile /etc/passwd\n"),
    ),
)  # fmt: skip

CLIPS: dict[str, Clip] = {
    clip.name: clip
    for group in (_SHOWN, _PLAIN, _SHAPES, _TIMES, _COLOURS, _SOUNDS, _CONTAINERS, _REFUSED)
    for clip in group
}
