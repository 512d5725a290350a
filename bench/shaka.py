"""Shaka Streamer as a peer: its own program, in an environment of its own.

Its package has the same name as ours, so it cannot be installed beside it.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from packager.core.ladder import Rung
from packager.core.plan import SEGMENT_SECONDS

PROGRAM = Path(".make/shaka/bin/shaka-streamer")
_AUDIO_BPS = 128_000


def shaka_command(clip: Path, rungs: Sequence[Rung], target: Path) -> list[str]:
    """Its command for the same renditions, written as HLS, and the files it reads.

    Raises:
        RuntimeError: It is not installed; `make bench` does that.
    """
    if not PROGRAM.exists():
        raise RuntimeError(f"{PROGRAM} is missing: run `make bench`")
    target.mkdir()
    # JSON is YAML too.
    documents = {
        "input": {
            "inputs": [
                {"name": str(clip.absolute()), "media_type": "video"},
                {"name": str(clip.absolute()), "media_type": "audio"},
            ]
        },
        "bitrates": {
            "audio_channel_layouts": {
                "stereo": {"max_channels": 2, "bitrates": {"aac": str(_AUDIO_BPS)}}
            },
            "video_resolutions": {
                rung.name: {
                    "max_width": rung.width,
                    "max_height": rung.height,
                    "bitrates": {"h264": str(rung.max_bps)},
                }
                for rung in rungs
            },
        },
        "pipeline": {
            "streaming_mode": "vod",
            "resolutions": [rung.name for rung in rungs],
            "channel_layouts": ["stereo"],
            "audio_codecs": ["aac"],
            "video_codecs": ["h264"],
            "manifest_format": ["hls"],
            "segment_size": SEGMENT_SECONDS,
            "segment_per_file": True,
            "quiet": True,
        },
    }
    for name, document in documents.items():
        (target / f"{name}.yaml").write_text(json.dumps(document))
    return [
        str(PROGRAM),
        *("-i", str(target / "input.yaml"), "-p", str(target / "pipeline.yaml")),
        *("-b", str(target / "bitrates.yaml"), "-o", str(target / "out")),
    ]


async def prepare(clip: Path, rungs: Sequence[Rung], target: Path) -> list[str]:
    """What `shaka_command` returns."""
    return await asyncio.to_thread(shaka_command, clip, rungs, target)
