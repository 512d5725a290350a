"""The demo, as `make demo` runs it, without a browser."""

import json
import os
import subprocess
import sys
from pathlib import Path

from sample_media.generate import generate


def test_the_demo_plays_a_video_through_the_edge_and_leaves_a_real_installation_alone(
    tmp_path: Path,
) -> None:
    real = tmp_path / "real"
    command = ["demo", str(generate("numbered")), "--once", "--data-dir", str(tmp_path / "demo")]
    result = subprocess.run(
        [sys.executable, "-m", "streamer", *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={
            **os.environ,
            "STREAMER_STORE": (real / "store").as_uri(),
            "STREAMER_DATABASE_URL": f"sqlite:///{real / 'streamer.db'}",
            "STREAMER_API_TOKEN": "secret",
            "EDGE_ORIGIN": "https://origin.example.com",
        },
    )
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary["segments"] == -(-summary["duration_seconds"] // 4)
    segments_and_inits = 2 * (summary["segments"] + 1)  # of a video and an audio rendition
    assert summary["edge_hits"] + summary["edge_misses"] == segments_and_inits
    assert summary["prefetched_used"] > 0
    assert summary["time_to_playable_seconds"] > 0
    assert summary["renditions"]
    assert not real.exists()
