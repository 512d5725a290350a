"""The demo, as `make demo` runs it, without a browser."""

import json
import subprocess
import sys
from pathlib import Path

from sample_media.generate import generate


def test_the_demo_plays_a_video_through_the_edge(tmp_path: Path) -> None:
    command = ["demo", str(generate("numbered")), "--once", "--data-dir", str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-m", "streamer", *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["segments"] == -(-summary["duration_seconds"] // 4)
    segments_and_inits = 2 * (summary["segments"] + 1)  # of a video and an audio rendition
    assert summary["edge_hits"] + summary["edge_misses"] == segments_and_inits
    assert summary["prefetched_used"] > 0
    assert summary["time_to_playable_seconds"] > 0
    assert summary["renditions"]
