"""The demo, as `make demo` runs it, without a browser."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_demo_plays_the_sample_through_the_edge(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "streamer", "demo", "--once", "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["segments"] == -(-summary["duration_seconds"] // 4)
    assert summary["edge_hits"] > summary["edge_misses"] > 0
    assert summary["prefetched_used"] > 0
    assert summary["time_to_playable_seconds"] > 0
    assert summary["renditions"]
