import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import imageio_ffmpeg
import pytest

from packager.core.approach import Approach, approaches
from packager.core.encode import ChunkJob, chunk_argv, trial_argv
from packager.core.input import FORMATS, probe_argv
from packager.core.ladder import Rung
from packager.core.mix import STEREO, silence_argv, sound_argv
from packager.core.plan import frame_grid
from packager.core.source import AudioTrack, SourceInfo, VideoTrack
from streamer.core.options import Preset

VIDEO = VideoTrack(0, 1280, 720, Fraction(30), Fraction(0), "bt709")
SOURCE = SourceInfo(60.0, Fraction(0), Fraction(0), True, VIDEO, (AudioTrack(1, Fraction(0), 2),))
GRID = frame_grid(Fraction(30))
LOW, HIGH = Rung("240p", 426, 240, 575_000), Rung("720p", 1280, 720, 2_994_000)
INDEXED, FROM_THE_BEGINNING = Approach(Fraction(-1, 120)), Approach(None)
LASTING = "setts=pts=PTS:dts=DTS:duration='max(DURATION,(1/30)/TB)*gt(DURATION,0)'"
FOLLOWING_DEMUXERS = {"hls", "concat", "dash", "image2", "sdp", "lavfi", "applehttp", "rtsp"}


def chunk(
    first: int, stop: int, video: VideoTrack = VIDEO, approach: Approach = INDEXED
) -> list[str]:
    job = ChunkJob(first, stop, (LOW, HIGH), Preset.FAST)
    return chunk_argv("/s", SOURCE, video, GRID, job, ["pipe:7", "pipe:8"], approach)


def graph(argv: list[str]) -> str:
    return argv[argv.index("-filter_complex") + 1]


def options(argv: list[str], name: str) -> list[str]:
    return [value for key, value in pairwise(argv) if key == name]


def test_a_chunk_from_the_middle() -> None:
    argv = chunk(120, 480)
    assert options(argv, "-ss") == ["4.008333"]
    assert graph(argv) == (
        "[0:0]scale=iw:ih:eval=init[s0];[s0]setpts=PTS-(0/1)/TB[s1];"
        "[s1]fps=fps=30/1:round=near[s2];[s2]trim=end_pts=480:start_pts=120[s3];"
        "[s3]scale=1280:720:flags=bicubic+accurate_rnd:in_color_matrix=bt709"
        ":out_color_matrix=bt709:out_range=tv[s4];[s4]setsar=1[s5];[s5]format=yuv420p[s6];"
        "[s6]setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709[s7];"
        "[s7]split=2[s8][s9];"
        "[s9]zscale=426:240:f=bicubic[s10];[s10]setsar=1[s11]"
    )
    assert options(argv, "-map") == ["[s11]", "[s8]"]
    assert options(argv, "-reinit_filter") == ["0"]
    assert options(argv, "-threads") == options(argv, "-filter_complex_threads") == ["1"]
    assert options(argv, "-maxrate") == ["575000", "2994000"]
    assert options(argv, "-g") == options(argv, "-keyint_min") == ["120", "120"]
    assert options(argv, "-sc_threshold") == ["0", "0"]
    assert options(argv, "-fps_mode") == ["passthrough", "passthrough"]
    assert options(argv, "-video_track_timescale") == ["30000", "30000"]
    assert argv[-1] == "pipe:8"


def test_the_first_chunk_does_not_seek_and_fills_a_late_start() -> None:
    argv = chunk(0, 120)
    assert "-ss" not in argv
    assert "fps=fps=30/1:round=near:start_time=0" in graph(argv)


def test_the_last_picture_is_held_up_to_the_end_of_the_chunk() -> None:
    job = ChunkJob(120, 263, (LOW,), Preset.FAST, is_held=True)
    argv = chunk_argv("/s", SOURCE, VIDEO, GRID, job, ["pipe:7"], INDEXED)
    assert "[s2]tpad=stop=-1:stop_mode=clone[s3];[s3]trim=end_pts=263:start_pts=120" in graph(argv)


@pytest.mark.parametrize("approach", [FROM_THE_BEGINNING, Approach(Fraction(12))])
def test_a_chunk_that_is_decoded_from_the_beginning_fills_a_late_start(approach: Approach) -> None:
    argv = chunk(120, 480, approach=approach)
    assert "-ss" not in argv
    assert "fps=fps=30/1:round=near:start_time=4/1[" in graph(argv)


def test_seeking_counts_from_the_container_s_beginning() -> None:
    video = VideoTrack(0, 1280, 720, Fraction(30), Fraction("5001.4"), "bt709")
    source = SourceInfo(60.0, Fraction("5001.4"), Fraction(5000), False, video)
    job = ChunkJob(300, 420, (LOW,), Preset.BALANCED)
    argv = chunk_argv("/s", source, video, GRID, job, ["pipe:7"], Approach(Fraction(5)))
    assert options(argv, "-ss") == ["6.400000"]
    assert "setpts=PTS-(25007/5)/TB" in graph(argv)


@pytest.mark.parametrize(("first", "threads"), [(0, []), (120, ["1"])])
def test_the_chunk_that_a_viewer_waits_for_is_decoded_with_all_processors(
    first: int, threads: list[str]
) -> None:
    job = ChunkJob(first, first + 120, (LOW,), Preset.FAST)
    argv = chunk_argv("/s", SOURCE, VIDEO, GRID, job, ["pipe:7"], INDEXED)
    assert options(argv, "-threads") == options(argv, "-filter_complex_threads") == threads


def test_margins_grow_until_the_beginning() -> None:
    assert approaches(SOURCE, GRID)[0] == INDEXED
    assert approaches(SOURCE, GRID)[-1] == FROM_THE_BEGINNING
    margins = [approach.margin_seconds for approach in approaches(SOURCE, GRID, in_order=True)]
    assert margins == [Fraction(12), Fraction(60), None]


def test_the_trial_of_an_encoder_is_one_picture() -> None:
    argv = trial_argv("h264_vaapi", "pipe:7")
    assert options(argv, "-vaapi_device") == ["/dev/dri/renderD128"]
    assert "hwupload" in graph(argv)
    ended = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), *trial_argv("libx264", "-")],
        capture_output=True,
        check=True,
    )
    assert ended.stdout.count(b"moof") == 1


def test_that_nothing_comes_from_one_place_does_not_prove_the_end() -> None:
    ways = approaches(SOURCE, GRID)
    assert [way.proves_the_end(SOURCE, GRID, 600) for way in ways] == [False, False, True, True]
    assert approaches(SOURCE, GRID)[0].proves_the_end(SOURCE, GRID, 1800), "it is stated"
    in_order = approaches(SOURCE, GRID, in_order=True)
    assert [way.proves_the_end(SOURCE, GRID, 2400) for way in in_order] == [False, False, True]


def test_what_is_read_in_order_is_left_out_until_a_key_frame() -> None:
    video = VideoTrack(0, 1280, 720, Fraction(30), Fraction("5001.4"), "bt709")
    source = SourceInfo(60.0, Fraction("5001.4"), Fraction(5000), False, video)
    job = ChunkJob(600, 720, (LOW,), Preset.FAST)
    near, far, _ = approaches(source, GRID, in_order=True)
    argv = chunk_argv("/s", source, video, GRID, job, ["pipe:7"], near)
    assert "-ss" not in argv
    assert options(argv[: argv.index("-i")], "-bsf:v") == [
        "noise=drop='if(ld(0),0,if(key*gte(pts*tb,5009.400000),st(0,1)*0,1))'"
    ]
    assert "-bsf:v" not in chunk_argv("/s", source, video, GRID, job, ["pipe:7"], far)


@pytest.mark.parametrize(("is_thinned", "seconds"), [(False, "1/30"), (True, "1/60")])
def test_every_picture_lasts_long_enough_to_be_seen(is_thinned: bool, seconds: str) -> None:
    source = replace(SOURCE, video=replace(VIDEO, is_thinned=is_thinned))
    job = ChunkJob(0, 120, (LOW,), Preset.FAST)
    argv = chunk_argv("/s", source, VIDEO, GRID, job, ["pipe:7"], INDEXED)
    assert options(argv, "-bsf:v")[:1] == [LASTING.replace("1/30", seconds)]


@pytest.mark.parametrize(
    "argv",
    [
        probe_argv("/x -y.mp4"),
        chunk(0, 120),
        sound_argv("/x -y.mp4", SOURCE, AudioTrack(1, Fraction(0), 2), STEREO, "pipe:7"),
    ],
)
def test_an_upload_is_opened_as_one_local_media_file(argv: list[str]) -> None:
    source = argv.index("-i")
    assert argv[source + 1].startswith("file:/")
    assert options(argv[:source], "-protocol_whitelist") == ["file"]
    assert options(argv[:source], "-format_whitelist") == [",".join(FORMATS)]


def test_no_container_that_names_other_files_is_opened() -> None:
    assert not FOLLOWING_DEMUXERS & set(FORMATS)


@pytest.mark.parametrize("argv", [chunk(0, 120), silence_argv(STEREO, "pipe:7")])
def test_every_run_reports_progress_and_reads_no_terminal(argv: list[str]) -> None:
    assert options(argv, "-progress") == ["pipe:1"]
    assert "-nostdin" in argv
