"""The whole ladder of a minute of 1080p30, beside one ffmpeg command and Shaka Streamer."""

import asyncio
import resource
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from bench.report import Goal, Measure, Report
from bench.shaka import prepare
from bench.site import open_site
from packager.core.ladder import Rung, build_ladder
from packager.core.plan import SEGMENT_SECONDS
from packager.core.source import VideoTrack
from sample_media.generate import generate
from streamer.client import ApiClient

GOAL_RATIO = 1.0
GOAL_SHAKA_RATIO = 0.8
FRAME_RATE = 30
_SOURCE = VideoTrack(
    index=0,
    width=1920,
    height=1080,
    frame_rate=Fraction(FRAME_RATE),
    start_seconds=Fraction(0),
    matrix="bt709",
)


async def run(directory: Path, quick: bool) -> Report:
    """Package the clip and run the peers in turn; wall clock and CPU of all."""
    rounds, clip_name = (1, "demo") if quick else (3, "demo_60s")
    clip = await asyncio.to_thread(generate, clip_name)
    rungs = build_ladder(_SOURCE)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for preset in ("fast", "quality"):
        place = directory / preset
        place.mkdir()
        async with open_site(place, {"PACKAGER_PRESET": preset}) as site:
            origin, worker = await site.origin(), await site.worker()
            # What takes minutes is measured less often.
            for number in range(rounds if preset == "fast" else 1):
                before = worker.cpu_seconds()
                wall = await package(origin.url, clip)
                found[f"streamer, {preset}"].append((wall, worker.cpu_seconds() - before))
                target = place / f"peer-{number}"
                if preset == "fast":
                    for name, graph in (("one command", _apart), ("its sizes in turn", _in_turn)):
                        output = target / graph.__name__
                        await asyncio.to_thread(output.mkdir, parents=True)
                        command = _command(clip, rungs, graph(rungs), output)
                        found[name].append(await _run_command(command))
                else:
                    command = await prepare(clip, rungs, target)
                    found["shaka-streamer"].append(await _run_command(command))
    wall_clock, cpu = (
        {
            name: Measure(f"{name}, {label}", "s", tuple(run[place] for run in runs))
            for name, runs in found.items()
        }
        for place, label in enumerate(("wall", "CPU"))
    )
    best = min(("one command", "its sizes in turn"), key=lambda name: wall_clock[name].median)
    pairs = (("fast", best), ("quality", "shaka-streamer"))
    ratios = [
        of[f"streamer, {preset}"].ratio_to(of[peer], f"streamer, {preset} / {peer}, {label}")
        for preset, peer in pairs
        for of, label in ((wall_clock, "wall"), (cpu, "CPU"))
    ]
    names = ", ".join(rung.name for rung in rungs)
    return Report(
        f"Whole ladder of {clip_name}",
        (*wall_clock.values(), *cpu.values(), *ratios),
        (Goal(ratios[0], GOAL_RATIO), Goal(ratios[2], GOAL_SHAKA_RATIO)),
        (
            f"{names} and stereo AAC; against one command the same preset, CRF, caps, GOP and"
            " lookahead; it scales each size from the source, or each from the next larger one",
            "against shaka-streamer x264's preset slow, which it always takes for files, and the"
            " same sizes; its bit rates are our caps, where we take what CRF 23 needs",
            "streamer: last byte answered to state ready, poster and storyboard included",
        ),
    )


async def package(origin_url: str, clip: Path) -> float:
    """Upload a clip; returns the seconds from its last byte to ready, and deletes it."""
    loop = asyncio.get_running_loop()
    async with ApiClient(origin_url) as client:
        video_id = await client.upload(clip, title="ladder")
        uploaded_at = loop.time()
        async for video in client.events(video_id):
            if video["state"] == "failed":
                raise RuntimeError(f"packaging failed: {video['error']}")
            if video["state"] == "ready":
                break
        elapsed = loop.time() - uploaded_at
        await client.delete(video_id)
    return elapsed


async def _run_command(command: Sequence[str]) -> tuple[float, float]:
    """Wall clock and CPU seconds of a command."""
    loop = asyncio.get_running_loop()
    before, started_at = _children_cpu_seconds(), loop.time()
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait() != 0:
        raise RuntimeError(f"{command[0]} failed")
    return loop.time() - started_at, _children_cpu_seconds() - before


def _children_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _apart(rungs: Sequence[Rung]) -> str:
    """Every size out of the source's pictures."""
    inputs = "".join(f"[in{number}]" for number in range(len(rungs)))
    chains = [f"[in{number}]{_scaled(rung)}[v{number}]" for number, rung in enumerate(rungs)]
    return ";".join([f"[0:v]split={len(rungs)}{inputs}", *chains])


def _in_turn(rungs: Sequence[Rung]) -> str:
    """Every size out of the next larger one's pictures; the largest is the source's."""
    top = len(rungs) - 1
    chains = [f"[0:v]split[v{top}][next{top}]"]
    for number in range(top - 1, 0, -1):
        scaled = _scaled(rungs[number])
        chains.append(f"[next{number + 1}]{scaled},split[v{number}][next{number}]")
    return ";".join([*chains, f"[next1]{_scaled(rungs[0])}[v0]"])


def _scaled(rung: Rung) -> str:
    """As we do, in less time than by ffmpeg's own scaler."""
    return f"zscale={rung.width}:{rung.height}:f=bicubic,format=yuv420p"


def _command(clip: Path, rungs: Sequence[Rung], graph: str, target: Path) -> list[str]:
    """Decode once, scale and encode every rendition, write HLS with fMP4 segments."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    # Its encoders fill the processors: more threads before them make it 1 % slower.
    command += ["-threads", "1", "-i", str(clip)]
    command += ["-filter_complex_threads", "1", "-filter_complex", graph]
    for number, rung in enumerate(rungs):
        command += ["-map", f"[v{number}]", f"-maxrate:v:{number}", str(rung.max_bps)]
        command += [f"-bufsize:v:{number}", str(round(rung.max_bps * 1.5))]
    gop = str(SEGMENT_SECONDS * FRAME_RATE)
    streams = [f"v:{number},agroup:sound" for number in range(len(rungs))]
    return [
        *command,
        *("-map", "0:a", "-c:a", "aac", "-b:a", "128k", "-c:v", "libx264", "-profile:v", "high"),
        *("-preset", "veryfast", "-rc-lookahead", "40", "-crf", "23", "-flags:v", "+cgop"),
        *("-g", gop, "-keyint_min", gop, "-sc_threshold", "0"),
        *("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_segment_type", "fmp4"),
        *("-hls_playlist_type", "vod", "-master_pl_name", "index.m3u8"),
        *("-var_stream_map", " ".join((*streams, "a:0,agroup:sound,default:yes"))),
        str(target / "%v" / "index.m3u8"),
    ]
