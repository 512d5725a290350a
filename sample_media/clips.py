"""Every clip there is, with the reason for each."""

from sample_media.changing_clips import CHANGING
from sample_media.colour_clips import COLOURS
from sample_media.ingredients import (
    AAC,
    BOTH,
    H264,
    picture,
    substation,
    subtitles,
    tone,
    video,
)
from sample_media.recipe import Clip, Edit, Remux, Written
from sample_media.scene import demo_arguments
from sample_media.sound_clips import SOUNDS
from sample_media.surgery import (
    claiming_duration,
    with_absurd_durations,
    with_chapters,
    with_clean_aperture,
    with_noise,
    without_box,
    without_media,
)
from sample_media.sync_clips import SYNC

_SHOWN = (
    video("demo", ".mp4", "What the demo plays: 30 s of 1080p30.", *demo_arguments(30)),
    video("demo_60s", ".mp4", "What the benchmarks pack: 60 s of 1080p30.", *demo_arguments(60)),
)

_PLAIN = (
    video(
        "plain", ".mp4", "Nothing odd: 360p25 H.264 and stereo AAC in a fast-start MP4.",
        *picture((640, 360)), *tone(), *H264, *AAC, "-movflags", "+faststart",
    ),
    video(
        "a_picture_more", ".mp4", "One picture more than two segments have.",
        *picture((640, 360), seconds=8.04), *tone(8.04), *H264, *AAC,
    ),
    video(
        "moov_last", ".mp4", "The index stands behind the media, as ffmpeg and cameras write it.",
        *picture(), *tone(), *H264, *AAC,
    ),
    video(
        "numbered", ".mp4", "Frame exactness over several chunks: 20 s with B-frames, numbered.",
        *picture(seconds=20), *tone(20), *H264, "-bf", "3", *AAC,
    ),
    video(
        "minute", ".mp4", "Chunks for several workers: 60 s, of few frames.",
        *picture(rate="10", seconds=60), *tone(60), *H264, *AAC,
    ),
)  # fmt: skip

_SHAPES = (
    video(
        "portrait", ".mp4", "Taller than wide.",
        *picture((360, 640)), *tone(), *H264, *AAC,
    ),
    Clip(
        "rotated", ".mp4", "Coded lying, shown upright by a display matrix, as phones do.",
        Remux("plain", input_options=("-display_rotation:v:0", "90")),
    ),
    Clip(
        "cropped", ".mp4", "The container cuts a quarter off, as editors do.",
        Edit("moov_last", lambda data: with_clean_aperture(data, 240, 180)),
    ),
    video(
        "non_square_pixels", ".mp4", "Anamorphic: 360x288 pixels shown 16:9.",
        *picture((360, 288), then="setsar=64/45"), *tone(), *H264, *AAC,
    ),
    video(
        "odd_size", ".mkv", "Width and height are odd, which 4:2:0 H.264 cannot code.",
        *picture(then="scale=321:181,format=yuv444p"), *tone(),
        "-c:v", "ffv1", "-threads", "1", *AAC,
    ),
    video(
        "tiny", ".mp4", "Smaller than the lowest rung of any ladder.",
        *picture((96, 64)), *tone(), *H264, *AAC,
    ),
    video(
        "interlaced", ".ts", "Fields, top first, 25 frames a second.",
        *picture((360, 288), rate="50", then="tinterlace=interleave_top,setfield=tff"), *tone(),
        *H264, "-flags", "+ildct+ilme", "-x264-params", "tff=1", *AAC,
    ),
)  # fmt: skip

_LATE = "0.027/TB*gte(PTS*TB\\,3)"

_TIMES = (
    video(
        "vfr", ".mp4", "Variable frame rate: every third frame of a second half is missing.",
        *picture(rate="30", then="select='lt(t\\,2)+mod(n\\,3)'"), *tone(),
        "-fps_mode", "vfr", *H264, *AAC,
    ),
    video(
        "bursts", ".mp4", "A screen: 60 frames a second where something moves, else one.",
        *picture(rate="60", seconds=8, then="select='gte(n\\,300)+not(mod(n\\,60))'"),
        *tone(8), *H264, *AAC, "-fps_mode", "vfr", "-enc_time_base", "1/90000",
    ),
    video(
        "paused", ".mp4", "50 frames a second, and a pause as long: 25 on average.",
        *picture(rate="50", seconds=8, then="select='lt(n\\,100)+gte(n\\,300)'"), *tone(8),
        *H264, *AAC, "-fps_mode", "vfr", "-enc_time_base", "1/90000",
    ),
    video(
        "fps_240", ".mp4", "What a telephone slows down.",
        *picture(rate="240", seconds=2), *tone(2), *H264, *AAC,
    ),
    video(
        "fps_60", ".mp4", "60 frames a second: the highest rate that is kept.",
        *picture(rate="60"), *tone(), *H264, *AAC,
    ),
    video(
        "fps_120", ".mp4", "120 frames a second: must be halved.",
        *picture(rate="120"), *tone(), *H264, *AAC,
    ),
    video(
        "ntsc_2997", ".mp4", "30000/1001 frames a second: no segment lasts exactly 4 s.",
        *picture(rate="30000/1001", seconds=10), *tone(10), *H264, *AAC,
    ),
    Clip(
        "start_offset_matroska", ".mkv", "Matroska whose time starts far from 0.",
        Remux("moov_last", output_options=("-output_ts_offset", "37.3")),
    ),
    Clip(
        "stalled", ".ts", "The line stood still at 3 s: all pictures from there on are 27 ms late.",
        Remux("moov_last", output_options=("-bsf:v", f"setts=pts=PTS+{_LATE}:dts=DTS+{_LATE}")),
    ),
    video(
        "short", ".mp4", "Shorter than a segment, and than a second.",
        *picture(seconds=0.4), *tone(0.4), *H264, *AAC,
    ),
    video(
        "one_frame", ".mp4", "A single frame.",
        *picture(seconds=0.04), *H264, "-frames:v", "1",
    ),
    video(
        "start_offset", ".ts", "MPEG-TS whose time starts far from 0.",
        *picture(), *tone(), *H264, *AAC, "-output_ts_offset", "5000",
    ),
    Clip(
        "edit_list", ".mp4", "An edit list hides the first 1.5 s, which are still in the file.",
        Remux("moov_last", input_options=("-ss", "1.5")),
    ),
    video(
        "late_audio", ".mp4", "The sound begins 1.5 s after the picture.",
        *picture(), "-itsoffset", "1.5", *tone(2.5), *H264, *AAC,
    ),
    video(
        "late_video", ".mkv", "The picture begins 3 s after the sound.",
        "-itsoffset", "3", *picture(seconds=3), *tone(6), *H264, *AAC,
    ),
    video(
        "long_gop", ".mp4", "One keyframe in 12 s: chunks must start between keyframes.",
        *picture(seconds=12), *tone(12), *H264, "-g", "600", "-sc_threshold", "0", *AAC,
    ),
    video(
        "open_gop", ".mp4", "Open GOPs: B-frames that lean on the GOP before.",
        *picture(seconds=10), *tone(10), *H264, "-g", "25", "-bf", "3",
        "-x264-params", "open-gop=1", *AAC,
    ),
    Clip(
        "no_duration", ".mkv", "Its header does not say how long it is.",
        Edit("mkv_vp9", lambda data: claiming_duration(data, 0)),
    ),
    Clip(
        "wrong_duration", ".mkv", "Its header claims 20 times its true duration.",
        Edit("mkv_vp9", lambda data: claiming_duration(data, 20)),
    ),
    Clip(
        "absurd_duration", ".mkv", "By its tags it goes on for 10^400 s.",
        Edit("mkv_vp9", with_absurd_durations),
    ),
    Clip(
        "odd_end", ".mp4", "Behind its last box are bytes that cannot be one.",
        Edit("plain", lambda data: data + b"\0\0\0\3free"),
    ),
    Clip(
        "junk_at_the_end", ".mp4", "Behind its last box is what may be a very long one.",
        Edit("plain", lambda data: data + b"\x7f\xff\xff\xffjunk"),
    ),
    video(
        "minute_matroska", ".mkv", "The minute in Matroska.",
        *picture(rate="10", seconds=60), *tone(60), *H264, *AAC,
    ),
    Clip(
        "longer_than_stated", ".mkv", "Its header claims a fifth of its true duration.",
        Edit("minute_matroska", lambda data: claiming_duration(data, 0.2)),
    ),
)  # fmt: skip

_CONTAINERS = (
    video(
        "substation", ".mkv", "ASS subtitles and others, before the picture begins and after.",
        "-itsoffset", "1", *picture(seconds=3), *tone(), *substation(), *subtitles(),
        *BOTH, "-map", "2:s", "-map", "3:s", *H264, *AAC, "-c:s:0", "ass", "-c:s:1", "srt",
        "-metadata:s:s:0", "language=ger", "-disposition:s:0", "forced",
    ),
    Clip(
        "chapters", ".mp4", "Two chapters, of which one has a name.",
        Edit("moov_last", lambda data: with_chapters(data, {0: "Opening\n titles", 1.5: ""})),
    ),
    video(
        "subtitles", ".mkv", "SRT subtitles inside Matroska.",
        *picture(), *tone(), *subtitles(), *BOTH, "-map", "2:s", *H264, *AAC,
        "-c:s", "srt", "-metadata:s:s:0", "language=eng",
    ),
    video(
        "mov_text", ".mp4", "Subtitles inside MP4.",
        *picture(), *tone(), *subtitles(), *BOTH, "-map", "2:s", *H264, *AAC,
        "-c:s", "mov_text", "-metadata:s:s:0", "language=eng",
    ),
    video(
        "many_streams", ".mkv", "Subtitles and two sounds stand before the picture.",
        *picture(), *tone(), *subtitles(), *tone(hertz=600),
        "-map", "2:s", "-map", "1:a", "-map", "3:a", "-map", "0:v", *H264, *AAC, "-c:s", "srt",
    ),
    video(
        "two_videos", ".mkv", "The second of two videos is the one to be shown.",
        "-f", "lavfi", "-i", "color=red:s=640x360:d=4:r=10", *picture(), *tone(),
        "-map", "0:v", "-map", "1:v", "-map", "2:a", *H264, *AAC,
        "-disposition:v:0", "0", "-disposition:v:1", "default",
    ),
    video(
        "cover_art", ".mp4", "A cover is a video stream too, and must not be taken for the video.",
        "-f", "lavfi", "-i", "color=red:s=640x640:d=0.04:r=25", *picture(), *tone(),
        "-map", "0:v", "-map", "1:v", "-map", "2:a", *H264, *AAC,
        "-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p", "-disposition:v:0", "attached_pic",
    ),
    video(
        "timecode", ".mov", "A camera's timecode track: a stream that is not media.",
        *picture(), *tone(), *H264, *AAC, "-timecode", "01:00:00:00",
    ),
    video(
        "mkv_vp9", ".mkv", "VP9 and Opus in Matroska.",
        *picture(), *tone(), "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8",
        "-b:v", "300k", "-threads", "1", "-c:a", "libopus", "-b:a", "64k",
    ),
    video(
        "webm_av1", ".webm", "AV1 and Opus in WebM.",
        *picture(), *tone(), "-c:v", "libsvtav1", "-preset", "12", "-crf", "40",
        "-svtav1-params", "lp=1", "-c:a", "libopus", "-b:a", "64k",
    ),
    video(
        "avi", ".avi", "MPEG-4 part 2 and MP3 in AVI, which stores no presentation times.",
        *picture(), *tone(), "-c:v", "mpeg4", "-q:v", "5", "-bf", "2", "-threads", "1",
        "-c:a", "libmp3lame", "-b:a", "96k",
    ),
    video(
        "animated", ".gif", "A short animation without sound.",
        *picture(), "-filter_complex", "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none",
    ),
    video(
        "fragmented", ".mp4", "Fragmented MP4, as recorders write it.",
        *picture(), *tone(), *H264, *AAC, "-movflags", "+frag_keyframe+empty_moov", "-g", "25",
    ),
)  # fmt: skip

_DAMAGED = (
    Clip(
        "truncated", ".mp4", "The last third is missing; the index in front is whole.",
        Edit("plain", lambda data: data[: len(data) * 2 // 3]),
    ),
    Clip(
        "truncated_matroska", ".mkv", "The last third is missing; there is no index.",
        Edit("mkv_vp9", lambda data: data[: len(data) * 2 // 3]),
    ),
    video(
        "long_vp9", ".mkv", "A key frame every 8 s.",
        *picture(seconds=20), *tone(20), "-c:v", "libvpx-vp9", "-deadline", "realtime",
        "-cpu-used", "8", "-b:v", "300k", "-g", "200", "-threads", "1",
        "-c:a", "libopus", "-b:a", "64k",
    ),
    Clip(
        "without_a_key_frame", ".mkv", "The key frame at 8 s is noise: none is decoded until 16 s.",
        Edit("long_vp9", lambda data: with_noise(data, 0.385, 0.4)),
    ),
    Clip(
        "corrupted", ".mp4", "A piece out of its middle is noise.",
        Edit("numbered", lambda data: with_noise(data, 0.30, 0.32)),
    ),
)  # fmt: skip

_REFUSED = (
    Clip(
        "noise_inside", ".mp4", "Its index is whole, but describes nothing but noise.",
        Edit("plain", without_media),
    ),
    Clip(
        "moov_less", ".mp4", "The upload broke off before the index at the end.",
        Edit("moov_last", lambda data: without_box(data, b"moov")),
    ),
    video(
        "encrypted", ".mp4", "Common encryption: the samples cannot be decoded.",
        *picture(), *tone(), *H264, *AAC, "-encryption_scheme", "cenc-aes-ctr",
        "-encryption_key", "000102030405060708090a0b0c0d0e0f",
        "-encryption_kid", "101112131415161718191a1b1c1d1e1f",
    ),
    video(
        "still_picture", ".png", "A photo is no video.",
        *picture(seconds=0.04), "-frames:v", "1", "-f", "image2", "-update", "1",
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
    for group in (
        _SHOWN,
        _PLAIN,
        _SHAPES,
        _TIMES,
        CHANGING,
        COLOURS,
        SOUNDS,
        SYNC,
        _CONTAINERS,
        _DAMAGED,
        _REFUSED,
    )
    for clip in group
}
